/** What an owner reads of a variable before signing: the value that is committed to, or who will read it. */

import { bytesOf, type Hex, valueHash } from '@assay/operator';
import { expectRefusal, FAKE_NOW, transcript } from '@assay/testing';
import { expect, test } from 'vitest';
import { showChange } from './change-to-sign.ts';

const AGENT: Hex = `0x${'aa'.repeat(32)}`;
const SALT: Hex = `0x${'bb'.repeat(32)}`;
const sealed = { encapsulated: 'AA==', ciphertext: 'AA==' };

function shown(visibility: string, value: string, content: object): string {
  const fields = {
    ...{ agentId: AGENT, name: 'greeting', visibility, mutability: 'mutable', version: 1, previousHash: AGENT },
    ...{ valueHash: valueHash(bytesOf(SALT), value), policyHash: AGENT, expiry: FAKE_NOW / 1000 + 600 },
  };
  const io = transcript({ cwd: '/', now: FAKE_NOW });
  showChange({ message: { type: 'SetVariable', fields }, ...content } as never, { agentId: AGENT, type: 'SetVariable' }, io);
  return io.out().replaceAll(/\n\s+/g, ' ');
}

test.each([
  ['a public value', 'public', { value: 'hello', salt: SALT }, '"hello", for everybody to read'],
  ['a public value that came sealed', 'public', { sealed }, 'not checked here; everybody reads it once it is set'],
  ['a hidden value', 'hidden', { sealed }, 'sealed to the agent; not checked here'],
])('%s', (_, visibility, content, words) => expect(shown(visibility, 'hello', content)).toContain(words));

test('what shows nothing in a value is marked', () => {
  const value = 'a\u2800b\u3164c\u202e';
  expect(shown('public', value, { value, salt: SALT })).toContain('"a\ufffdb\ufffdc\ufffd"');
});

test('a hidden variable with a value in clear and a sealed one is refused', async () => {
  const content = { value: 'harmless', salt: SALT, sealed };
  await expectRefusal(() => shown('hidden', 'hello', content), 'operator/value-mismatch', ['greeting']);
});
