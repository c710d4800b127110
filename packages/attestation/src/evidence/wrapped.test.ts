/** Evidence inside JSON of other APIs: found by name with its companions, and never believed for what stands around it. */

import { encodeBase64 } from '@assay/encoding/base64';
import { utf8 } from '@assay/encoding/bytes';
import { encodeHex } from '@assay/encoding/hex';
import { FAKE_NOW, fakeNitroDocument, fakeSnp } from '@assay/testing';
import fc from 'fast-check';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { describe, expect, test } from 'vitest';
import { recogniseEvidence, verify } from '../verify.ts';
import { wrappedEndorsements, wrappedEvidence } from './wrapped.ts';

const text = (value: unknown): Uint8Array => utf8(JSON.stringify(value));
const nitro = await fakeNitroDocument();
const snp = await fakeSnp();
const document = encodeBase64(nitro.document);
const options = { now: FAKE_NOW, trust: { roots: [nitro.anchor, snp.anchor] } };

describe('a wrapper', () => {
  test.each<[string, unknown]>([
    ['of a nitro document', { attestation_document: document }],
    ['in camel case, in hex', { attestationDocument: encodeHex(nitro.document) }],
    ['nested', { status: 'ok', data: { attestation: { doc: document } } }],
    ['in text that is json again', { payload: JSON.stringify({ document }) }],
    ['in base64 of json', { tee: 'nitro', evidence: encodeBase64(text({ document })) }],
    ['in a list', { verification_requests: [{ tee: 'nitro', evidence: document }] }],
    ['as a list of bytes', { attestation_doc: [...nitro.document] }],
  ])('%s is opened, and says so', async (_, wrapper) => {
    const { type, checks, error, appraisal } = await verify(text(wrapper), options);
    if (error !== undefined) expect(error.code, error.message).toBe('policy/refused');
    expect(type).toBe('nitro');
    for (const list of [checks, appraisal?.checks])
      expect(list).toContainEqual(expect.objectContaining({ id: 'evidence.wrapper', outcome: 'not-checked' }));
  });

  test('lends its certificates', async () => {
    const [vcek, ask, ark] = snp.chain.map((der) => encodeBase64(der));
    const evidence = { attestation_report: encodeBase64(snp.report) };
    const wrapper = { platform: 'snp', evidence, certificates: [vcek, ask, ark] };
    expect(await verify(text(wrapper), options)).toMatchObject({
      type: 'sev-snp',
      claims: { simulated: true },
    });
  });

  test('whose evidence is broken names its type', async () => {
    const broken = encodeBase64(nitro.document.subarray(0, -1));
    expect(await verify(text({ attestation_document: broken }), options)).toMatchObject({
      outcome: 'malformed',
      type: 'nitro',
      error: { code: 'nitro/malformed' },
    });
  });

  test('never lends a key set', async () => {
    const { privateKey, publicKey } = await generateKeyPair('ES384', { extractable: true });
    const claims = { iss: 'https://nras.attestation.nvidia.com', exp: FAKE_NOW / 1000 + 60 };
    const jwt = await new SignJWT(claims).setProtectedHeader({ alg: 'ES384', kid: 'k' }).sign(privateKey);
    const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: 'k' }] };
    const wrapper = { attestation_token: jwt, jwks };
    expect(wrappedEndorsements(text(wrapper))).toEqual([]);
    expect((await verify(text(wrapper), options)).error?.code).toBe('token/key-missing');
  });

  test.each<[string, unknown]>([
    ['under a name that evidence never has', { comment: document }],
    ['in a report that binds keys', { api_version: 'aci/1', attestation: { evidence: { document } } }],
    ['too deep', { data: { data: { data: { data: { data: { data: { document } } } } } } }],
    ['nowhere', { evidence: null, quote: 7, report: 'short' }],
  ])('with evidence %s stays unrecognised', async (_, wrapper) => {
    expect((await verify(text(wrapper), options)).error?.code).toBe('evidence/unrecognised');
  });
});

test('any json gives candidates at once, and a coded error at most', () => {
  const names = fc.constantFrom('evidence', 'quote', 'attestation', 'report', 'data', 'body', 'token');
  const { node } = fc.letrec<{ node: unknown }>((tie) => ({
    node: fc.oneof(
      { maxDepth: 6 },
      fc.string({ maxLength: 200 }),
      fc.base64String({ minLength: 64, maxLength: 400 }),
      fc.array(tie('node'), { maxLength: 3 }),
      fc.dictionary(names, tie('node'), { maxKeys: 3 }),
    ),
  }));
  fc.assert(
    fc.property(node, (value) => {
      expect(wrappedEvidence(text(value)).length).toBeLessThanOrEqual(64);
      expect(() => recogniseEvidence(text(value))).toThrow(/expected/);
    }),
    { numRuns: 500 },
  );
});
