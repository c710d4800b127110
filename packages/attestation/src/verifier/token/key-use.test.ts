/** Which keys of a supplied set may verify a token: RFC 7517 §4.2 (`use`), §4.3 (`key_ops`). */

import { utf8 } from '@assay/encoding/bytes';
import { expectCode } from '@assay/testing';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { expect, test } from 'vitest';
import { tokenVerifier } from './token.ts';

const NOW = Date.UTC(2026, 5, 1);
const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
const jwk = await exportJWK(publicKey);
const token = await new SignJWT({
  eat_profile: 'tag:github.com,2023:veraison/ear',
  iat: NOW / 1000 - 60,
  exp: NOW / 1000 + 60,
  submods: { main: { 'ear.status': 'affirming' } },
})
  .setProtectedHeader({ alg: 'ES256', kid: 'k' })
  .sign(privateKey);

async function verify(...keys: readonly object[]): Promise<string> {
  const evidence = tokenVerifier.recognise(utf8(token));
  if (evidence === null) throw new Error('expected a token');
  const json = JSON.stringify({ keys: keys.map((key) => ({ ...jwk, kid: 'k', ...key })) });
  return (await tokenVerifier.verify(evidence, { now: NOW, endorsements: [{ kind: 'jwks', json, issuer: null }] })).type;
}

test.each([
  ['nothing', {}],
  ['use sig', { use: 'sig' }],
  ['key_ops verify', { key_ops: ['verify'] }],
  ['both', { use: 'sig', key_ops: ['sign', 'verify'] }],
])('a key that says %s verifies', async (_, extra) => {
  expect(await verify(extra)).toBe('token');
});

test.each([
  ['use enc', { use: 'enc' }],
  ['another use', { use: 'https://example.com/use' }],
  ['a use that is no text', { use: 1 }],
  ['an empty use', { use: '' }],
  ['key_ops encrypt', { key_ops: ['encrypt', 'wrapKey'] }],
  ['no key_ops', { key_ops: [] }],
  ['key_ops as text', { key_ops: 'verify' }],
  ['use sig and key_ops encrypt', { use: 'sig', key_ops: ['encrypt'] }],
  ['use enc and key_ops verify', { use: 'enc', key_ops: ['verify'] }],
])('a key that says %s does not', async (_, extra) => {
  const error = await expectCode(verify(extra), 'token/key-missing');
  expect(error.message).toContain('one for another use');
});

test('a key for encryption beside the one for signatures changes nothing', async () => {
  const other = await exportJWK((await generateKeyPair('ES256', { extractable: true })).publicKey);
  expect(await verify({ ...other, use: 'enc' }, { use: 'sig' })).toBe('token');
});
