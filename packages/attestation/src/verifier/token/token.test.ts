/** Tokens under keys made here: what sound ones say, then one defect each, then hostile text. */

import { createHash } from 'node:crypto';
import { utf8 } from '@assay/encoding/bytes';
import { expectCode, fakeCertificate, fakeKey } from '@assay/testing';
import fc from 'fast-check';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { describe, expect, test } from 'vitest';
import { AttestationError } from '../../errors.ts';
import type { VerifiedClaims } from '../../model/claims.ts';
import type { Endorsement } from '../../model/endorsements.ts';
import { tokenVerifier } from './token.ts';

const NOW = Date.UTC(2026, 5, 1);
const SECONDS = NOW / 1000;
const NRAS = 'https://nras.attestation.nvidia.com';
const es384 = await generateKeyPair('ES384', { extractable: true });
const es256 = await generateKeyPair('ES256', { extractable: true });
const ps384 = await generateKeyPair('PS384', { extractable: true });
const rs256 = await generateKeyPair('RS256', { extractable: true });
const KEYS = { ES384: es384, ES256: es256, PS384: ps384, RS256: rs256 } as const;

async function jwks(alg: keyof typeof KEYS, more: object = {}): Promise<Endorsement> {
  const jwk = { ...(await exportJWK(KEYS[alg].publicKey)), kid: 'k', ...more };
  return { kind: 'jwks', json: JSON.stringify({ keys: [jwk] }), issuer: null };
}

function sign(payload: object, alg: keyof typeof KEYS = 'ES384', header: object = {}): Promise<string> {
  const times = { iat: SECONDS - 60, nbf: SECONDS - 60, exp: SECONDS + 60 };
  return new SignJWT({ ...times, ...payload }).setProtectedHeader({ alg, kid: 'k', ...header }).sign(KEYS[alg].privateKey);
}

async function verify(file: string, endorsements: readonly Endorsement[], now = NOW): Promise<VerifiedClaims> {
  const evidence = tokenVerifier.recognise(utf8(file));
  if (evidence === null) throw new Error('expected a token');
  return tokenVerifier.verify(evidence, { now, endorsements });
}

const b64 = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
const digest = (text: string) => ['DIGEST', ['SHA-256', createHash('sha256').update(text).digest('hex')]];
const failed = (claims: VerifiedClaims) => claims.checks.filter(({ outcome }) => outcome === 'fail').map(({ id }) => id);

