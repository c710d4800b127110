/** Does the evidence bind the key or statement the caller is talking to? Without this, evidence of one machine vouches for another. */

import { type Check, fail, notChecked, pass } from '../model/check.ts';
import type { Bindings } from '../model/claims.ts';
import { POLICY_SPEC, type WholeQuestion } from './question.ts';

const SPEC = `${POLICY_SPEC} bindings`;

const SLOTS = [
  { id: 'policy.report-data', slot: 'reportData', text: 'report data' },
  { id: 'policy.user-data', slot: 'userData', text: 'user data' },
  { id: 'policy.public-key', slot: 'publicKey', text: 'public key' },
] as const;

export const askKeyBinding: WholeQuestion = (nodes, { policy, expected }) => {
  const bindings = nodes[0]?.claims.bindings;
  const asked = SLOTS.flatMap(({ id, slot, text }) => {
    const wishes = [
      expected[slot] === undefined ? [] : [[expected[slot]]],
      policy.bindings?.[slot] === undefined ? [] : [policy.bindings[slot]],
    ];
    return wishes.flat().map((accepted) => compare(id, slot, text, accepted, bindings));
  });
  if (asked.length > 0) return asked;
  return [notChecked('policy.key-binding', SPEC, 'no expected report data, user data or public key given')];
};

function compare(
  id: string,
  slot: (typeof SLOTS)[number]['slot'],
  text: string,
  accepted: readonly string[],
  bindings?: Bindings,
): Check {
  const actual = bindings?.[slot] ?? null;
  const wanted = accepted.join(' or ');
  if (actual === null) return fail(id, SPEC, wanted, `no ${text} in this evidence`);
  const matches = accepted.some((value) => actual === (slot === 'reportData' ? value.padEnd(actual.length, '0') : value));
  return matches ? pass(id, SPEC, actual, wanted) : fail(id, SPEC, wanted, actual);
}
