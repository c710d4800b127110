/** An owner reads the value that the message commits to, or that only the agent can open it; never another. */

import { expectRefusal } from '@assay/testing';
import { expect, test } from 'vitest';
import { bytesOf, type Hex } from './hex.ts';
import type { OwnerFields } from './owner-message.ts';
import { type GivenContent, matchContent } from './variable-content.ts';
import { valueHash } from './variables.ts';

const AGENT: Hex = `0x${'aa'.repeat(32)}`;
const SALT: Hex = `0x${'bb'.repeat(32)}`;
const sealed = { encapsulated: 'AA==', ciphertext: 'AA==' };
const clear = { value: 'hello', salt: SALT };
const fields = (visibility: 'hidden' | 'public'): OwnerFields<'SetVariable'> => ({
  ...{ agentId: AGENT, name: 'greeting', visibility, mutability: 'mutable', valueHash: valueHash(bytesOf(SALT), 'hello') },
  ...{ version: 1, previousHash: AGENT, policyHash: AGENT, expiry: 1 },
});

test('a public value in clear, and a sealed one of either kind', () => {
  expect(matchContent(fields('public'), clear)).toEqual({ form: 'clear', ...clear });
  for (const visibility of ['public', 'hidden'] as const)
    expect(matchContent(fields(visibility), { sealed })).toEqual({ form: 'sealed', sealed });
});

test.each<[string, 'hidden' | 'public', GivenContent, string]>([
  ['another value', 'public', { ...clear, value: 'harmless' }, 'valueHash'],
  ['another salt', 'public', { ...clear, salt: AGENT }, 'valueHash'],
  ['no salt', 'public', { value: 'hello' }, 'a value with its salt'],
  ['a salt of another length', 'public', { ...clear, salt: '0xbb' }, 'a value with its salt'],
  ['a value that is no text', 'public', { ...clear, value: 7 }, 'a value with its salt'],
  ['neither', 'public', {}, 'a value with its salt'],
  ['a value in front of a sealed one', 'public', { ...clear, sealed }, 'a value with its salt'],
  ['a harmless value in front of a sealed one', 'hidden', { value: 'harmless', sealed }, 'a sealed value'],
  ['a hidden one in clear', 'hidden', clear, 'one in clear'],
  ['half of a sealed one', 'hidden', { sealed: { encapsulated: 'AA==' } }, 'a sealed value'],
])('%s is refused', async (_, visibility, given, words) => {
  await expectRefusal(() => matchContent(fields(visibility), given), 'operator/value-mismatch', ['greeting', words]);
});
