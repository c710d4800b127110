/**
 * Limits of one run: defaults filled in, every value checked, none above what the lane can enforce.
 */

import type { ExecutionLimits } from '@assay/receipt';
import { SandboxError } from './errors.ts';
import { DEFAULT_LIMITS } from './port.ts';

const MIB = 1024 * 1024;

/** The most a job may ask for in any lane; a lane may set lower ones. */
export const MAXIMUM_LIMITS: ExecutionLimits = {
  wallMs: 300_000,
  cpuMs: 300_000,
  memoryBytes: 2048 * MIB,
  processes: 256,
  openFiles: 1024,
  outputBytes: 16 * MIB,
  fileBytes: 32 * MIB,
  diskBytes: 512 * MIB,
  inodes: 65_536,
  artifacts: 256,
};

/** Timers and queued signals of a native cell: memory of the kernel's that no process's count has. The usual bound is some 100,000. */
export const PENDING_SIGNALS = 1024;

/** Below these a job cannot even start; asking for less is a mistake, not a wish. */
const MINIMUM_LIMITS: ExecutionLimits = {
  wallMs: 10,
  cpuMs: 10,
  memoryBytes: 64 * MIB,
  processes: 1,
  openFiles: 16,
  outputBytes: 0,
  fileBytes: 0,
  diskBytes: 0,
  inodes: 1,
  artifacts: 0,
};

/**
 * Fills in defaults and checks every limit.
 *
 * @throws {SandboxError} `sandbox/limit-invalid` for an unknown name, a value that is no whole number or too small to start;
 * `sandbox/limit-too-high` above `maximum`.
 *
 * @example
 * mergeLimits({ wallMs: 5_000 }).memoryBytes; // 536870912
 */
export function mergeLimits(
  wanted: Partial<ExecutionLimits> = {},
  maximum: ExecutionLimits = MAXIMUM_LIMITS,
  defaults: ExecutionLimits = DEFAULT_LIMITS,
): ExecutionLimits {
  const limits = { ...defaults };
  for (const [name, value] of Object.entries(wanted)) {
    if (value === undefined) continue;
    if (!Object.hasOwn(defaults, name)) {
      throw new SandboxError(
        'sandbox/limit-invalid',
        `expected a limit out of ${Object.keys(defaults).join(', ')}, got ${quote(name)}`,
      );
    }
    const limit = name as keyof ExecutionLimits;
    if (!Number.isSafeInteger(value) || value < MINIMUM_LIMITS[limit]) {
      throw new SandboxError(
        'sandbox/limit-invalid',
        `expected ${limit} as a whole number ≥ ${MINIMUM_LIMITS[limit]}, got ${value}`,
      );
    }
    if (value > maximum[limit]) {
      throw new SandboxError('sandbox/limit-too-high', `expected ${limit} ≤ ${maximum[limit]}, got ${value}; ask for less`);
    }
    limits[limit] = value;
  }
  return limits;
}

function quote(text: string): string {
  return JSON.stringify(text.slice(0, 60));
}
