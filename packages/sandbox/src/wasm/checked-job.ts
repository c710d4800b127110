/** A job after every check that needs no process: what may run is decided here, before a guest is taken. */

import { createHash, randomBytes } from 'node:crypto';
import type { ExecutionLimits, FileDigest } from '@assay/receipt';
import { SandboxError } from '../errors.ts';
import { digestInputs } from '../files.ts';
import { MAXIMUM_LIMITS, mergeLimits } from '../limits.ts';
import { parseAllowList } from '../network/allow-list.ts';
import type { NetworkPolicy, SandboxFile, SandboxJob } from '../port.ts';
import type { Flavour, GuestLanguage } from './guest-pool.ts';

const MAX_CODE_BYTES = 1024 * 1024;
const MAX_STDIN_BYTES = 16 * 1024 * 1024;
const MAX_EPOCH_MS = 253_402_300_799_000;

export interface CheckedJob {
  readonly language: GuestLanguage;
  /** Kind of guest that suits it. */
  readonly flavour: Flavour;
  readonly code: string;
  readonly files: readonly SandboxFile[];
  readonly inputs: readonly FileDigest[];
  readonly stdin: Uint8Array;
  readonly argv: readonly string[];
  readonly limits: ExecutionLimits;
  readonly policy: NetworkPolicy | undefined;
  readonly seed: string;
  readonly epochMs: number;
}

/**
 * Checks a job and fills in what it leaves open: limits, a random seed, the second in which it begins.
 *
 * @throws {SandboxError} `sandbox/language-unavailable`, `sandbox/code-too-large`, `sandbox/limit-invalid`,
 * `sandbox/limit-too-high`, `sandbox/file-refused`, `sandbox/seed-invalid`, `sandbox/allow-invalid`.
 */
export function checkJob(job: SandboxJob, languages: readonly string[]): CheckedJob {
  const { language } = job;
  if (language === 'shell' || !languages.includes(language)) {
    throw new SandboxError(
      'sandbox/language-unavailable',
      `the wasm sandbox runs ${languages.join(' and ')}, not ${JSON.stringify(language)}; the linux-ns lane has a shell`,
    );
  }
  const size = Buffer.byteLength(job.code);
  if (size > MAX_CODE_BYTES) {
    throw new SandboxError(
      'sandbox/code-too-large',
      `expected code of at most ${MAX_CODE_BYTES} bytes, got ${size}; send bulk as a file`,
    );
  }
  const stdin = Buffer.from(job.stdin ?? '');
  if (stdin.length > MAX_STDIN_BYTES) {
    throw new SandboxError(
      'sandbox/file-refused',
      `expected standard input of at most ${MAX_STDIN_BYTES} bytes, got ${stdin.length}`,
    );
  }
  const limits = mergeLimits(job.limits, MAXIMUM_LIMITS);
  const inputs = digestInputs(job.files ?? [], limits);
  if (job.network !== undefined) parseAllowList(job.network.allow);
  const seed = job.seed ?? randomBytes(32).toString('hex');
  if (!/^[0-9a-f]{64}$/.test(seed)) {
    throw new SandboxError(
      'sandbox/seed-invalid',
      `expected a seed of 64 lower-case hex characters, got ${seed.length} characters`,
    );
  }
  const epochMs = job.epochMs ?? Math.floor(Date.now() / 1000) * 1000;
  if (!Number.isSafeInteger(epochMs) || epochMs < 0 || epochMs > MAX_EPOCH_MS) {
    throw new SandboxError('sandbox/seed-invalid', `expected epochMs from 0 to ${MAX_EPOCH_MS}, got ${epochMs}`);
  }
  const flavour = language === 'javascript' && /\bethers\b/.test(job.code) ? 'ethers' : language;
  return {
    language,
    flavour,
    code: job.code,
    files: job.files ?? [],
    inputs,
    stdin,
    argv: (job.argv ?? []).map(String),
    limits,
    policy: job.network,
    seed,
    epochMs,
  };
}

/** Lower-case hex SHA-256. */
export function sha256(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}
