/** An `io` for the command line that keeps what was printed, with a fixed clock and no network. */

export interface Transcript {
  stdout(text: string): void;
  stderr(text: string): void;
  stdin(most: number, refuse: () => Error): Promise<Uint8Array>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  now(): number;
  readonly fetch: typeof globalThis.fetch;
  readonly columns: number | null;
  readonly interactive: boolean;
  readonly signal: AbortSignal;
  /** Everything printed so far. */
  readonly out: () => string;
  readonly err: () => string;
}

export interface TranscriptOptions {
  readonly cwd: string;
  /** Epoch milliseconds. */
  readonly now: number;
  readonly stdin?: Uint8Array;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** A terminal this wide; a pipe when left out. */
  readonly columns?: number;
  /** A terminal; follows from `columns` when left out. */
  readonly interactive?: boolean;
  readonly fetch?: typeof globalThis.fetch;
}

/** @example const io = transcript({ cwd, now: FAKE_NOW }); await run(['verify', 'x'], io); io.out(); */
export function transcript(options: TranscriptOptions): Transcript {
  const written = { out: '', err: '' };
  return {
    stdout: (text) => {
      written.out += text;
    },
    stderr: (text) => {
      written.err += text;
    },
    stdin: async (most, refuse) => {
      const bytes = options.stdin ?? new Uint8Array();
      if (bytes.length > most) throw refuse();
      return bytes;
    },
    env: options.env ?? {},
    cwd: options.cwd,
    now: () => options.now,
    fetch: options.fetch ?? (() => Promise.reject(new TypeError('no network in tests'))),
    columns: options.columns ?? null,
    interactive: options.interactive ?? options.columns !== undefined,
    signal: new AbortController().signal,
    out: () => written.out,
    err: () => written.err,
  };
}