describe('a sound token', () => {
  test('of NVIDIA, with its parts', async () => {
    const nonce = 'ab'.repeat(32);
    const part = await sign({ iss: NRAS, eat_nonce: nonce, measres: 'success', dbgstat: 'disabled', ueid: '7' });
    const submods = { 'GPU-0': digest(part), 'GPU-1': digest('left out') };
    const overall = await sign({ iss: NRAS, eat_nonce: nonce, 'x-nvidia-overall-att-result': true, submods });
    const claims = await verify(JSON.stringify([['JWT', overall], { 'GPU-0': part }]), [await jwks('ES384')]);
    expect(claims).toMatchObject({ type: 'token', bindings: { nonce }, identity: { issuer: NRAS }, issuedAt: NOW - 60_000 });
    expect(claims.submodules['gpu-0']).toMatchObject({ debug: false, identity: { ueid: '7' } });
    expect(claims.checks.find(({ id }) => id === 'token.detached')?.outcome).toBe('not-checked');
    expect(failed(claims)).toEqual([]);
  });

  test.each([
    [
      'Intel',
      'PS384',
      { iss: 'https://portal.trustauthority.intel.com', tdx: { tdx_mrtd: 'AA'.repeat(48), tdx_is_debuggable: true } },
      { debug: true, measurements: { mrtd: 'aa'.repeat(48) } },
    ],
    [
      'Intel, first generation',
      'PS384',
      { iss: 'AS Attestation Token Issuer', amber_report_data: '01', attester_tcb_status: 'OutOfDate' },
      { bindings: { reportData: '01' }, tcb: { status: 'OutOfDate' } },
    ],
    [
      'Azure',
      'RS256',
      { iss: 'https://eus.attest.azure.net', 'x-ms-sgx-mrenclave': 'bb', 'x-ms-sgx-is-debuggable': false },
      { debug: false, measurements: { mrenclave: 'bb' } },
    ],
    [
      'Google, by key set',
      'RS256',
      {
        iss: 'https://confidentialcomputing.googleapis.com',
        dbgstat: 'enabled',
        eat_nonce: 'x y',
        submods: { container: { image_digest: `sha256:${'cc'.repeat(32)}` } },
      },
      { debug: true, bindings: { nonce: '782079' }, measurements: { 'container-image-digest': 'cc'.repeat(32) } },
    ],
    [
      'an EAR verifier',
      'ES256',
      { eat_profile: 'tag:github.com,2023:veraison/ear', submods: { a: { 'ear.status': 'affirming' } } },
      { type: 'token' },
    ],
    [
      "CoCo's Trustee",
      'ES256',
      { eat_profile: 'tag:github.com,2024:confidential-containers/Trustee', submods: { cpu0: { 'ear.status': 'affirming' } } },
      { type: 'token' },
    ],
  ] as const)('of %s', async (_, alg, payload, wanted) => {
    expect(await verify(await sign(payload, alg), [await jwks(alg)])).toMatchObject(wanted);
  });

  test('of Azure, whose key sets hold certificates instead of keys', async () => {
    const certificate = await fakeCertificate({ name: 'maa', key: await fakeKey('RSA', 'maa') });
    const x5c = [Buffer.from(certificate.der).toString('base64')];
    const set = (more: object): Endorsement => ({
      kind: 'jwks',
      json: JSON.stringify({ keys: [{ kid: 'k', kty: 'RSA', x5c, ...more }] }),
      issuer: null,
    });
    const signed = `${b64({ alg: 'RS256', kid: 'k' })}.${b64({ iss: 'https://eus.attest.azure.net', exp: SECONDS + 60 })}`;
    const signature = Buffer.from(await certificate.key.signRaw(utf8(signed))).toString('base64url');
    expect((await verify(`${signed}.${signature}`, [set({})])).type).toBe('token');
    const bad = Buffer.from(await (await fakeKey('RSA', 'another')).signRaw(utf8(signed))).toString('base64url');
    await expectCode(verify(`${signed}.${bad}`, [set({})]), 'token/signature-invalid');
    await expectCode(verify(`${signed}.${signature}`, [set({ kty: 'EC' })]), 'token/key-malformed');
    await expectCode(verify(`${signed}.${signature}`, [set({ x5c: ['AAAA'] })]), 'certificate/malformed');
    const ecdsa = Buffer.from((await fakeCertificate({ name: 'ec', key: await fakeKey('P-256', 'ec') })).der).toString(
      'base64',
    );
    await expectCode(verify(`${signed}.${signature}`, [set({ x5c: [ecdsa] })]), 'token/key-malformed');
  });

  test('may say no, which is a failed check', async () => {
    const bad = await sign({ iss: NRAS, 'x-nvidia-overall-att-result': false, measres: 'fail' });
    expect(failed(await verify(bad, [await jwks('ES384')]))).toEqual(['token.overall-result', 'token.measurement-result']);
    const ear = await sign(
      { eat_profile: 'tag:github.com,2023:veraison/ear', submods: { a: { 'ear.status': 'contraindicated' } } },
      'ES256',
    );
    expect(failed(await verify(ear, [await jwks('ES256')]))).toEqual(['token.ear-status.a']);
  });

  test('is found inside JSON', async () => {
    const token = await sign({ iss: NRAS });
    expect((await verify(JSON.stringify({ token }), [await jwks('ES384')])).type).toBe('token');
    expect((await verify(JSON.stringify({ detached_eat: [['JWT', token], {}] }), [await jwks('ES384')])).type).toBe('token');
  });

  test('whose part answers another nonce fails', async () => {
    const part = await sign({ iss: NRAS, eat_nonce: '01', measres: 'success' });
    const result = { 'x-nvidia-overall-att-result': true };
    const overall = await sign({ iss: NRAS, ...result, eat_nonce: '02', submods: { 'GPU-0': digest(part) } });
    const claims = await verify(JSON.stringify([['JWT', overall], { 'GPU-0': part }]), [await jwks('ES384')]);
    expect(failed(claims)).toEqual(['token.nonce.gpu-0']);
  });
});

