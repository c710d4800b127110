/** The port to the Solidity compilers that this agent has. They are part of its image: nothing is fetched while it works. */

/** One compiler, exactly. */
export interface CompilerRelease {
  /** e.g. `0.8.24`. */
  readonly version: string;
  /** As the compiler prints it, e.g. `0.8.24+commit.e11b9ed9.Emscripten.clang`. */
  readonly longVersion: string;
  /** SHA-256 of `soljson.js`, lower-case hex. */
  readonly sha256: string;
  /** Subresource integrity of the npm package it came from, `sha512-…`. */
  readonly integrity: string;
}

export interface CompileRequest {
  readonly version: string;
  /** The standard JSON input, as text. */
  readonly input: string;
  /** Wall time, milliseconds. */
  readonly wallMs: number;
  readonly signal: AbortSignal;
}

export interface Compilers {
  /** Sorted from the newest to the oldest. */
  readonly releases: readonly CompilerRelease[];
  /**
   * The compiler's standard JSON output, as text.
   * @throws {ServerError} `compiler/unknown`, `compiler/timeout`, `compiler/too-large`, `compiler/crashed`, `task/cancelled`, `server/busy`.
   */
  compile(request: CompileRequest): Promise<string>;
  close(): Promise<void>;
}
