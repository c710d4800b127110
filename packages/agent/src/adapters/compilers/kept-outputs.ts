/**
 * Outputs of recent compilations, so that an audit after a build of the same input compiles nothing again. In memory only, bounded by length; the
 * least recently used goes. A compiler gives the same output for the same input, which published builds show (tests/contracts).
 */

import { createHash } from 'node:crypto';
import type { CompilerRelease } from '../../ports/compilers.ts';

/** Of all outputs that are kept, and of one. UTF-16 units. */
const MOST_LENGTH = 64 * 1024 * 1024;
const MOST_ONE = 16 * 1024 * 1024;

export class KeptOutputs {
  readonly #outputs = new Map<string, string>();
  readonly #most: number;
  #length = 0;

  constructor(most: number = MOST_LENGTH) {
    this.#most = most;
  }

  /** The output of exactly this compiler for exactly this input, or `null`. */
  find(release: CompilerRelease, input: string): string | null {
    const key = keyOf(release, input);
    const output = this.#outputs.get(key);
    if (output === undefined) return null;
    this.#outputs.delete(key);
    this.#outputs.set(key, output);
    return output;
  }

  keep(release: CompilerRelease, input: string, output: string): void {
    const key = keyOf(release, input);
    if (output.length > Math.min(MOST_ONE, this.#most) || this.#outputs.has(key)) return;
    this.#outputs.set(key, output);
    this.#length += output.length;
    for (const [oldest, { length }] of this.#outputs) {
      if (this.#length <= this.#most) break;
      this.#outputs.delete(oldest);
      this.#length -= length;
    }
  }
}

function keyOf({ sha256 }: CompilerRelease, input: string): string {
  return `${sha256} ${createHash('sha256').update(input).digest('hex')}`;
}
