/** The port to what analyses contracts: Slither, in a sandbox of its own without network. */

import type { Sandbox } from '@assay/sandbox';

/** A linter of sources, which runs apart from the analyser. */
export interface Linter {
  readonly code: string;
  readonly name: 'solhint';
  readonly version: string;
}

export interface OpenAnalyzer {
  readonly sandbox: Sandbox;
  /** The program that drives Slither, as the sandbox gets it. */
  readonly driver: string;
  /** e.g. `0.11.6`. */
  readonly version: string;
  /** Version of crytic-compile. */
  readonly cryticCompile: string;
  /**
   * The program that runs exploits of claimed findings on an Ethereum virtual machine, as the sandbox gets it; `null` where it is not installed.
   * @throws {ServerError} `program/tampered`.
   */
  readonly evm: () => string | null;
  /**
   * The linter, as the sandbox gets it; `null` where it is not installed.
   * @throws {ServerError} `program/tampered`.
   */
  readonly linter: () => Linter | null;
}

export interface Analyzer {
  /**
   * Opens the sandbox when it is first asked for.
   * @throws {ServerError} `audit/analyzer-absent` where none can run; the message says how to get one.
   */
  open(): Promise<OpenAnalyzer>;
  close(): Promise<void>;
}