const set = await jwks('ES384');
const sound = await sign({ iss: NRAS });
const [head = '', body = '', tail = ''] = sound.split('.');
const forged = `${b64({ alg: 'ES384', kid: 'k', jwk: await exportJWK(es384.publicKey) })}.${body}.${tail}`;

const DEFECTS = [
  ['another issuer', 'token/issuer-unknown', await sign({ iss: 'https://example.org' }), [set]],
  ['no issuer', 'token/issuer-unknown', await sign({}), [set]],
  ['algorithm none', 'token/algorithm-refused', `${b64({ alg: 'none' })}.${body}.`, [set]],
  ["another issuer's algorithm", 'token/algorithm-refused', await sign({ iss: NRAS }, 'ES256'), [await jwks('ES256')]],
  [
    'a critical header',
    'token/algorithm-refused',
    `${b64({ alg: 'ES384', crit: ['b64'], b64: false })}.${body}.${tail}`,
    [set],
  ],
  ['no key set', 'token/key-missing', sound, []],
  ['a key set with another key', 'token/key-missing', sound, [await jwks('ES384', { kid: 'other' })]],
  ["another issuer's key set", 'token/key-missing', sound, [{ ...set, issuer: 'https://example.org' } as Endorsement]],
  ['a key inside the token, unsupplied', 'token/key-missing', forged, []],
  ['a key set of another curve', 'token/key-malformed', sound, [await jwks('ES256')]],
  [
    'a symmetric key',
    'token/key-malformed',
    sound,
    [{ kind: 'jwks', json: '{"keys":[{"kty":"oct","k":"AA","kid":"k"}]}', issuer: null } as Endorsement],
  ],
  ['a broken key set', 'token/key-malformed', sound, [{ kind: 'jwks', json: '{', issuer: null } as Endorsement]],
  ['a changed header', 'token/signature-invalid', forged, [set]],
  ['changed claims', 'token/signature-invalid', `${head}.${b64({ iss: NRAS, exp: 9_999_999_999 })}.${tail}`, [set]],
  ['an end in the past', 'token/expired', await sign({ iss: NRAS, exp: SECONDS }), [set]],
  ['a start in the future', 'token/not-yet-valid', await sign({ iss: NRAS, nbf: SECONDS + 61 }), [set]],
  ['an issue in the future', 'token/not-yet-valid', await sign({ iss: NRAS, iat: SECONDS + 61 }), [set]],
  ['an end that is no number', 'token/malformed', await sign({ iss: NRAS, exp: 'never' }), [set]],
  ['claims that are no object', 'token/malformed', `${head}.${Buffer.from('[]').toString('base64url')}.${tail}`, [set]],
  [
    'a part of another answer',
    'token/detached-digest-mismatch',
    JSON.stringify([['JWT', await sign({ iss: NRAS, submods: {} })], { 'GPU-0': sound }]),
    [set],
  ],
  ['a part that is no token', 'token/malformed', JSON.stringify([['JWT', sound], { 'GPU-0': 7 }]), [set]],
  [
    'a Proof of Cloud token of another key',
    'token/signature-invalid',
    `${b64({ alg: 'EdDSA', kid: 'x' })}.${b64({ quote_hash: 'a', machine_id: 'b' })}.${Buffer.alloc(64).toString('base64url')}`,
    [],
  ],
] as const;

describe('one defect', () => {
  test.each(DEFECTS)('%s', async (_, code, file, endorsements) => {
    await expectCode(() => verify(file, endorsements), code);
  });

  test('every one-bit flip of a signature is refused', async () => {
    const signature = Buffer.from(tail, 'base64url');
    for (let bit = 0; bit < 8 * signature.length; bit += 7) {
      const flipped = Buffer.from(signature);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      await expectCode(() => verify(`${head}.${body}.${flipped.toString('base64url')}`, [set]), 'token/signature-invalid');
    }
  });
});

test('hostile text gives coded errors only', () => {
  const part = fc.string({ unit: fc.constantFrom(...'eyJhbGciOnsifQ_-09') });
  fc.assert(
    fc.property(part, part, part, (a, b, c) => {
      try {
        tokenVerifier.recognise(utf8(`eyJ${a}.${b}.${c}`));
      } catch (error) {
        if (!AttestationError.is(error)) throw error;
      }
    }),
    { numRuns: 2000 },
  );
});
