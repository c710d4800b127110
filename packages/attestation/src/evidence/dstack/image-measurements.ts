/**
 * Reference values of a dstack OS image, as `dstack-mr measure` prints them: JSON with `mrtd` and `rtmr0` to `rtmr2` in hex. They
 * depend on the VM's shape (CPUs, memory, GPUs), which the tool takes as arguments.
 */

import { type Json, parseJson } from '@assay/encoding/json';
import { AttestationError } from '../../errors.ts';
import type { ExactMeasurements } from '../../model/policy.ts';
import { reading } from '../reading.ts';

const NAMES = ['mrtd', 'rtmr0', 'rtmr1', 'rtmr2'] as const;

/**
 * The policy rule that accepts exactly this image.
 * @throws {AttestationError} `dstack/image-measurements-malformed`.
 * @example const policy = { ...STRICT_POLICY, measurements: [dstackImageRule('dstack 0.5.4', await readFile('measurements.json'))] };
 */
export function dstackImageRule(name: string, measurements: Uint8Array | string): ExactMeasurements {
  const json: Json = reading('dstack/image-measurements-malformed', 'json', () => parseJson(measurements));
  const members =
    typeof json === 'object' && json !== null && !Array.isArray(json) ? (json as { readonly [key: string]: Json }) : {};
  const values = NAMES.map((register): [string, readonly string[]] => {
    const value = members[register];
    if (typeof value === 'string' && /^[0-9a-f]{96}$/i.test(value)) return [register, [value.toLowerCase()]];
    throw new AttestationError('dstack/image-measurements-malformed', `expected 48 bytes of hex in "${register}"`);
  });
  return { name, type: 'dstack', values: Object.fromEntries(values) };
}
