/** Everything a command may touch of the outside, so that tests run commands by transcript. */

import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';

export interface Io {
  /** Results. */
  stdout(text: string): void;
  /** Talk: `error:`, `hint:`, progress. */
  stderr(text: string): void;
  /** All of standard input. */
  stdin(): Promise<Uint8Array>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Epoch milliseconds. */
  now(): number;
  readonly fetch: typeof globalThis.fetch;
  /** True when standard output is a terminal. */
  readonly interactive: boolean;
  /** Aborted on Ctrl-C. */
  readonly signal: AbortSignal;
}

export function processIo(): Io {
  const interrupt = new AbortController();
  return {
    stdout: (text) => void process.stdout.write(text),
    stderr: (text) => void process.stderr.write(text),
    async stdin() {
      const chunks: Uint8Array[] = [];
      for await (const chunk of process.stdin) chunks.push(chunk as Uint8Array);
      return Buffer.concat(chunks);
    },
    env: process.env,
    cwd: process.cwd(),
    now: () => Date.now(),
    fetch: (input, init) => globalThis.fetch(input, init),
    interactive: process.stdout.isTTY === true,
    get signal() {
      if (process.listenerCount('SIGINT') === 0) process.once('SIGINT', () => interrupt.abort());
      return interrupt.signal;
    },
  };
}

/** Bytes of a file below the working directory of `io`. */
export async function readBytes(io: Io, path: string): Promise<Uint8Array> {
  return readFile(resolve(io.cwd, path));
}
