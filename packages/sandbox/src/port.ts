/**
 * The port through which model-written code runs. Lanes live in a folder each; `select.ts` picks the strongest lane that passes its hostile self-test and refuses to start below `minIsolation`.
 *
 * Rule 10 of the design: model-written code runs only behind this port, never on the host.
 */

import type {
  ExecutionClaim,
  ExecutionLanguage,
  ExecutionLimits,
  ExecutionStatus,
  IsolationLevel,
  SandboxLane,
} from '@assay/receipt';

/** A file handed to the code. `path` is absolute inside the sandbox (`/tmp/sales.csv`). */
export interface SandboxFile {
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** Which hosts the code may reach, through the host process only. Empty: no network. */
export interface NetworkPolicy {
  /** `host:port`, exact, lower-case. */
  readonly allow: readonly string[];
  /** Serve the exchanges of an earlier run instead of the network (replay). */
  readonly replay?: NetworkTranscript;
}

/** One recorded HTTP exchange; bodies are exact bytes. */
export interface NetworkExchange {
  readonly method: string;
  readonly url: string;
  readonly requestHeaders: Readonly<Record<string, string>>;
  readonly requestBody: Uint8Array;
  readonly status: number;
  readonly responseHeaders: Readonly<Record<string, string>>;
  readonly responseBody: Uint8Array;
}
export type NetworkTranscript = readonly NetworkExchange[];

/** One run of code: the code, its files and its limits. */
export interface SandboxJob {
  readonly language: ExecutionLanguage;
  /** UTF-8 source; for `shell` a command line run by the sandbox's own `/bin/sh`. */
  readonly code: string;
  readonly files?: readonly SandboxFile[];
  /** Written to the program's standard input. */
  readonly stdin?: string;
  readonly argv?: readonly string[];
  /** Any limit left out takes the default; none can be raised above the lane's maximum. */
  readonly limits?: Partial<ExecutionLimits>;
  readonly network?: NetworkPolicy;
  /** Fix clock and entropy from this seed, so that a third party can re-run the job. Hex, 32 bytes. */
  readonly seed?: string;
  /** Where the frozen clock starts, epoch milliseconds; without it, the second in which the job begins. A re-run passes the claim's. */
  readonly epochMs?: number;
  /** Continue a session (jupyter-like): state left by earlier cells of the same id. */
  readonly session?: { readonly id: string; readonly previousClaim: string | null };
  readonly signal?: AbortSignal;
}

export interface SandboxStream {
  readonly text: string;
  /** Bytes the code wrote, before truncation. */
  readonly bytes: number;
  /** Lower-case hex SHA-256 of the kept bytes. */
  readonly sha256: string;
  readonly truncated: boolean;
}

/** A file the code left behind, collected after its processes were dead. */
export interface SandboxArtifact {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly sha256: string;
  /** Media type by content, e.g. `image/png`. */
  readonly mediaType: string;
}

/** What one run of code gave. */
export interface SandboxResult {
  readonly status: ExecutionStatus;
  readonly exitCode: number | null;
  readonly stdout: SandboxStream;
  readonly stderr: SandboxStream;
  /** The value of the last expression (jupyter-like), as text, or `null`. */
  readonly value: string | null;
  /** One line for people and for the model's next attempt; `null` when status is `ok`. */
  readonly error: { readonly name: string; readonly message: string; readonly traceback: string } | null;
  readonly artifacts: readonly SandboxArtifact[];
  /** Files that were not collected, with the reason; the path is base64 because it can be any bytes. */
  readonly skipped: readonly { readonly pathBase64: string; readonly reason: string }[];
  readonly network: NetworkTranscript;
  /** Why the state of the job's session is gone after this cell; left out while the session goes on, and without a session. */
  readonly sessionLost?: string | undefined;
  readonly claim: ExecutionClaim;
  /** Lower-case hex SHA-256 of the claim's JCS form. */
  readonly claimDigest: string;
  /** Measured, not claimed. Milliseconds and MiB. */
  readonly observed: {
    readonly queuedMs: number;
    readonly startMs: number;
    readonly wallMs: number;
    readonly maxRssMiB: number;
    readonly warm: boolean;
  };
}

/** Streamed while the job runs; `sequence` counts from 0 without gaps. The last event is always `result`. */
export type SandboxEvent =
  | { readonly sequence: number; readonly type: 'started' }
  | { readonly sequence: number; readonly type: 'stdout' | 'stderr'; readonly text: string }
  | {
      readonly sequence: number;
      readonly type: 'artifact';
      readonly path: string;
      readonly bytes: number;
      readonly mediaType: string;
    }
  | { readonly sequence: number; readonly type: 'limit'; readonly limit: keyof ExecutionLimits; readonly message: string }
  | { readonly sequence: number; readonly type: 'result'; readonly result: SandboxResult };

/** What the hostile self-test saw at boot. `contained: false` in a required probe takes the lane out of service. */
export interface SelfTestProbe {
  readonly name: string;
  readonly contained: boolean;
  readonly detail: string;
}

export interface SandboxCapabilities {
  readonly lane: SandboxLane;
  readonly isolation: IsolationLevel;
  readonly languages: readonly ExecutionLanguage[];
  /** Importable packages beyond the standard library, e.g. `pandas 3.0.0`, `ethers 6.17.0`. */
  readonly packages: Readonly<Partial<Record<ExecutionLanguage, readonly string[]>>>;
  readonly selfTest: readonly SelfTestProbe[];
  /** Names, versions and SHA-256 of everything that can change an output; published and replayed against. JSON-safe. */
  readonly environment: Readonly<Record<string, unknown>>;
  /** `sha256(JCS(environment))`, lower-case hex: the claim's `environmentDigest`. */
  readonly environmentDigest: string;
}

/** A lane in service. */
export interface Sandbox {
  readonly capabilities: SandboxCapabilities;
  /** Runs one job in a sandbox of its own. Ends with a `result` event in every case; aborting the signal kills the job. */
  run(job: SandboxJob): AsyncIterable<SandboxEvent>;
  /** Kills everything that still runs and removes what it left. */
  close(): Promise<void>;
}

/** Defaults of research: generous for analysis, small enough for a shared machine. */
export const DEFAULT_LIMITS: ExecutionLimits = {
  wallMs: 30_000,
  cpuMs: 20_000,
  memoryBytes: 512 * 1024 * 1024,
  processes: 64,
  openFiles: 256,
  outputBytes: 1024 * 1024,
  fileBytes: 32 * 1024 * 1024,
  diskBytes: 64 * 1024 * 1024,
  inodes: 4096,
  artifacts: 64,
};
