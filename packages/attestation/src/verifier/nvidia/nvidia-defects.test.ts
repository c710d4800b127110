/** DMTF DSP0274 and NVIDIA's manifests: one defect each against sound fake devices, and the code that names it. */

import { concatBytes, utf8 } from '@assay/encoding/bytes';
import { DER_TAG } from '@assay/encoding/der';
import { encodeDer, encodeDerOid } from '@assay/encoding/der-writer';
import { encodeHex } from '@assay/encoding/hex';
import { encodeName, keyUsage } from '@assay/encoding/x509-writer';
import {
  certificatesOf,
  expectCode,
  FAKE_NOW,
  type FakeDevice,
  type FakeManifest,
  type FakeOcspOptions,
  fakeCertificate,
  fakeDevice,
  fakeKey,
  fakeManifest,
  fakeMeasurement,
  fakeOcsp,
  verifyFakeDevice,
} from '@assay/testing';
import { describe, expect, test } from 'vitest';
import { ATTESTATION_ERROR_KINDS } from '../../errors.ts';
import type { Endorsement, Endorsements } from '../../model/endorsements.ts';
import { nvidiaGpuVerifier } from './nvidia.ts';
import { nvidiaRimVerifier } from './rim.ts';

const hex = (index: number): string => encodeHex(fakeMeasurement(index));
const DRIVER = { version: '580.95.05', golden: { 1: [hex(1)], 2: [hex(99), hex(2)] } };

function json(value: unknown): Uint8Array {
  return utf8(JSON.stringify(value));
}

/** Answers about the leaf and its issuer: the first as given, the second good. */
async function answers(device: FakeDevice, options: Partial<FakeOcspOptions> = {}): Promise<Endorsements> {
  const ders = await Promise.all([
    fakeOcsp({ serial: Uint8Array.of(0x50, 1), issuer: device.issuer, status: 'good', ...options }),
    fakeOcsp({ serial: Uint8Array.of(2), issuer: device.root, status: 'good' }),
  ]);
  return [...certificatesOf(device.chain), ...ders.map((der): Endorsement => ({ kind: 'ocsp', der }))];
}

const withOcsp = async (options: Partial<FakeOcspOptions>): Promise<unknown> => {
  const device = await fakeDevice();
  return verifyFakeDevice(device, { endorsements: await answers(device, options) });
};
const withManifest = async (options: Parameters<typeof fakeManifest>[0]): Promise<unknown> =>
  verifyFakeDevice(await fakeDevice(), { manifests: [await fakeManifest({ ...DRIVER, ...options })] });
/** The manifest itself as the subject: what cannot be read of it, by its own code. */
const manifestAlone = async (options: Parameters<typeof fakeManifest>[0]): Promise<unknown> =>
  nvidiaRimVerifier.recognise((await fakeManifest({ ...DRIVER, ...options })).xml);
const listed = async (change: object): Promise<unknown> => {
  const device = await fakeDevice();
  return verifyFakeDevice(device, { file: json([{ ...device.entry, ...change }]) });
};
/** Writes one byte at an offset from the start. */
const put =
  (at: number, value: number) =>
  (bytes: Uint8Array): Uint8Array =>
    bytes.map((byte, index) => (index === at ? value : byte));

