/** What a peer is and answers, the same for all, so that verdicts and times can be laid side by side. */

import type { Question } from '@assay/testing';

/** A TCB status or `accepted`; refusals begin with `ERR`. */
export type Verdict = string;

export const refuses = (verdict: Verdict): boolean => verdict.startsWith('ERR');

export interface Peer {
  /** With version. */
  readonly name: string;
  readonly language: 'JavaScript' | 'wasm' | 'Rust' | 'Go';
  readonly kinds: readonly Question['kind'][];
  /** What it checks and leaves out, for who reads a ratio. */
  readonly scope: string;
  /** Whether it can be given a root of ours. */
  readonly takesRoot: boolean;
  verdict(question: Question): Promise<Verdict>;
  /** Processor microseconds of one verification, all threads, over so many calls in a row. */
  cost(question: Question, calls: number): Promise<number>;
  close(): void;
}

/** Processor microseconds a call in this process, all threads together. */
export async function processorTime(calls: number, run: () => unknown): Promise<number> {
  const start = process.cpuUsage();
  for (let call = 0; call < calls; call++) await run();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / calls;
}
