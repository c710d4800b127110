/** A change that another owner began is shown with what its hashes stand for, or not at all. */

import { parseSigningPolicy, policyEntry, policyHash, type ShownAgent } from 'assay/owners';
import { expect, test } from 'vitest';
import { readChange } from './read-change.ts';

const AGENT = `0x${'aa'.repeat(32)}` as const;
const ZERO = `0x${'00'.repeat(32)}` as const;
const CONFIG = { agent_id: AGENT } as unknown as ShownAgent;
const GIVEN = { v: 'assay-operator-policy/1', chains: {}, rules: [] };
const OTHER = { ...GIVEN, rules: [{ id: 'no-tools', effect: 'deny', match: { callers: ['tool'] } }] };
const place = { agentId: AGENT, current: { version: 0, change_hash: ZERO }, expiry: 2_000_000_000 };
const change = policyEntry(place, parseSigningPolicy(JSON.stringify(GIVEN)));
const text = (members: object): string => JSON.stringify({ message: change.message, signatures: [], ...members });

test('the policy of its hash, and one that is taken away', async () => {
  expect((await readChange(text({ policy: GIVEN }), CONFIG)).message).toEqual(change.message);
  const none = policyEntry(place, null);
  expect((await readChange(text({ message: none.message }), CONFIG)).policy).toBeUndefined();
});

test.each([
  ['a hash whose policy is left out', {}, policyHash(parseSigningPolicy(JSON.stringify(GIVEN)))],
  ['a harmless policy in the place of the signed one', { policy: OTHER }, 'expected the policy with the hash'],
  ['a change for another agent', { message: policyEntry({ ...place, agentId: ZERO }, null).message }, 'another agent'],
  [
    'a value that is not the one of its hash',
    {
      message: {
        type: 'SetVariable',
        fields: {
          ...{ agentId: AGENT, name: 'greeting', visibility: 'public', mutability: 'mutable', valueHash: AGENT, version: 1 },
          ...{ previousHash: ZERO, policyHash: ZERO, expiry: 2_000_000_000 },
        },
      },
      ...{ value: 'harmless', salt: ZERO },
    },
    'greeting',
  ],
])('%s is refused', async (_, members, words) => {
  await expect(readChange(text(members), CONFIG)).rejects.toThrow(words);
});
