/** The port to what analyses contracts: Slither, in a sandbox of its own without network. */

import type { Sandbox } from '@assay/sandbox';

export interface OpenAnalyzer {
  readonly sandbox: Sandbox;
  /** The program that drives Slither, as the sandbox gets it. */
  readonly driver: string;
  /** e.g. `0.11.6`. */
  readonly version: string;
  /** Version of crytic-compile. */
  readonly cryticCompile: string;
}

export interface Analyzer {
  /**
   * Opens the sandbox when it is first asked for.
   * @throws {ServerError} `audit/analyzer-absent` where none can run; the message says how to get one.
   */
  open(): Promise<OpenAnalyzer>;
  close(): Promise<void>;
}
