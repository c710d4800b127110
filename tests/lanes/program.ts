/**
 * Programs and what every lane has to answer: what `python3 main.py` and `node main.js` do at the start, at the end and without
 * input, and what notebooks add. `stdout`, `value`, `error` (its name), `exitCode` and `artifacts` are compared where given.
 */

import type { SandboxFile } from '../../packages/sandbox/src/port.ts';

export interface LaneProgram {
  readonly name: string;
  readonly code: string;
  readonly files?: readonly SandboxFile[];
  readonly argv?: readonly string[];
  readonly stdin?: string;
  readonly stdout?: string;
  /** Stands in standard error. */
  readonly stderr?: RegExp;
  readonly value?: string | null;
  /** Name of the error; `null` for a program that ends well, which is the default. */
  readonly error?: string | null;
  readonly message?: RegExp;
  readonly exitCode?: number;
  /** How many files were reported and not kept. */
  readonly skipped?: number;
  /** Every artifact, by path below /tmp; a function looks at its bytes. */
  readonly artifacts?: Readonly<Record<string, string | RegExp>>;
}

/** A file of the job, by its path below /tmp. */
export const file = (path: string, text: string): SandboxFile => ({ path: `/tmp/${path}`, bytes: Buffer.from(text) });
