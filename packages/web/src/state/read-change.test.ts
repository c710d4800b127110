/** A change that another owner began is shown with what its hashes stand for, or not at all. */

import { ownersMessage, parseSigningPolicy, policyEntry, policyHash, type ShownAgent } from 'assay/owners';
import { expect, test } from 'vitest';
import { readChange } from './read-change.ts';

const AGENT = `0x${'aa'.repeat(32)}` as const;
const ZERO = `0x${'00'.repeat(32)}` as const;
const CONFIG = { agent_id: AGENT, control: { owners: { addresses: [`0x${'cc'.repeat(20)}`] } } } as unknown as ShownAgent;
const NOW = 1_800_000_000;
const GIVEN = { v: 'assay-operator-policy/1', chains: {}, rules: [] };
const OTHER = { ...GIVEN, rules: [{ id: 'no-tools', effect: 'deny', match: { callers: ['tool'] } }] };
const place = { agentId: AGENT, current: { version: 0, change_hash: ZERO }, expiry: 2_000_000_000 };
const change = policyEntry(place, parseSigningPolicy(JSON.stringify(GIVEN)));
const text = (members: object): string => JSON.stringify({ message: change.message, signatures: [], ...members });

const lone = ownersMessage(place, { owners: [`0x${'cc'.repeat(20)}`], threshold: 1 });
const MANY = Array.from({ length: 7000 }, (_, index) => `0x${String(index).padStart(130, '0')}`);

test('a policy is read with its defaults, which say what is signed', async () => {
  const rule = { id: 'tips', effect: 'allow' };
  const policy = parseSigningPolicy(JSON.stringify({ ...GIVEN, rules: [rule] }));
  const { message } = policyEntry(place, policy);
  expect((await readChange(text({ message, policy: { ...GIVEN, rules: [rule] } }), CONFIG, NOW)).policy).toEqual(policy);
});

test('a sealed value stays, and what was not compared is left out', async () => {
  const fields = {
    ...{ agentId: AGENT, name: 'secret', visibility: 'hidden', mutability: 'mutable', valueHash: AGENT, version: 1 },
    ...{ previousHash: ZERO, policyHash: ZERO, expiry: 2_000_000_000 },
  };
  const sealed = { encapsulated: 'AA==', ciphertext: 'AA==' };
  const given = text({ message: { type: 'SetVariable', fields }, sealed, note: 'harmless', signatures: ['0x00', 7] });
  expect(await readChange(given, CONFIG, NOW)).toEqual({ message: { type: 'SetVariable', fields }, sealed, signatures: [] });
});

test('the policy of its hash, and one that is taken away', async () => {
  expect((await readChange(text({ policy: GIVEN }), CONFIG, NOW)).message).toEqual(change.message);
  const none = policyEntry(place, null);
  expect((await readChange(text({ message: none.message }), CONFIG, NOW)).policy).toBeUndefined();
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
  [
    'a set of owners that can change nothing any more',
    { message: { ...lone, fields: { ...lone.fields, threshold: 2 } } },
    'can reach',
  ],
  ['a change whose time is over', { message: policyEntry({ ...place, expiry: NOW }, null).message }, '--expires'],
  ['7000 signatures', { policy: GIVEN, signatures: MANY }, 'got 7000'],
])('%s is refused', async (_, members, words) => {
  await expect(readChange(text(members), CONFIG, NOW)).rejects.toThrow(words);
});
