/** Sends the files that a job left behind. The host checks every one again; this only saves it the work. */

import { byteLength, slice } from '../../../runners/javascript/engine.mjs';
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

/** Gives a function that sends a file if it is new or changed, and says when it was left out. Call it in order of path. */
export function artifactSender(inputs: ReadonlyMap<string, Uint8Array>, limits: CollectLimits): (found: Found) => void {
  let count = 0;
  let total = 0;
  let skipped = 0;
  return ({ path, bytes, reason }) => {
    const before = inputs.get(path);
    if (bytes !== null && before !== undefined && same(before, bytes)) return;
    const size = bytes === null ? 0 : byteLength(bytes);
    const left =
      bytes === null
        ? (reason ?? 'not a regular file')
        : size > limits.fileBytes
          ? `larger than ${limits.fileBytes} bytes`
          : count >= limits.artifacts
            ? `more than ${limits.artifacts} files`
            : total + size > limits.diskBytes
              ? `more than ${limits.diskBytes} bytes together`
              : null;
    if (left === null && bytes !== null) {
      count += 1;
      total += size;
      send(MESSAGE.artifact, plain({ path }), bytes);
    } else if (skipped < 256) {
      skipped += 1;
      send(MESSAGE.skipped, plain({ path: slice(path, 0, 4096), reason: left }));
    }
  };
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  const size = byteLength(a);
  if (size !== byteLength(b)) return false;
  for (let index = 0; index < size; index += 1) if (a[index] !== b[index]) return false;
  return true;
}
