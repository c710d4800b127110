/**
 * Does the evidence answer the caller's own nonce? Looked for in the nonce slot, of tokens in every encoding their issuers use; where a
 * format has none, and in tokens, in the places of the report data that are in use: alone and padded with zeros, or as the second 32
 * bytes behind a key digest.
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
  const { nonce, nonceReadings = [], reportData } = bindings;
  if (nonce === wanted || nonceReadings.includes(wanted)) return pass(ID, SPEC, wanted, wanted);
  // A token repeats the report data as well as nonces; other evidence has one place for the nonce.
  if (nonce !== null && (bindings.nonceReadings === undefined || reportData === null)) return fail(ID, SPEC, wanted, nonce);
  if (reportData === null) return fail(ID, SPEC, wanted, 'no nonce in this evidence');
  const places = [
    wanted.padEnd(reportData.length, '0'),
    ...(wanted.length === 64 ? [`${reportData.slice(0, 64)}${wanted}`] : []),
  ];
  return places.includes(reportData)
    ? pass(ID, SPEC, `in report data ${reportData}`, wanted)
    : fail(ID, SPEC, wanted, `report data ${reportData}`);
}
