/** What `assay model fetch` says while it fetches. */

import type { Io } from '../../command-line/io.ts';
import { printable } from '../../command-line/output.ts';

/**
 * Says how far a fetch is: in place on a terminal, every tenth in a file, and nothing before the first byte is here.
 * @example const progress = new FetchProgress(io); progress.count('https://…', 1024, 4096); progress.end();
 */
export class FetchProgress {
  readonly #io: Io;
  #said = '';
  #part = -1;
  #open = false;

  constructor(io: Io) {
    this.#io = io;
  }

  say(line: string): void {
    if (line === this.#said) return;
    this.#said = line;
    this.#io.stderr(`${line}\n`);
  }

  /** @param total above 0. */
  count(source: string, done: number, total: number): void {
    this.say(`model: ${printable(source)}`);
    if (done === 0) return;
    const steps = this.#io.interactive ? 100 : 10;
    const part = Math.floor((done * steps) / total);
    if (part === this.#part) return;
    this.#part = part;
    const line = `${Math.floor((done * 100) / total)}% of ${Math.ceil(total / 1024 / 1024)} MB`;
    this.#open = this.#io.interactive;
    this.#io.stderr(this.#io.interactive ? `\r${line} ` : `${line}\n`);
  }

  end(): void {
    if (this.#open) this.#io.stderr('\n');
  }
}
