/** Combined reports over fake nodes: every binding rule, then one defect each; signatures over answers. */

import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { concatBytes, utf8 } from '@assay/encoding/bytes';
import { encodeHex } from '@assay/encoding/hex';
import { encodePem } from '@assay/encoding/pem';
import { expectCode, FAKE_NOW, type FakeDstackOptions, fakeCertificate, fakeDstack, fakeKey, fakeSnp } from '@assay/testing';
import { secp256k1 } from '@noble/curves/secp256k1.js';
import { keccak_256 } from '@noble/hashes/sha3.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AttestationError } from '../../errors.ts';
import { parseAnswerSignature, verifyAnswerSignature } from '../../evidence/combined/answer-signature.ts';
import type { NamedClaims } from '../../model/claims.ts';
import type { Endorsement } from '../../model/endorsements.ts';
import { combinedVerifier } from './combined.ts';

const SECRET = new Uint8Array(32).fill(5);
const PUBLIC = secp256k1.getPublicKey(SECRET, false);
const ADDRESS = keccak_256(PUBLIC.subarray(1)).subarray(12);
const NONCE = new Uint8Array(32).fill(0x4e);
const sha256 = (...parts: Uint8Array[]) =>
  new Uint8Array(
    createHash('sha256')
      .update(concatBytes(...parts))
      .digest(),
  );
const padded = (address: Uint8Array) => concatBytes(address, new Uint8Array(32 - address.length));
const certificate = await fakeCertificate({ name: 'node', key: await fakeKey('P-256', 'combined node') });
// biome-ignore lint/suspicious/noExplicitAny: documents are spoilt in place
type Loose = any;

async function node(reportData: Uint8Array, more: object = {}, options: FakeDstackOptions = {}) {
  const fake = await fakeDstack({ ...options, reportData });
  const document = {
    ...{ intel_quote: fake.document.quote, event_log: fake.document.event_log, signing_algo: 'ecdsa' },
    signing_address: `0x${encodeHex(ADDRESS)}`,
    signing_public_key: encodeHex(PUBLIC),
    request_nonce: encodeHex(NONCE),
    info: JSON.stringify({ app_name: 'x', tcb_info: JSON.stringify({ app_compose: fake.compose }) }),
    ...more,
  };
  return { fake, document };
}

async function verify(document: object, endorsements: readonly Endorsement[] = [], anchors: Loose = []): Promise<NamedClaims> {
  const evidence = combinedVerifier.recognise(utf8(JSON.stringify(document)));
  if (evidence === null) throw new Error('expected a combined report');
  const { fake } = await node(new Uint8Array(64));
  const options = { now: FAKE_NOW, endorsements: [...fake.endorsements, ...endorsements] };
  return combinedVerifier.verify(evidence, { ...options, trust: { roots: [...fake.anchors, ...anchors] } });
}

const failed = (claims: NamedClaims) =>
  [claims, ...Object.values(claims.submodules)]
    .flatMap(({ checks }) => checks.filter(({ outcome }) => outcome === 'fail'))
    .map(({ id }) => id);
const plain = concatBytes(padded(ADDRESS), NONCE);

