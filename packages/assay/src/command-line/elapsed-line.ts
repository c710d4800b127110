/**
 * The line under a step that takes long: how many seconds it has taken. On a terminal every second, and gone with the next step; in a pipe a
 * line of its own now and then, so that a log shows that work goes on.
 */

import type { Io } from './io.ts';
import { styleOf } from './output.ts';

const SECOND_MS = 1000;
/** Between two lines in a pipe. */
const PIPE_MS = 30_000;

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
    const inPlace = this.#io.interactive && this.#io.env.TERM !== 'dumb';
    const begun = this.#io.now();
    this.#timer = setInterval(
      () => {
        const text = `… ${Math.round((this.#io.now() - begun) / SECOND_MS)} s`;
        if (inPlace) this.#shown = text.length;
        this.#io.stderr(inPlace ? `\r${styleOf(this.#io).faint(text)}` : `          ${text}\n`);
      },
      inPlace ? SECOND_MS : PIPE_MS,
    );
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
