/** The frames between the host and a guest of the wasm lane. Both sides import this file, so it holds nothing but shapes. */

/** Frame types, host to guest below 16, guest to host from 16. */
export const MESSAGE = {
  job: 1,
  file: 2,
  stdin: 3,
  fetched: 4,
  ready: 16,
  stdout: 17,
  stderr: 18,
  fetch: 19,
  artifact: 20,
  skipped: 21,
  done: 22,
  snapshot: 23,
  unseeded: 24,
} as const;

/** Head of a `job` frame; its body is the source. `files` file frames and one stdin frame follow. */
export interface JobHead {
  /** Made for this cell; its `done` frame names it again. User code cannot read it, so what it writes is no end of a cell. */
  readonly cell: string;
  readonly files: number;
  readonly argv: readonly string[];
  /** 64 hex characters. */
  readonly seed: string;
  readonly epochMs: number;
  readonly network: boolean;
  /** Keep state and wait for another cell afterwards. */
  readonly session: boolean;
  readonly diskBytes: number;
  readonly fileBytes: number;
  readonly inodes: number;
  readonly artifacts: number;
}

/** Head of a `done` frame. */
export interface DoneHead {
  /** {@link JobHead.cell}. */
  readonly cell: string;
  /** The process ends with this cell: a session has lost its state. */
  readonly over: boolean;
  readonly exitCode: number;
  readonly value: string | null;
  readonly error: { readonly name: string; readonly message: string; readonly traceback: string } | null;
  /** Set when the code filled its disk: the run ends as `disk-limit`. */
  readonly diskFull: boolean;
}

/** What the self-test sets out for the attacks of `guest/probe.ts`. */
export interface ProbeBait {
  /** Path of a file with `secret` in it. */
  readonly canary: string;
  readonly secret: string;
  /** A listener on 127.0.0.1. */
  readonly port: number;
}

/** What a guest is told on its command line, as JSON. URLs are `file:` URLs. */
export interface GuestConfig {
  readonly ethers: string | null;
  /** The parser of the JavaScript guest. */
  readonly acorn: string | null;
  /** Load ethers before the job comes. */
  readonly preload: boolean;
  readonly pyodide: string | null;
  /** Paths of the Python front end's modules, read when there is no snapshot. */
  readonly frontEnd: readonly string[];
  /** Path of the memory snapshot; `null` starts the interpreter from scratch. */
  readonly snapshot: string | null;
  /** Wheels to load before the first job: directory path and the names to import. */
  readonly wheels: { readonly directory: string; readonly lockFile: string; readonly load: readonly string[] } | null;
  /** Cap of wasm memory in 64 KiB pages. */
  readonly memoryPages: number;
  /** For the guest of the self-test only. */
  readonly probe?: ProbeBait | undefined;
}
