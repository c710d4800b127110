/** What a child of the crash tests tells its parent. */

import { writeSync } from 'node:fs';

/** A line on standard output, whole, also to a parent that does not read for a while: its pipe is full then (EAGAIN). */
export function say(line: string): void {
  for (let rest = Buffer.from(`${line}\n`); rest.length > 0; ) {
    try {
      rest = rest.subarray(writeSync(1, rest));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
}
