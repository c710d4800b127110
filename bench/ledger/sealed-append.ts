/**
 * Processor time of a sealed append, all threads of a process, this tree and the base commit in turn. Each tree runs in a process of its own
 * (sealing-process.ts) and measures its own signatures in the same rounds, so that a core that changes its speed changes both.
 */

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { baseCommit } from './base-commit.ts';
import { type BenchRow, median } from './figures.ts';
import type { RoundResult } from './sealing-process.ts';

const ROOT = new URL('../..', import.meta.url).pathname;
const REACH = 3.5;

export interface AppendOptions {
  readonly rounds: number;
  /** The base commit made ready elsewhere; `null`: without it. */
  readonly base?: string | null | undefined;
}

/** The rows of sealed appends. */
export async function sealedAppends({ rounds, base = baseCommit() }: AppendOptions): Promise<readonly BenchRow[]> {
  const now = start(ROOT, 'packages/ledger/src/open-ledger.ts', 'packages/ledger/src/signing-keys.ts');
  const old =
    base === null
      ? null
      : start(base, 'packages/server/src/adapters/stores/open-ledger.ts', 'packages/server/src/log/signing-keys.ts');
  const results = {
    same: [] as RoundResult[],
    own: [] as RoundResult[],
    old: [] as RoundResult[],
    oldOwn: [] as RoundResult[],
  };
  try {
    for (let round = 0; round <= rounds; round += 1) {
      const got = {
        same: await ask(now, 'same'),
        ...(old === null ? {} : { old: await ask(old, 'same') }),
        own: await ask(now, 'own'),
        ...(old === null ? {} : { oldOwn: await ask(old, 'own') }),
      };
      if (round > 0) for (const [name, result] of Object.entries(got)) results[name as keyof typeof results].push(result);
    }
  } finally {
    for (const child of [now, old]) if (child !== null) await end(child);
  }
  const row = (what: string, list: readonly RoundResult[], against: readonly RoundResult[]): BenchRow => {
    const ratio = median(list.map(({ append, signature }) => append / signature));
    const before = median(against.map(({ append, signature }) => append / signature));
    const compared = against.length === 0 ? '' : `; at the base commit ${before.toFixed(2)} signatures, ${rate(against)}/s`;
    const append = median(list.map((each) => each.append));
    const signature = median(list.map((each) => each.signature));
    return {
      what,
      figure: `${append.toFixed(0)} µs, a signature ${signature.toFixed(1)} µs; ${rate(list)}/s${compared}`,
      ratio,
      reach: `≤ ${REACH} signatures`,
      met: ratio <= REACH,
    };
  };
  return [
    row('processor time of a sealed append, 64 in flight, one payload for all', results.same, results.old),
    row('… a payload of its own for each', results.own, results.oldOwn),
  ];
}

const rate = (list: readonly RoundResult[]): string =>
  Math.round(median(list.map(({ perSecond }) => perSecond))).toLocaleString('en');

function start(root: string, ledger: string, keys: string): ChildProcess {
  return fork(new URL('sealing-process.ts', import.meta.url), [root, ledger, keys], {
    execArgv: ['--conditions=@assay/source'],
  });
}

async function ask(child: ChildProcess, payload: 'same' | 'own'): Promise<RoundResult> {
  const answered = once(child, 'message');
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`the process that seals ended with ${code}`);
  });
  child.send(payload);
  const [result] = await Promise.race([answered, ended]);
  return result as RoundResult;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const exited = once(child, 'exit');
  child.disconnect();
  await exited;
}
