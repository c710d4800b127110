/**
 * The one sentence over a verdict, computed from its checks and nothing else, so that it cannot contradict one: failed checks are
 * named (of many, the first, and how many more), and a question is said to be answered only when all checks about it passed.
 */

import type { Check } from '../model/check.ts';
import { nameChecks } from './check-names.ts';

export interface HeadlineOptions {
  /** Name of the policy that was applied; `null` when it did not come to that, and nothing is said about its questions. */
  readonly policy: string | null;
}

interface Topic {
  readonly ids: RegExp;
  readonly passed: string;
  readonly failed: string;
  readonly open: string;
}

/** Ids with the places of parts in front, which end in `/`. */
const TOPICS: readonly Topic[] = [
  {
    ids: /(?:^|\/)policy\.measurements$/,
    passed: 'measurements match the policy',
    failed: "measurements are not the policy's",
    open: 'measurements not checked',
  },
  {
    ids: /(?:^|\/)(?:policy|report|proof|bundle|result)\.nonce$/,
    passed: 'answers the nonce given',
    failed: 'does not answer the nonce',
    open: 'no nonce checked',
  },
  {
    ids: /(?:^|\/)policy\.(?:report-data|user-data|public-key)$/,
    passed: 'binds what was expected',
    failed: 'does not bind what was expected',
    open: 'no binding checked',
  },
];

/**
 * @param subject what the verdict is about, e.g. `Intel TDX quote at 2026-06-10T00:00:00Z`.
 * @returns e.g. `Intel TDX quote at …, policy strict: failed policy.debug; measurements not checked; …`.
 * @example
 * describeOutcome('AWS Nitro document', checks, { policy: 'strict' });
 */
export function describeOutcome(subject: string, checks: readonly Check[], { policy }: HeadlineOptions): string {
  const failed = [...new Set(checks.filter(({ outcome }) => outcome === 'fail').map(({ id }) => id))];
  const said = [
    ...(failed.length === 0 ? [] : [`failed ${nameChecks(failed)}`]),
    ...(policy === null ? [] : TOPICS.map((topic) => wordsOf(topic, checks))),
  ];
  const applied = policy === null ? subject : `${subject}, policy ${policy}`;
  return said.length === 0 ? applied : `${applied}: ${said.join('; ')}`;
}

function wordsOf({ ids, passed, failed, open }: Topic, checks: readonly Check[]): string {
  const outcomes = checks.filter(({ id }) => ids.test(id)).map(({ outcome }) => outcome);
  if (outcomes.includes('fail')) return failed;
  return outcomes.includes('pass') ? passed : open;
}
