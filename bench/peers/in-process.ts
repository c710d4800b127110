/** Peers that are functions in this process. */

import { mock } from 'node:test';
import type { Question } from '@assay/testing';
import { type Peer, processorTime, type Verdict } from './question.ts';

export interface InProcessOptions extends Pick<Peer, 'name' | 'language' | 'kinds' | 'scope' | 'takesRoot'> {
  /** For peers that cannot be told the time: `Date` answers the question's instant while they work. */
  readonly mockDate?: boolean;
}

export function inProcess(options: InProcessOptions, verify: (question: Question) => Verdict | Promise<Verdict>): Peer {
  const { mockDate = false, ...described } = options;
  const at = async <Result>(instant: number, run: () => Promise<Result>): Promise<Result> => {
    if (!mockDate) return run();
    mock.timers.enable({ apis: ['Date'], now: instant });
    try {
      return await run();
    } finally {
      mock.timers.reset();
    }
  };
  return {
    ...described,
    verdict: async (question) => {
      try {
        return await at(question.at, async () => verify(question));
      } catch (error) {
        return `ERR ${String(error instanceof Error ? error.message : error).split('\n')[0]}`;
      }
    },
    cost: (question, calls) => at(question.at, () => processorTime(calls, () => verify(question))),
    close: () => undefined,
  };
}