describe('a sound report', () => {
  test('of one node binds address and nonce', async () => {
    const claims = await verify((await node(plain)).document);
    expect(failed(claims)).toEqual([]);
    expect(claims).toMatchObject({ type: 'combined', bindings: { nonce: encodeHex(NONCE), publicKey: encodeHex(PUBLIC) } });
    expect(claims.submodules.model).toMatchObject({ type: 'dstack', identity: { 'signing-address': encodeHex(ADDRESS) } });
  });

  test('of a gateway and a model, with TLS and a compose manager', async () => {
    const tls = new Uint8Array(32).fill(7);
    const actions = new Uint8Array(32).fill(8);
    const gateway = await node(concatBytes(sha256(ADDRESS, tls), NONCE), { tls_cert_fingerprint: encodeHex(tls) });
    const manager = (await node(concatBytes(actions, NONCE))).fake.document;
    const compose = {
      quote: manager.quote,
      event_log: manager.event_log,
      actions_hash: encodeHex(actions),
      nonce: encodeHex(NONCE),
    };
    const key = new Uint8Array(32).fill(9);
    const ed25519 = { signing_algo: 'ed25519', signing_address: encodeHex(key), signing_public_key: encodeHex(key) };
    const model = await node(concatBytes(key, NONCE), { ...ed25519, compose_manager_attestation: compose });
    const claims = await verify({ gateway_attestation: gateway.document, model_attestations: [model.document] });
    expect(failed(claims)).toEqual([]);
    expect(Object.keys(claims.submodules)).toEqual(['gateway', 'model', 'compose-manager']);
    expect(claims.submodules.gateway?.identity['tls-fingerprint']).toBe(encodeHex(tls));
    expect(claims.identity['signing-address']).toBe(encodeHex(key));
  });

  test('shows a node once that the document lists twice', async () => {
    const { document } = await node(plain);
    expect(Object.keys((await verify({ ...document, all_attestations: [document] })).submodules)).toEqual(['model']);
    const other = await node(plain, {}, { compose: '{"other":1}' });
    const names = Object.keys((await verify({ all_attestations: [document, other.document] })).submodules);
    expect(names).toEqual(['model-0', 'model-1']);
  });

  describe('of the private AI gateway for older clients', () => {
    const spki = new Uint8Array(32).fill(9);
    const gateway = async (data: Uint8Array) => {
      const { document, fake } = await node(data);
      const { intel_quote: quote, event_log: log, request_nonce: _, info: __, ...names } = document;
      const report = {
        ...{ api_version: 'aci/1', workload_keyset_digest: `sha256:${'00'.repeat(32)}`, intel_quote: quote },
        ...names,
        nvidia_payload: JSON.stringify({ nonce: encodeHex(NONCE), evidence_list: [], arch: 'HOPPER' }),
        attestation: {
          tee_type: 'tdx',
          report_data: encodeHex(data),
          workload_keyset: { tls_public_keys: [{ domain: 'x', spki_sha256: encodeHex(spki) }] },
          evidence: { quote, event_log: log, app_compose: fake.compose },
        },
      };
      return { ...report, all_attestations: [report] };
    };

    test('binds the address, shows the signed nonce and reads the log in its evidence', async () => {
      const claims = await verify(await gateway(plain));
      expect(failed(claims)).toEqual([]);
      expect(Object.keys(claims.submodules)).toEqual(['model']);
      expect(claims.submodules.model).toMatchObject({ type: 'dstack', bindings: { nonce: encodeHex(NONCE) } });
      expect(claims.submodules.model?.measurements['compose-hash']).toMatch(/^[0-9a-f]{64}$/);
      expect(claims.submodules.model?.checks).toContainEqual(
        expect.objectContaining({ id: 'combined.nonce', outcome: 'not-checked' }),
      );
      expect(claims.checks).toContainEqual(
        expect.objectContaining({ id: 'combined.unread', actual: expect.stringContaining('workload_keyset_digest') }),
      );
    });

    test('binds the address with a TLS key of its keyset', async () => {
      const claims = await verify(await gateway(concatBytes(sha256(ADDRESS, spki), NONCE)));
      expect(failed(claims)).toEqual([]);
      expect(claims.identity['tls-fingerprint']).toBe(encodeHex(spki));
      const other = concatBytes(sha256(ADDRESS, new Uint8Array(32)), NONCE);
      await expectCode(verify(await gateway(other)), 'combined/key-unbound');
    });
  });

  test('of Chutes binds encryption key and certificate', async () => {
    const data = concatBytes(sha256(utf8('aa'), utf8('key')), sha256(certificate.key.spki));
    const { fake } = await node(data);
    const instance = { quote: fake.document.quote, nonce: 'aa', e2e_pubkey: 'key', instance_id: 'i' };
    const claims = await verify({ evidence: [{ ...instance, certificate: Buffer.from(certificate.der).toString('base64') }] });
    expect(failed(claims)).toEqual([]);
    expect(claims.submodules['instance-0']).toMatchObject({ type: 'tdx', identity: { 'encryption-key': 'key' } });
    const redpill = { ...instance, intel_quote: instance.quote, quote: undefined };
    expect((await verify({ attestation_type: 'chutes', all_attestations: [redpill] })).details.format).toBe('chutes');
    await expectCode(verify({ evidence: [{ ...instance, e2e_pubkey: 'other' }] }), 'combined/key-unbound');
    const stranger = await fakeCertificate({ name: 'other', key: await fakeKey('P-256', 'combined stranger') });
    const spoilt = { ...instance, certificate: Buffer.from(stranger.der).toString('base64') };
    await expectCode(verify({ evidence: [spoilt] }), 'combined/key-unbound');
  });

  test('of Tinfoil binds TLS and HPKE keys', async () => {
    const [tls, hpke] = [sha256(certificate.key.spki), new Uint8Array(32).fill(3)];
    const snp = await fakeSnp({
      edit: (report) => report.set(concatBytes(sha256(tls, hpke, NONCE), new Uint8Array(32)), 0x50),
    });
    const document = {
      format: 'https://tinfoil.sh/predicate/attestation/v3',
      report_data: { tls_key_fp: encodeHex(tls), hpke_key: encodeHex(hpke), nonce: encodeHex(NONCE) },
      cpu: { platform: 'sev-snp', report: Buffer.from(snp.report).toString('base64') },
      certificate: encodePem('CERTIFICATE', certificate.der),
    };
    const chain = snp.chain.map((der): Endorsement => ({ kind: 'certificate', der }));
    const claims = await verify(document, chain, [snp.anchor]);
    expect(failed(claims)).toEqual([]);
    expect(claims).toMatchObject({ bindings: { publicKey: encodeHex(hpke) }, identity: { 'hpke-key': encodeHex(hpke) } });
    const spoilt = { ...document, report_data: { ...document.report_data, hpke_key: '00'.repeat(32) } };
    await expectCode(verify(spoilt, chain, [snp.anchor]), 'combined/key-unbound');
    await expectCode(verify({ ...document, format: `${document.format}x` }), 'combined/malformed');
    await expectCode(verify({ ...document, cpu: { ...document.cpu, platform: 'sgx' } }), 'combined/malformed');
  });

  describe('of Tinfoil before version 3', () => {
    const format = (kind: string) => `https://tinfoil.sh/predicate/${kind}`;
    const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');
    const [tls, hpke] = [sha256(certificate.key.spki), new Uint8Array(32).fill(3)];
    const quoteOver = async (data: Uint8Array) => Buffer.from((await node(data)).fake.document.quote, 'hex');
    const bound = [encodeHex(tls), encodeHex(hpke)];

    test.each<[string, string, () => Promise<Uint8Array>, readonly (string | undefined)[]]>([
      ['version 1', 'tdx-guest/v1', () => quoteOver(utf8(encodeHex(tls))), [encodeHex(tls), undefined]],
      ['version 2', 'tdx-guest/v2', async () => gzipSync(await quoteOver(concatBytes(tls, hpke))), bound],
      [
        'version 2 without an HPKE key',
        'tdx-guest/v2',
        async () => gzipSync(await quoteOver(concatBytes(tls, new Uint8Array(32)))),
        [encodeHex(tls), undefined],
      ],
    ])('%s shows the keys in the report data', async (_, kind, body, [fingerprint, key]) => {
      const claims = await verify({ format: format(kind), body: base64(await body()) });
      expect(failed(claims)).toEqual([]);
      expect(claims.identity['tls-key-fingerprint']).toBe(fingerprint);
      expect(claims.identity['hpke-key']).toBe(key);
      expect(claims.submodules.cpu?.checks).toContainEqual(
        expect.objectContaining({ id: 'combined.nonce', outcome: 'not-checked' }),
      );
    });

    test('a bundle brings the VCEK and the TLS certificate', async () => {
      const snp = await fakeSnp({ edit: (report) => report.set(concatBytes(tls, hpke), 0x50) });
      const [vcek, ...authorities] = snp.chain;
      const document = { format: format('sev-snp-guest/v2'), body: base64(gzipSync(snp.report)) };
      const bundle = {
        ...{ domain: 'x', digest: '00', sigstoreBundle: {}, enclaveAttestationReport: document },
        vcek: base64(vcek as Uint8Array),
        enclaveCert: encodePem('CERTIFICATE', certificate.der),
      };
      const chain = authorities.map((der): Endorsement => ({ kind: 'certificate', der }));
      const claims = await verify(bundle, chain, [snp.anchor]);
      expect(failed(claims)).toEqual([]);
      expect(claims).toMatchObject({ identity: { 'hpke-key': encodeHex(hpke) } });
      const stranger = await fakeCertificate({ name: 'other', key: await fakeKey('P-256', 'combined stranger') });
      const other = { ...bundle, enclaveCert: encodePem('CERTIFICATE', stranger.der) };
      expect(failed(await verify(other, chain, [snp.anchor]))).toEqual(['combined.tls-binding']);
    });

    test.each<[string, string, () => Promise<Uint8Array>]>([
      ['report data that is no fingerprint', 'combined/key-unbound', () => quoteOver(new Uint8Array(64))],
      ['broken gzip', 'combined/malformed', async () => gzipSync(await quoteOver(plain)).subarray(0, 900)],
      ['gzip of more than any report', 'combined/malformed', async () => gzipSync(new Uint8Array(1 << 20))],
      ['a body that is no quote', 'dcap/quote-malformed', async () => new Uint8Array(600)],
    ])('refuses %s', async (_, code, body) => {
      const document = { format: format('tdx-guest/v1'), body: base64(await body()) };
      await expectCode(() => verify(document), code);
    });
  });
});

