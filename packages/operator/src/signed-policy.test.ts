/** A hash is signed with its policy before the owner's eyes, or not at all. */

import { expectRefusal } from '@assay/testing';
import { expect, test } from 'vitest';
import { ZERO_HASH } from './hex.ts';
import { parseSigningPolicy, policyHash } from './policy.ts';
import { signedPolicy } from './signed-policy.ts';

const GIVEN = { v: 'assay-operator-policy/1', chains: {}, rules: [] };
const HASH = policyHash(parseSigningPolicy(JSON.stringify(GIVEN)));
const OTHER = { ...GIVEN, rules: [{ id: 'no-tools', effect: 'deny', match: { callers: ['tool'] } }] };

test('the policy of the hash', () => expect(signedPolicy(HASH, GIVEN)).toEqual(parseSigningPolicy(JSON.stringify(GIVEN))));

test.each([undefined, null])('no hash and no policy (%s): it is taken away', (given) =>
  expect(signedPolicy(ZERO_HASH, given)).toBeNull(),
);

test.each([
  ['a hash without its policy', HASH, undefined, 'operator/value-mismatch', ['got none']],
  ['another policy', HASH, OTHER, 'operator/value-mismatch', [HASH]],
  ['a policy where none is signed', ZERO_HASH, GIVEN, 'operator/value-mismatch', [HASH]],
  ['no policy', HASH, { rules: 1 }, 'operator/policy-malformed', []],
  ['a text', HASH, 'x', 'operator/policy-malformed', []],
] as const)('%s is refused', async (_, hash, given, code, words) => {
  await expectRefusal(() => signedPolicy(hash, given), code, words);
});
