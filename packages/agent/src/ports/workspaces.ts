/**
 * The port to workspaces: the files under `/tmp` that a person keeps on the agent between tasks. Code never sees the place where
 * they are stored; it gets copies in its sandbox.
 */

import type { SandboxFile } from '@assay/sandbox';

export interface WorkspaceEntry {
  /** Absolute inside the sandbox, e.g. `/tmp/sales.csv`. */
  readonly path: string;
  readonly bytes: number;
  /** Lower-case hex. */
  readonly sha256: string;
}

export interface Workspaces {
  /** Sorted by path; empty for a workspace that does not exist yet. */
  list(workspace: string): Promise<readonly WorkspaceEntry[]>;
  /** @throws {ServerError} `workspace/bad-path` or `workspace/not-found`. */
  read(workspace: string, path: string): Promise<Uint8Array>;
  /** Stores all files or none. @throws {ServerError} `workspace/bad-path` or `workspace/full`. */
  write(workspace: string, files: readonly SandboxFile[]): Promise<void>;
}

/** The workspace of requests that name none. */
export const DEFAULT_WORKSPACE = 'default';
