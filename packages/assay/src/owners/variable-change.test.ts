/** A change for owners to sign: chained to what is in force, sealed while hidden, in clear only once it is public. */

import { type Hex, ownerMessageHash, valueHash } from '@assay/operator';
import type { Keyset } from '@assay/receipt';
import { expect, test } from 'vitest';
import { isAttestedAgent, type VariableChange, variableEntry } from './variable-change.ts';

const AGENT: Hex = `0x${'aa'.repeat(32)}`;
const HASH: Hex = `0x${'bb'.repeat(32)}`;

const change = (rest: Partial<VariableChange> = {}): VariableChange => ({
  ...{ agentId: AGENT, value: 'hello', makePublic: false, makeImmutable: false, policyHash: HASH, expiry: 1000 },
  keyset: { subject: `urn:assay:agent:${AGENT}`, e2ee_public_keys: [] } as unknown as Keyset,
  current: { name: 'greeting', visibility: 'public', mutability: 'mutable', version: 4, change_hash: HASH },
  ...rest,
});

test('a public value comes in clear, under the hash that is signed, as the next version', async () => {
  const { message, value, salt, sealed } = await variableEntry(change({ makeImmutable: true }));
  expect(message.fields).toMatchObject({
    version: 5,
    previousHash: HASH,
    policyHash: HASH,
    mutability: 'immutable',
    expiry: 1000,
  });
  expect([value, sealed]).toEqual(['hello', undefined]);
  expect(valueHash(Uint8Array.from(Buffer.from(salt?.slice(2) ?? '', 'hex')), 'hello')).toBe(message.fields.valueHash);
});

test('each change has another hash, so values cannot be guessed and tried', async () => {
  const [one, two] = await Promise.all([variableEntry(change()), variableEntry(change())]);
  expect(ownerMessageHash(one.message)).not.toBe(ownerMessageHash(two.message));
});

test('a hidden value needs a key of the keyset', async () => {
  const hidden = change({ current: { ...change().current, visibility: 'hidden' } });
  await expect(variableEntry(hidden)).rejects.toThrow();
});

test.each([
  ['its own id', `urn:assay:agent:${AGENT}`, true],
  ['another id', `urn:assay:agent:${HASH}`, false],
  ['none', null, false],
])('a keyset with %s', (_, subject, attested) =>
  expect(isAttestedAgent({ subject } as unknown as Keyset, AGENT)).toBe(attested),
);
