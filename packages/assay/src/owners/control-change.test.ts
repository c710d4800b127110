/** Messages of owners follow the last change of their kind, and a policy goes by the hash that is signed. */

import { type Hex, parseOwnerMessage, parseSigningPolicy, policyHash, ZERO_HASH } from '@assay/operator';
import { expect, test } from 'vitest';
import { type ControlPlace, ownersMessage, pauseMessage, policyEntry } from './control-change.ts';

const AGENT: Hex = `0x${'aa'.repeat(32)}`;
const HASH: Hex = `0x${'bb'.repeat(32)}`;
const OWNER: Hex = `0x${'cc'.repeat(20)}`;
const PLACE: ControlPlace = { agentId: AGENT, current: { version: 4, change_hash: HASH }, expiry: 1000 };
const LINKS = { agentId: AGENT, version: 5, previousHash: HASH, expiry: 1000 };
const POLICY = parseSigningPolicy('{"v":"assay-operator-policy/1","chains":{},"rules":[]}');

test('a policy is named by its hash and goes with it', () => {
  const { message, policy } = policyEntry(PLACE, POLICY);
  expect(message.fields).toEqual({ ...LINKS, policyHash: policyHash(POLICY) });
  expect(policy).toBe(POLICY);
});

test('none is the hash of zeros, and nothing goes with it', () => {
  expect(policyEntry(PLACE, null)).toEqual({ message: { type: 'SetPolicy', fields: { ...LINKS, policyHash: ZERO_HASH } } });
});

test('a pause and a set of owners are messages that a reader takes', () => {
  for (const message of [pauseMessage(PLACE, true), ownersMessage(PLACE, { owners: [OWNER], threshold: 1 })])
    expect(parseOwnerMessage(message)).toEqual(message);
  expect(pauseMessage(PLACE, false).fields).toEqual({ ...LINKS, paused: false });
  expect(ownersMessage(PLACE, { owners: [OWNER], threshold: 1 }).fields).toEqual({ ...LINKS, owners: [OWNER], threshold: 1 });
});
