/**
 * Bounded capture of what the code writes: the kept bytes, their SHA-256, and text for people. Standard output and standard
 * error share one budget, so that neither can be used to get round the other's.
 */

import { createHash } from 'node:crypto';
import type { SandboxStream } from './port.ts';

/** What both streams of one job may keep together, in bytes. */
export class OutputBudget {
  #left: number;

  constructor(bytes: number) {
    this.#left = bytes;
  }

  /** How many of `wanted` bytes may be kept; subtracts them. */
  take(wanted: number): number {
    const granted = Math.min(wanted, this.#left);
    this.#left -= granted;
    return granted;
  }

  get exhausted(): boolean {
    return this.#left === 0;
  }
}

/**
 * Keeps the beginning of one stream.
 *
 * @example
 * const budget = new OutputBudget(limits.outputBytes);
 * const stdout = new StreamCapture(budget);
 * stdout.write(chunk); // text to forward as an event
 * if (stdout.truncated) child.kill();
 */
export class StreamCapture {
  readonly #budget: OutputBudget;
  readonly #hash = createHash('sha256');
  readonly #decoder = new TextDecoder('utf-8', { fatal: false, ignoreBOM: true });
  #text: string[] = [];
  #bytes = 0;
  #truncated = false;

  constructor(budget: OutputBudget) {
    this.#budget = budget;
  }

  /** Takes bytes from the sandbox; gives the text to show for those that were kept (complete characters only). */
  write(chunk: Uint8Array): string {
    this.#bytes += chunk.length;
    const granted = this.#truncated ? 0 : this.#budget.take(chunk.length);
    if (granted < chunk.length) this.#truncated = true;
    if (granted === 0) return '';
    const kept = chunk.subarray(0, granted);
    this.#hash.update(kept);
    const text = this.#decoder.decode(kept, { stream: true });
    this.#text.push(text);
    return text;
  }

  get truncated(): boolean {
    return this.#truncated;
  }

  /** Closes the stream. A character cut in two by the limit shows as U+FFFD in `text`; the hash is over the bytes. */
  finish(): SandboxStream {
    this.#text.push(this.#decoder.decode());
    return {
      text: this.#text.join(''),
      bytes: this.#bytes,
      sha256: this.#hash.digest('hex'),
      truncated: this.#truncated,
    };
  }
}
