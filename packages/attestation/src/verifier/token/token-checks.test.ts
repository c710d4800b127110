/** The whole list of checks of sound tokens, and tokens whose header, key or trust vector has another form: one row for each. */

import { utf8 } from '@assay/encoding/bytes';
import { encodePem } from '@assay/encoding/pem';
import { expectCode, FAKE_NOW, fakeToken } from '@assay/testing';
import { describe, expect, test } from 'vitest';
import type { Endorsement } from '../../model/endorsements.ts';
import { verify } from '../../verify.ts';
import { earVector } from './ear-result.ts';
import { tokenVerifier } from './token.ts';

const base64Url = (value: object | Uint8Array): string =>
  Buffer.from(value instanceof Uint8Array ? value : JSON.stringify(value)).toString('base64url');

async function checksOf(issuer: 'nras' | 'intel' | 'google', claims: object, nonce?: string): Promise<readonly string[]> {
  const { file, keySet } = await fakeToken(issuer, claims);
  const { checks } = await verify(file, {
    now: FAKE_NOW,
    endorsements: [keySet],
    expected: nonce === undefined ? {} : { nonce },
  });
  return checks.map(({ id, outcome }) => `${id} ${outcome}`);
}

describe('a sound token shows', () => {
  test('when it ends, and how many findings say nothing wrong', async () => {
    const checks = await checksOf('nras', { measres: 'success', secboot: true, 'x-nvidia-attestation-warning': null });
    expect(checks).toContain('token.not-before pass');
    expect(checks).toContain('token.expiry pass');
    expect(checks).toContain('token.findings pass');
  });

  test('that it has no end, or no beginning', async () => {
    const none = { exp: undefined, nbf: undefined, iat: undefined };
    const checks = await checksOf('nras', { measres: 'success', secboot: true, ...none });
    expect(checks).toContain('token.not-before not-checked');
    expect(checks).toContain('token.expiry not-checked');
  });

  test('that it answers the nonce that Intel issued, with its time of issue', async () => {
    const [val, iat] = ['AAECAw==', 'BAUGBw=='];
    const claims = { verifier_nonce: { val, iat, signature: 'AA==' } };
    expect(await checksOf('intel', claims, '0001020304050607')).toContain('policy.nonce pass');
    expect(await checksOf('intel', claims, '0001020304050608')).toContain('policy.nonce fail');
  });
});

test('a finding in a list of lists counts', async () => {
  const checks = await checksOf('nras', { measres: 'success', 'x-nvidia-more': [[{ secboot: false }]] });
  expect(checks.filter((check) => check.endsWith(' fail'))).toHaveLength(1);
});

const pem = encodePem('CERTIFICATE', new Uint8Array(3));

describe('token/malformed: a certificate chain in the header', () => {
  test.each<[string, unknown, string]>([
    ['that is text', 'AAAA', 'a list of certificates'],
    ['that is empty', [], 'a list of certificates'],
    ['with two certificates in one entry', [`${pem}${pem}`], 'one certificate an entry'],
  ])('%s', async (_, x5c, words) => {
    const payload = { iss: 'https://confidentialcomputing.googleapis.com' };
    const text = [{ alg: 'RS256', typ: 'JWT', x5c }, payload, new Uint8Array(256)].map(base64Url).join('.');
    const evidence = tokenVerifier.recognise(utf8(text));
    if (evidence === null) throw new Error('expected a token');
    const { message } = await expectCode(tokenVerifier.verify(evidence, { now: FAKE_NOW }), 'token/malformed');
    expect(message).toContain(words);
  });
});

test('token/key-malformed: a secret in the key set of an issuer', async () => {
  const { file } = await fakeToken('ear', { submods: { main: { 'ear.status': 'affirming' } } });
  const json = JSON.stringify({ keys: [{ kty: 'oct', k: 'AAAA', kid: 'ES256' }] });
  const endorsements: readonly Endorsement[] = [{ kind: 'jwks', json, issuer: null }];
  expect(await verify(file, { now: FAKE_NOW, endorsements })).not.toMatchObject({ outcome: 'accepted' });
});

describe('a trust vector', () => {
  test.each<[string, Parameters<typeof earVector>[1], readonly string[]]>([
    ['that is absent says nothing', null, []],
    ['without claims is fine', {}, ['pass']],
    ['of affirming claims is fine', { hardware: 2, executables: 0 }, ['pass']],
    ['with a warning fails', { hardware: 2, executables: 33 }, ['fail']],
    ['that is text fails', 'affirming', ['fail']],
    ['that is a list fails', [2], ['fail']],
    ['that is a number fails', 2, ['fail']],
  ])('%s', (_, value, outcomes) => {
    expect(earVector('token.ear', value).map(({ outcome }) => outcome)).toEqual(outcomes);
  });
});