describe('one defect', () => {
  test.each<[string, string, (document: Loose) => void]>([
    ['an address the quote does not bind', 'combined/key-unbound', (document) => (document.signing_address = '11'.repeat(20))],
    [
      'a public key of another address',
      'combined/public-key-mismatch',
      (document) => (document.signing_public_key = '22'.repeat(64)),
    ],
    ['a short address', 'combined/malformed', (document) => (document.signing_address = '11')],
    ['a nonce that is none', 'combined/malformed', (document) => (document.request_nonce = 7)],
    ['no quote', 'combined/malformed', (document) => (document.intel_quote = '')],
    ['gpu evidence that is none', 'combined/malformed', (document) => (document.nvidia_payload = '{}')],
    ['gpu evidence that is no json', 'combined/malformed', (document) => (document.nvidia_payload = '{')],
    ['a node list that is none', 'combined/malformed', (document) => (document.model_attestations = {})],
    ['a compose file that was not measured', 'dstack/compose-hash-mismatch', (document) => (document.app_compose = '{}')],
    ['an event log that does not lead to the quote', 'dstack/register-mismatch', (document) => (document.event_log = [])],
  ])('%s', async (_, code, spoil) => {
    const { document } = await node(plain);
    spoil(document);
    await expectCode(() => verify(document), code);
  });

  test('another nonce than the one bound fails, as does a node with another one', async () => {
    const { document } = await node(plain, { request_nonce: '00'.repeat(32) });
    expect(failed(await verify(document))).toContain('combined.nonce');
    const gateway = await node(concatBytes(padded(ADDRESS), new Uint8Array(32)), { request_nonce: '00'.repeat(32) });
    const claims = await verify({ gateway_attestation: gateway.document, model_attestations: [(await node(plain)).document] });
    expect(failed(claims)).toEqual(['combined.common-nonce']);
    expect(claims.bindings.nonce).toBeNull();
  });

  test('a TLS fingerprint beside a report data that does not bind it fails', async () => {
    const claims = await verify((await node(plain, { tls_cert_fingerprint: '01'.repeat(32) })).document);
    expect(failed(claims)).toEqual(['combined.tls-binding']);
    expect(claims.submodules.model?.identity['tls-fingerprint']).toBeUndefined();
  });
});

