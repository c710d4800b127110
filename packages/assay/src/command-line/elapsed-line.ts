/** The line under a step that takes long: how many seconds it has taken. On terminals only, and gone with the next step. */

import type { Io } from './io.ts';
import { styleOf } from './output.ts';

const SECOND_MS = 1000;

export class ElapsedLine {
  readonly #io: Io;
  #timer: NodeJS.Timeout | null = null;
  #shown = 0;

  constructor(io: Io) {
    this.#io = io;
  }

  /** Counts from now. */
  start(): void {
    this.stop();
    if (!this.#io.interactive || this.#io.env.TERM === 'dumb') return;
    const begun = this.#io.now();
    this.#timer = setInterval(() => {
      const text = `… ${Math.round((this.#io.now() - begun) / SECOND_MS)} s`;
      this.#shown = text.length;
      this.#io.stderr(`\r${styleOf(this.#io).faint(text)}`);
    }, SECOND_MS);
    this.#timer.unref();
  }

  /** Takes the line away, so that the next one begins at the left. */
  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    if (this.#shown > 0) this.#io.stderr(`\r${' '.repeat(this.#shown)}\r`);
    this.#shown = 0;
  }
}