const DEFECTS: readonly { readonly name: string; readonly code: string; readonly run: () => Promise<unknown> }[] = [
  {
    name: 'request of a newer version',
    code: 'nvidia/version-unsupported',
    run: async () => listed({ evidence: btoa('\x12\xe0'.padEnd(500, 'a')) }),
  },
  {
    name: 'request that wants no signature',
    code: 'nvidia/spdm-malformed',
    run: async () => verifyFakeDevice(await fakeDevice({ edit: put(2, 0) })),
  },
  {
    name: 'response of another version',
    code: 'nvidia/spdm-malformed',
    run: async () => verifyFakeDevice(await fakeDevice({ edit: put(37, 0x12) })),
  },
  {
    name: 'response that is an error',
    code: 'nvidia/spdm-malformed',
    run: async () => verifyFakeDevice(await fakeDevice({ edit: put(38, 0x7f) })),
  },
  {
    name: 'one block fewer than written',
    code: 'nvidia/spdm-malformed',
    run: async () => verifyFakeDevice(await fakeDevice({ edit: put(41, 63) })),
  },
  {
    name: 'an index twice',
    code: 'nvidia/spdm-malformed',
    run: async () => verifyFakeDevice(await fakeDevice({ edit: put(45 + 55, 1) })),
  },
  {
    name: 'a foreign measurement specification',
    code: 'nvidia/spdm-malformed',
    run: async () => verifyFakeDevice(await fakeDevice({ edit: put(46, 2) })),
  },
  {
    name: 'a value longer than its block',
    code: 'nvidia/spdm-malformed',
    run: async () => verifyFakeDevice(await fakeDevice({ edit: put(50, 49) })),
  },
  {
    name: 'bytes after the signature',
    code: 'nvidia/spdm-malformed',
    run: async () => {
      const device = await fakeDevice();
      return verifyFakeDevice(device, { file: new Uint8Array([...device.spdm, 1]) });
    },
  },
  {
    name: 'opaque field beyond the end',
    code: 'nvidia/opaque-malformed',
    run: async () => verifyFakeDevice(await fakeDevice({ edit: (bytes) => put(bytes.length - 4, 9)(bytes) })),
  },
  {
    name: 'no certificates',
    code: 'nvidia/certificates-missing',
    run: async () => verifyFakeDevice(await fakeDevice(), { endorsements: [] }),
  },
  {
    name: 'a leaf without a dice extension',
    code: 'nvidia/certificates-missing',
    run: async () => verifyFakeDevice(await fakeDevice({ extensions: [keyUsage(0)] })),
  },
  {
    name: 'signed by another key',
    code: 'nvidia/signature-invalid',
    run: async () => verifyFakeDevice(await fakeDevice({ signer: await fakeKey('P-384', 'stranger') })),
  },
  {
    name: 'chain of another device',
    code: 'nvidia/signature-invalid',
    run: async () =>
      verifyFakeDevice(await fakeDevice(), { endorsements: certificatesOf((await fakeDevice({ serial: 2 })).chain) }),
  },
  {
    name: 'chain with a gap',
    code: 'certificate/root-not-trusted',
    run: async () => {
      const device = await fakeDevice();
      return verifyFakeDevice(device, {
        endorsements: [
          { kind: 'certificate', der: device.leaf.der },
          { kind: 'certificate', der: device.root.der },
        ],
      });
    },
  },
  {
    name: 'a root that is not pinned',
    code: 'certificate/root-not-trusted',
    run: async () => {
      const device = await fakeDevice();
      return nvidiaGpuVerifier.verify(nvidiaGpuVerifier.recognise(device.spdm)!, {
        now: FAKE_NOW,
        endorsements: certificatesOf(device.chain),
      });
    },
  },
  {
    name: 'firmware that was replaced',
    code: 'nvidia/firmware-id-mismatch',
    run: async () => verifyFakeDevice(await fakeDevice({ firmwareId: new Uint8Array(48).fill(2) })),
  },
  {
    name: 'blackwell firmware that was replaced',
    code: 'nvidia/firmware-id-mismatch',
    run: async () => verifyFakeDevice(await fakeDevice({ product: 'GB100', firmwareId: new Uint8Array(48) })),
  },
  { name: 'called blackwell, is hopper', code: 'nvidia/device-mismatch', run: async () => listed({ arch: 'BLACKWELL' }) },
  {
    name: 'gpu measurements under a switch certificate',
    code: 'nvidia/device-mismatch',
    run: async () => verifyFakeDevice(await fakeDevice({ product: 'LS_10', opaque: { 3: utf8('580.95.05\0') } })),
  },
  { name: 'evidence that is no base64', code: 'nvidia/evidence-malformed', run: async () => listed({ evidence: '***' }) },
  { name: 'certificate that is no pem', code: 'nvidia/evidence-malformed', run: async () => listed({ certificate: 'AAAA' }) },
  {
    name: 'a chain of twelve certificates',
    code: 'nvidia/evidence-malformed',
    run: async () => listed({ certificate: (await fakeDevice()).pem.repeat(4) }),
  },
  { name: 'evidence that is no text', code: 'nvidia/evidence-malformed', run: async () => listed({ evidence: 5 }) },
  {
    name: 'broken dice extension',
    code: 'nvidia/evidence-malformed',
    run: async () =>
      verifyFakeDevice(
        await fakeDevice({ extensions: [keyUsage(0), { oid: '2.23.133.5.4.1', critical: false, value: Uint8Array.of(1) }] }),
      ),
  },
  { name: 'revoked', code: 'nvidia/certificate-revoked', run: () => withOcsp({ status: { reason: 1 } }) },
  { name: 'revoked without a reason', code: 'nvidia/certificate-revoked', run: () => withOcsp({ status: { reason: null } }) },
  { name: 'answer that is a refusal', code: 'certificate/ocsp-malformed', run: () => withOcsp({ refusal: 6 }) },
  {
    name: 'answer with eleven certificates',
    code: 'certificate/ocsp-malformed',
    run: async () => {
      const one = await responder((await fakeDevice()).root, true);
      return withOcsp({ responder: { ...one, der: concatBytes(...Array<Uint8Array>(11).fill(one.der)) } });
    },
  },
  {
    name: '33 answers about one certificate',
    code: 'endorsements/too-large',
    run: async () => {
      const device = await fakeDevice();
      const all = await answers(device);
      const ofLeaf = all.find(({ kind }) => kind === 'ocsp') as Endorsement;
      return verifyFakeDevice(device, { endorsements: [...all, ...Array<Endorsement>(32).fill(ofLeaf)] });
    },
  },
  {
    name: '65 manifests of one version',
    code: 'endorsements/too-large',
    run: async () =>
      verifyFakeDevice(await fakeDevice(), { manifests: Array<FakeManifest>(65).fill(await fakeManifest(DRIVER)) }),
  },
  { name: 'answer past its end', code: 'certificate/ocsp-outdated', run: () => withOcsp({ nextUpdate: FAKE_NOW - 1 }) },
  {
    name: 'answer before its start',
    code: 'certificate/ocsp-outdated',
    run: () => withOcsp({ thisUpdate: FAKE_NOW + 60_000 }),
  },
  {
    name: 'answer without an end, two days old',
    code: 'certificate/ocsp-outdated',
    run: () => withOcsp({ nextUpdate: null, thisUpdate: FAKE_NOW - 172_800_000 }),
  },
  {
    name: 'answer signed by a certificate without the purpose',
    code: 'certificate/ocsp-signature-invalid',
    run: async () => withOcsp({ responder: await responder((await fakeDevice()).root, false) }),
  },
  {
    name: 'answer signed by a foreign responder',
    code: 'certificate/ocsp-responder-untrusted',
    run: async () => withOcsp({ responder: await responder(undefined, true) }),
  },
  {
    name: 'manifest edited after signing',
    code: 'nvidia/rim-digest-mismatch',
    run: () => withManifest({ editDocument: (xml) => xml.replace('Measurement_1', 'Measurement_X') }),
  },
  {
    name: 'manifest signed by another key',
    code: 'nvidia/rim-signature-invalid',
    run: async () => withManifest({ signer: await fakeKey('P-384', 'stranger') }),
  },
  { name: 'manifest signed on p-256', code: 'nvidia/rim-malformed', run: () => manifestAlone({ chain: { kind: 'P-256' } }) },
  {
    name: 'manifest without certificates',
    code: 'nvidia/rim-signature-invalid',
    run: () => withManifest({ editDocument: (xml) => xml.replace(/<ds:X509Certificate>.*<\/ds:X509Certificate>/, '') }),
  },
  {
    name: 'manifest signer expired',
    code: 'endorsements/expired',
    run: () => withManifest({ chain: { leaf: { notAfter: FAKE_NOW - 1000 } } }),
  },
  {
    name: 'manifest with a reference to a part',
    code: 'nvidia/rim-signature-unsupported',
    run: () => manifestAlone({ editSignedInfo: (xml) => xml.replace('URI=""', 'URI="#part"') }),
  },
  {
    name: 'manifest with sha-1',
    code: 'nvidia/rim-signature-unsupported',
    run: () => manifestAlone({ editSignedInfo: (xml) => xml.replace('xmldsig-more#sha384', 'xmldsig#sha1') }),
  },
  {
    name: 'manifest with an xpath transform',
    code: 'nvidia/rim-signature-unsupported',
    run: () => manifestAlone({ editSignedInfo: (xml) => xml.replace('xmldsig#enveloped-signature', 'xmldsig#xpath') }),
  },
  {
    name: 'manifest with two references',
    code: 'nvidia/rim-signature-unsupported',
    run: () => manifestAlone({ editSignedInfo: (xml) => xml.replace(/(<ds:Reference.*<\/ds:Reference>)/, '$1$1') }),
  },
  {
    name: 'manifest with a document type',
    code: 'endorsements/unreadable',
    run: () => withManifest({ editDocument: (xml) => `<!DOCTYPE x>${xml}` }),
  },
  {
    name: 'manifest with an index twice',
    code: 'nvidia/rim-malformed',
    run: () => manifestAlone({ editBody: (xml) => xml.replace(/(<Resource [^>]*index="1"[^>]*><\/Resource>)/, '$1$1') }),
  },
  {
    name: 'manifest lacking an alternative',
    code: 'nvidia/rim-malformed',
    run: () => manifestAlone({ editBody: (xml) => xml.replace('alternatives="1"', 'alternatives="2"') }),
  },
];

describe('one defect each', () => {
  test.each(DEFECTS)('$name: $code', async ({ code, run }) => {
    await expectCode(run, code);
  });

  test('every nvidia code is refused at least once', () => {
    const tested = new Set(DEFECTS.map(({ code }) => code));
    const codes = Object.keys(ATTESTATION_ERROR_KINDS).filter((code) => /^(?:nvidia\/|certificate\/ocsp)/.test(code));
    expect(codes.filter((code) => !tested.has(code))).toEqual([]);
  });
});

/** A responder below `issuer`, or below an unknown one. */
async function responder(issuer: FakeDevice['root'] | undefined, withPurpose: boolean): Promise<FakeDevice['root']> {
  const purpose = encodeDer(DER_TAG.sequence, encodeDerOid('1.3.6.1.5.5.7.3.9'));
  return fakeCertificate({
    name: 'responder',
    key: await fakeKey('P-384', 'responder'),
    ...(issuer !== undefined && { issuer }),
    issuerName: issuer?.subject ?? encodeName({ CN: 'stranger' }),
    extensions: [keyUsage(0), ...(withPurpose ? [{ oid: '2.5.29.37', critical: false, value: purpose }] : [])],
  });
}
