/** Quotes that name their PCK certificate, with the certificate among the endorsements; one defect each. */

import { concatBytes, utf8 } from '@assay/encoding/bytes';
import { encodePem } from '@assay/encoding/pem';
import {
  CA_EXTENSIONS,
  expectCode,
  type FakeDcap,
  type FakeDcapOptions,
  fakeCertificate,
  fakeDcap,
  fakeKey,
  fakeSgxExtension,
} from '@assay/testing';
import { describe, expect, test } from 'vitest';
import type { VerifiedClaims } from '../../model/claims.ts';
import type { Endorsement } from '../../model/endorsements.ts';
import { sgxVerifier } from './sgx.ts';
import { tdxVerifier } from './tdx.ts';

const PPID = new Uint8Array(16).fill(0x99);
const tail = (pceId = Uint8Array.of(0, 0)) => concatBytes(new Uint8Array(16).fill(5), Uint8Array.of(13, 0), pceId);
const DATA: readonly (readonly [number, Uint8Array])[] = [
  [1, concatBytes(PPID, tail())],
  [2, concatBytes(new Uint8Array(256).fill(0xec), tail())],
  [3, concatBytes(new Uint8Array(384).fill(0xec), tail())],
  [7, utf8('platform manifest')],
];

const certificatesOf = ({ pck, ca, root }: FakeDcap): Endorsement[] =>
  [root, ca, pck].map(({ der }) => ({ kind: 'certificate', der }));

async function verify(fake: FakeDcap, companions: readonly Endorsement[]): Promise<VerifiedClaims> {
  const options = { now: fake.now, endorsements: [...companions, ...fake.endorsements], trust: { roots: fake.anchors } };
  for (const verifier of [sgxVerifier, tdxVerifier]) {
    const evidence = verifier.recognise(fake.quote);
    if (evidence !== null) return verifier.verify(evidence, options);
  }
  throw new Error('expected a quote');
}

const spoilt = (options: FakeDcapOptions = {}, type = 1): Promise<FakeDcap> => {
  const data = DATA.find(([each]) => each === type)?.[1] ?? PPID;
  return fakeDcap({ tee: 'sgx', certification: { type, data }, ...options });
};

describe('certification data', () => {
  test.each(DATA)('of type %i finds its certificate among others', async (type, data) => {
    const other = await fakeDcap({
      sgxExtension: fakeSgxExtension({ pceId: Uint8Array.of(0, 1) }),
      pck: { key: await fakeKey('P-256', 'companion neighbour') },
    });
    const noise: Endorsement[] = [{ kind: 'certificate', der: Uint8Array.of(0x30, 0) }, ...certificatesOf(other)];
    for (const tee of ['sgx', 'tdx'] as const) {
      const fake = await fakeDcap({ tee, certification: { type, data } });
      const claims = await verify(fake, [...noise, ...certificatesOf(fake)]);
      expect(claims).toMatchObject({ type: tee, tcb: { status: 'UpToDate' }, identity: { ppid: '99'.repeat(16) } });
      expect(claims.checks.filter(({ outcome }) => outcome !== 'pass')).toEqual([]);
    }
  });

  test('of type 4 carries the leaf and finds the rest', async () => {
    const { pck } = await fakeDcap();
    const data = utf8(`${encodePem('CERTIFICATE', pck.der)}\0`);
    const fake = await fakeDcap({ tee: 'sgx', certification: { type: 4, data } });
    const [, ca] = certificatesOf(fake);
    expect((await verify(fake, [ca as Endorsement])).tcb?.status).toBe('UpToDate');
    await expectCode(verify(fake, []), 'dcap/pck-certificate-missing');
    const chain = utf8([pck, pck].map(({ der }) => encodePem('CERTIFICATE', der)).join(''));
    for (const broken of [chain, utf8('no pem'), Uint8Array.of(0xff)]) {
      const other = await fakeDcap({ tee: 'sgx', certification: { type: 4, data: broken } });
      await expectCode(verify(other, certificatesOf(other)), 'dcap/pck-chain-invalid');
    }
  });

  test('does without a root certificate, whose key is pinned', async () => {
    const fake = await spoilt();
    expect((await verify(fake, certificatesOf(fake).slice(1))).tcb?.status).toBe('UpToDate');
  });
});

describe('is refused', () => {
  const stranger = fakeKey('P-256', 'companion stranger');

  test('without a certificate, and without its CA', async () => {
    const fake = await spoilt();
    await expectCode(verify(fake, []), 'dcap/pck-certificate-missing');
    const keyAlone = { ...fake, anchors: fake.anchors.map((anchor) => ({ ...anchor, certificate: null })) };
    const rootless = await expectCode(verify(keyAlone, certificatesOf(fake).slice(1)), 'dcap/pck-certificate-missing');
    expect(rootless.message).toContain('root certificate');
    const [, , pck] = certificatesOf(fake);
    const error = await expectCode(verify(fake, [pck as Endorsement]), 'dcap/pck-certificate-missing');
    expect(error).toMatchObject({ kind: 'unavailable', details: { ppid: '99'.repeat(16), pceId: '0000', pceSvn: 13 } });
  });

  test('with the certificate of another platform', async () => {
    const fake = await spoilt({ certification: { type: 1, data: concatBytes(new Uint8Array(16), tail()) } });
    await expectCode(verify(fake, certificatesOf(fake)), 'dcap/pck-certificate-missing');
    const pce = await spoilt({ certification: { type: 1, data: concatBytes(PPID, tail(Uint8Array.of(0, 1))) } });
    await expectCode(verify(pce, certificatesOf(pce)), 'dcap/pck-certificate-missing');
  });

  test('when the very certificate it names did not sign', async () => {
    const fake = await spoilt({ qeReportSigner: await stranger });
    await expectCode(verify(fake, certificatesOf(fake)), 'dcap/qe-report-signature-invalid');
    const encrypted = await spoilt({ qeReportSigner: await stranger }, 3);
    await expectCode(verify(encrypted, certificatesOf(encrypted)), 'dcap/pck-certificate-missing');
  });

  test.each<[string, string, FakeDcapOptions | (() => Promise<FakeDcapOptions>)]>([
    ['a certificate under another key', 'certificate/signature-invalid', { pck: { breakSignature: true } }],
    ['a certificate out of date', 'endorsements/expired', { pck: { notAfter: 1 } }],
    ['a revoked certificate', 'certificate/revoked', { pckCrl: { revoked: [Uint8Array.of(3)] } }],
    ['a forged quote', 'dcap/quote-signature-invalid', async () => ({ quoteSigner: await stranger })],
    ['no collateral', 'dcap/collateral-missing', { endorsements: () => [] }],
  ])('with %s', async (_, code, options) => {
    const fake = await spoilt(typeof options === 'function' ? await options() : options);
    await expectCode(verify(fake, certificatesOf(fake)), code);
  });

  test('under a root that is not pinned', async () => {
    const fake = await spoilt();
    const root = await fakeCertificate({ name: 'Intel SGX Root CA', key: await stranger, extensions: CA_EXTENSIONS(1) });
    const foreign = { ...fake, anchors: (await fakeDcap({ root: { key: await stranger } })).anchors };
    await expectCode(
      verify(foreign, [{ kind: 'certificate', der: root.der }, ...certificatesOf(fake)]),
      'certificate/signature-invalid',
    );
  });
});