describe('signatures over answers', () => {
  const [request, response] = [utf8('{"ask":1}'), utf8('{"answer":2}')];
  const hashes = `${encodeHex(sha256(request))}:${encodeHex(sha256(response))}`;
  const eip191 = (text: string) => {
    const hash = keccak_256(utf8(`\x19Ethereum Signed Message:\n${text.length}${text}`));
    const signature = secp256k1.sign(hash, SECRET, { prehash: false, format: 'recovered' });
    return `0x${encodeHex(signature.subarray(1))}${encodeHex(Uint8Array.of(27 + (signature[0] ?? 0)))}`;
  };
  const ecdsa = (text: string) => ({
    text,
    signature: eip191(text),
    signing_address: `0x${encodeHex(ADDRESS)}`,
    signing_algo: 'ecdsa',
  });
  const attestedAddress = encodeHex(ADDRESS);

  test.each([hashes, `phala/model:${hashes}`])('over %s', async (text) => {
    const signature = parseAnswerSignature(JSON.stringify(ecdsa(text)));
    await verifyAnswerSignature({ signature, attestedAddress: `0x${attestedAddress.toUpperCase()}`, request, response });
    expect(signature.model).toBe(text === hashes ? null : 'phala/model');
  });

  test('by Ed25519', async () => {
    const pair = (await crypto.subtle.generateKey('Ed25519', true, ['sign', 'verify'])) as CryptoKeyPair;
    const key = encodeHex(new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey)));
    const bytes = new Uint8Array(await crypto.subtle.sign('Ed25519', pair.privateKey, Uint8Array.from(utf8(hashes))));
    const document = { text: hashes, signature: encodeHex(bytes), signing_address: key, signing_algo: 'ed25519' };
    const input = { attestedAddress: key, request, response };
    await verifyAnswerSignature({ ...input, signature: parseAnswerSignature(document) });
    const spoilt = { ...document, signature: `00${document.signature.slice(2)}` };
    await expectCode(verifyAnswerSignature({ ...input, signature: parseAnswerSignature(spoilt) }), 'answer/signature-invalid');
  });

  test.each([
    ['another attested address', 'answer/address-mismatch', {}, { attestedAddress: '00'.repeat(20) }],
    ['another text', 'answer/signature-invalid', { text: `x:${hashes}` }, {}],
    ['an impossible signature', 'answer/signature-invalid', { signature: '00'.repeat(65) }, {}],
    ['an impossible recovery id', 'answer/signature-invalid', { signature: `${eip191(hashes).slice(0, -2)}40` }, {}],
    ['another request', 'answer/request-mismatch', {}, { request: response }],
    ['another response', 'answer/response-mismatch', {}, { response: request }],
    ['a text of another form', 'answer/malformed', { text: 'hello' }, {}],
    ['an unknown algorithm', 'answer/malformed', { signing_algo: 'rsa' }, {}],
    ['a short signature', 'answer/malformed', { signature: '00' }, {}],
    ['no signature', 'answer/malformed', { signature: null }, {}],
  ] as const)('with %s is refused', async (_, code, change, input) => {
    const document = { ...ecdsa(hashes), ...change };
    await expectCode(
      async () =>
        verifyAnswerSignature({ signature: parseAnswerSignature(document), attestedAddress, request, response, ...input }),
      code,
    );
  });
});

test('hostile documents give coded errors only', () => {
  const names = fc.constantFrom(
    'intel_quote',
    'model_attestations',
    'gateway_attestation',
    'all_attestations',
    'evidence',
    'signing_address',
    'request_nonce',
    'nvidia_payload',
    'format',
    'cpu',
    'report_data',
    'attestation_type',
  );
  const values = fc.oneof(
    fc.jsonValue(),
    fc.constantFrom('chutes', '0x00', 'https://tinfoil.sh/predicate/attestation/v3', '[{}]'),
  );
  fc.assert(
    fc.property(fc.dictionary(names, values), (document) => {
      try {
        combinedVerifier.recognise(utf8(JSON.stringify(document)));
      } catch (error) {
        if (!AttestationError.is(error)) throw error;
      }
    }),
    { numRuns: 2000 },
  );
});
