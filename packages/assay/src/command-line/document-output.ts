/** Under `--json` standard output is one JSON document, whatever happens: when a command ends in an error before it printed, the error is it. */

import { isCoded } from '@assay/encoding/coded-error';
import type { Io } from './io.ts';
import { jsonText } from './output.ts';

export class DocumentOutput {
  /** The `io` for the command; notes whether it printed. */
  readonly io: Io;
  readonly #json: boolean;
  #printed = false;

  constructor(io: Io, json: boolean) {
    this.#json = json;
    const stdout = (text: string): void => {
      this.#printed = true;
      io.stdout(text);
    };
    // The rest is inherited: to read `signal` here would start to listen for Ctrl-C.
    this.io = Object.create(io, { stdout: { value: stdout, enumerable: true } }) as Io;
  }

  /** Prints `{"error":{"code","kind","message"}}` unless the command printed its document already. */
  fail(error: unknown): void {
    if (!this.#json || this.#printed) return;
    const fault = { code: null, kind: 'fault', message: error instanceof Error ? error.message : String(error) };
    const { code, kind, message } = isCoded(error) ? error : fault;
    this.io.stdout(jsonText({ error: { code, kind, message } }));
  }
}
