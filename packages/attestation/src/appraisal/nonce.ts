/**
 * Does the evidence answer the caller's own nonce? Looked for in the nonce slot; where a format has none, in the places of the report
 * data that are in use: alone and padded with zeros, or as the second 32 bytes behind a key digest.
 */

import { type Check, fail, notChecked, pass } from '../model/check.ts';
import type { Bindings } from '../model/claims.ts';
import { POLICY_SPEC, type WholeQuestion } from './question.ts';

const ID = 'policy.nonce';
const SPEC = `${POLICY_SPEC} nonce`;

export const askNonce: WholeQuestion = ([whole], { policy, expected }) => {
  if (whole !== undefined && expected.nonce !== undefined) return [compare(expected.nonce, whole.claims.bindings)];
  const timeless = policy.freshness?.required === true && whole?.claims.issuedAt === null;
  return policy.nonce === 'required' || timeless
    ? [fail(ID, SPEC, 'a nonce of the caller', 'none given')]
    : [notChecked(ID, SPEC, 'no nonce given')];
};

function compare(wanted: string, bindings: Bindings): Check {
  if (bindings.nonce !== null) {
    return bindings.nonce === wanted ? pass(ID, SPEC, wanted, wanted) : fail(ID, SPEC, wanted, bindings.nonce);
  }
  const { reportData } = bindings;
  if (reportData === null) return fail(ID, SPEC, wanted, 'no nonce in this evidence');
  const places = [
    wanted.padEnd(reportData.length, '0'),
    ...(wanted.length === 64 ? [`${reportData.slice(0, 64)}${wanted}`] : []),
  ];
  return places.includes(reportData)
    ? pass(ID, SPEC, `in report data ${reportData}`, wanted)
    : fail(ID, SPEC, wanted, `report data ${reportData}`);
}
