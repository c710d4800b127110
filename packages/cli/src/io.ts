/** Everything a command may touch of the outside, so that tests run commands by transcript. */

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
  /** Aborted on Ctrl-C and on SIGTERM; a second signal ends the process. */
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
      if (!listening) {
        listening = true;
        for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => interrupt.abort());
      }
      return interrupt.signal;
    },
  };
}

/** The exit code that was set stands; an error other than a closed pipe is misuse of the stream. */
function endQuietly(error: NodeJS.ErrnoException): void {
  process.exit(error.code === 'EPIPE' ? process.exitCode : 1);
}
