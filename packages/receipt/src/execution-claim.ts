/**
 * The execution claim: what an agent says about one run of code in its sandbox, in a form that anyone can re-run and compare.
 * Its digest (`sha256(JCS(claim))`) stands in the receipt's `code.executed` event. Format: spec/execution-claim.md.
 *
 * Not claimed: that the code is safe, or that a run with `repro: "none"` can be reproduced.
 */

export type ExecutionLanguage = 'python' | 'javascript' | 'shell';
/** Which mechanism confined the code: throw-away deno child, Linux namespaces, or Landlock. */
export type SandboxLane = 'wasm' | 'linux-ns' | 'landlock';
/** Strength proven by the hostile self-test at boot, weakest first: `reduced` < `wasm` < `ns`. */
export type IsolationLevel = 'reduced' | 'wasm' | 'ns';
export type ExecutionStatus = 'ok' | 'error' | 'timeout' | 'oom' | 'output-limit' | 'disk-limit' | 'killed' | 'rejected';
export type Reproducibility = 'bit-exact' | 'cpu-dependent' | 'none';

/** A file by content. `path` is the absolute path the code saw, `sha256` lower-case hex over the bytes. */
export interface FileDigest {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** Hard limits of one run. Times in milliseconds, sizes in bytes. */
export interface ExecutionLimits {
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly memoryBytes: number;
  readonly processes: number;
  readonly openFiles: number;
  readonly outputBytes: number;
  readonly fileBytes: number;
  readonly diskBytes: number;
  readonly inodes: number;
  readonly artifacts: number;
}

export interface ExecutionClaim {
  readonly v: 1;
  readonly language: ExecutionLanguage;
  readonly lane: SandboxLane;
  readonly isolation: IsolationLevel;
  /** Lower-case hex SHA-256 of the UTF-8 source that ran. */
  readonly codeSha256: string;
  readonly argv: readonly string[];
  /** Sorted by path. */
  readonly inputs: readonly FileDigest[];
  /** SHA-256 of the JCS environment manifest of the lane. */
  readonly environmentDigest: string;
  readonly limits: ExecutionLimits;
  /** Hex seed of clock and entropy substitutes; empty when the host's are used. */
  readonly seed: string;
  readonly clock: { readonly mode: 'frozen'; readonly epochMs: number } | { readonly mode: 'host' };
  readonly entropy: 'seeded' | 'os';
  /** `record`: every exchange is in a transcript with this digest, and a re-run is served from it. */
  readonly network: { readonly mode: 'off' } | { readonly mode: 'record'; readonly transcriptSha256: string };
  /** Claim digest of the previous cell of the same session, `null` for a stand-alone run. */
  readonly sessionPrevious: string | null;
  readonly status: ExecutionStatus;
  readonly exitCode: number | null;
  readonly stdoutSha256: string;
  readonly stderrSha256: string;
  /** Files the code left behind, sorted by path. */
  readonly outputs: readonly FileDigest[];
  readonly truncated: boolean;
  readonly reproducibility: Reproducibility;
}
