/** Everything a command may touch of the outside, so that tests run commands by transcript. */

import { readAtMost } from '@assay/encoding/bounded-reader';
import { interrupted } from './interrupted.ts';
import { asStarted } from './started-as.ts';

/** Where a terminal does not say how wide it is. */
const DEFAULT_COLUMNS = 80;

export interface Io {
  /** Results. */
  stdout(text: string): void;
  /** Talk: `error:`, `hint:`, progress. */
  stderr(text: string): void;
  /** All of standard input; `refuse` is thrown as soon as more than `most` bytes came. */
  stdin(most: number, refuse: () => Error): Promise<Uint8Array>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Epoch milliseconds. */
  now(): number;
  /** Follows no redirect. */
  readonly fetch: typeof globalThis.fetch;
  /** Of the terminal behind standard output; `null` for a pipe or a file, whose lines are never broken. */
  readonly columns: number | null;
  /** True when standard output is a terminal. */
  readonly interactive: boolean;
  /** Aborted on Ctrl-C and on SIGTERM, with {@link interrupted} as its reason; a second signal ends the process. */
  readonly signal: AbortSignal;
}

export function processIo(): Io {
  const interrupt = new AbortController();
  // `assay verify x | head` closes the pipe early: that is the reader's choice, not a fault.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', endQuietly);
  // Listening changes what Ctrl-C does, so it begins with the first command that asks.
  let listening = false;
  return {
    stdout: (text) => void process.stdout.write(text),
    stderr: (text) => void process.stderr.write(asStarted(text, process.env)),
    stdin: (most, refuse) => readAtMost(process.stdin, { most, what: 'standard input', refuse }),
    env: process.env,
    cwd: process.cwd(),
    now: () => Date.now(),
    fetch: (input, init) => globalThis.fetch(input, { redirect: 'error', ...init }),
    columns: process.stdout.isTTY === true ? process.stdout.columns || DEFAULT_COLUMNS : null,
    interactive: process.stdout.isTTY === true,
    get signal() {
      if (!listening) {
        listening = true;
        for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => interrupt.abort(interrupted()));
      }
      return interrupt.signal;
    },
  };
}

/** The exit code that was set stands; an error other than a closed pipe is misuse of the stream. */
function endQuietly(error: NodeJS.ErrnoException): void {
  process.exit(error.code === 'EPIPE' ? process.exitCode : 1);
}

/** The same outside with other settings. The rest is inherited: to read `signal` would start to listen for Ctrl-C. */
export function withEnvironment(io: Io, env: () => Io['env']): Io {
  return Object.create(io, { env: { get: env, enumerable: true } }) as Io;
}
