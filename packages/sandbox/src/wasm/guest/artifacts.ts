/** Sends the files that a job left behind. The host checks every one again; this only saves it the work. */

import { MESSAGE } from '../messages.ts';
import { plain, send } from './wire.ts';

export interface Found {
  readonly path: string;
  /** `null` when the file cannot be taken; `reason` then says why. */
  readonly bytes: Uint8Array | null;
  readonly reason?: string;
}

export interface CollectLimits {
  readonly fileBytes: number;
  readonly diskBytes: number;
  readonly artifacts: number;
}

/** Sends new and changed files in the given order, and says what was left out. */
export function sendArtifacts(found: Iterable<Found>, inputs: ReadonlyMap<string, Uint8Array>, limits: CollectLimits): void {
  let count = 0;
  let total = 0;
  let skipped = 0;
  for (const { path, bytes, reason } of found) {
    const before = inputs.get(path);
    if (bytes !== null && before !== undefined && same(before, bytes)) continue;
    const left =
      bytes === null
        ? (reason ?? 'not a regular file')
        : bytes.length > limits.fileBytes
          ? `larger than ${limits.fileBytes} bytes`
          : count >= limits.artifacts
            ? `more than ${limits.artifacts} files`
            : total + bytes.length > limits.diskBytes
              ? `more than ${limits.diskBytes} bytes together`
              : null;
    if (left === null && bytes !== null) {
      count += 1;
      total += bytes.length;
      send(MESSAGE.artifact, plain({ path }), bytes);
    } else if (skipped < 256) {
      skipped += 1;
      send(MESSAGE.skipped, plain({ path: path.slice(0, 4096), reason: left }));
    }
  }
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let index = 0; index < a.length; index += 1) if (a[index] !== b[index]) return false;
  return true;
}
