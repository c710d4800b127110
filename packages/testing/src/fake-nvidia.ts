/** NVIDIA devices and reference manifests under fake roots, sound or with any one defect. */

import {
  type Endorsement,
  type NamedClaims,
  type TrustAnchor,
  trustAnchor,
  VerificationCache,
  verifyEvidence,
} from '@assay/attestation';
import { encodeBase64 } from '@assay/encoding/base64';
import { concatBytes, utf8 } from '@assay/encoding/bytes';
import { DER_TAG } from '@assay/encoding/der';
import { encodeDer, encodeDerOid, encodeDerUnsigned } from '@assay/encoding/der-writer';
import { encodePem } from '@assay/encoding/pem';
import { type ExtensionFields, keyUsage } from '@assay/encoding/x509-writer';
import {
  CA_EXTENSIONS,
  certificatesOf,
  FAKE_NOW,
  type FakeAttempt,
  type FakeCertificate,
  type FakeChain,
  type FakeChainOptions,
  type FakeKey,
  fakeCertificate,
  fakeChain,
  fakeKey,
} from '@assay/simulator';

const SHA384 = encodeDerOid('2.16.840.1.101.3.4.2.2');

export interface FakeDeviceOptions {
  /** Default: GH100. */
  readonly product?: 'GH100' | 'GB100' | 'LS_10';
  /** Tells devices apart: their serial number. Default: 1. */
  readonly serial?: number;
  readonly nonce?: Uint8Array;
  /** Measurement blocks; default: 64. */
  readonly blocks?: number;
  /** Replaces runtime measurements by NVIDIA's index (SPDM index minus one). */
  readonly measurements?: Readonly<Record<number, Uint8Array>>;
  /** Replaces opaque fields by type; `null` takes one out. */
  readonly opaque?: Readonly<Record<number, Uint8Array | null>>;
  /** Changes request ‖ response before it is signed, without the signature. */
  readonly edit?: (signed: Uint8Array) => Uint8Array;
  readonly signer?: FakeKey;
  /** In the certificate, 48 bytes. */
  readonly firmwareId?: Uint8Array;
  /** Replaces the leaf's extensions. */
  readonly extensions?: readonly ExtensionFields[];
}

export interface FakeDevice {
  /** Request ‖ response with its signature. */
  readonly spdm: Uint8Array;
  readonly leaf: FakeCertificate;
  readonly issuer: FakeCertificate;
  readonly root: FakeCertificate;
  /** PEM, leaf first, root included. */
  readonly pem: string;
  /** DER, in the same order. */
  readonly chain: readonly Uint8Array[];
  readonly anchor: TrustAnchor;
  /** As NVIDIA's tools write it. */
  readonly entry: Readonly<Record<'arch' | 'certificate' | 'evidence' | 'nonce', string>>;
}

const ARCHITECTURES = { GH100: 'HOPPER', GB100: 'BLACKWELL', LS_10: 'LS10' } as const;
const FIRMWARE_ID = new Uint8Array(48).fill(0xf1);

/** Value of a fake measurement: its index, 48 times. */
export function fakeMeasurement(index: number): Uint8Array {
  return new Uint8Array(48).fill(index);
}

/** A device that answered a request. */
export async function fakeDevice(options: FakeDeviceOptions = {}): Promise<FakeDevice> {
  const { product = 'GH100', serial = 1, firmwareId = FIRMWARE_ID, nonce = new Uint8Array(32).fill(0x4e) } = options;
  const root = await fakeCertificate({
    name: 'fake device root',
    key: await fakeKey('P-384', 'device root'),
    extensions: CA_EXTENSIONS(),
  });
  const issuer = await fakeCertificate({
    name: `${product} A01 GSP BROM`,
    key: await fakeKey('P-384', 'brom'),
    issuer: root,
    serial: Uint8Array.of(2),
    extensions: CA_EXTENSIONS(0),
  });
  const leaf = await fakeCertificate({
    name: `${product} A01 GSP FMC LF`,
    key: await fakeKey('P-384', `device ${serial}`),
    issuer,
    serial: Uint8Array.of(0x50, serial),
    extensions: options.extensions ?? [keyUsage(0), deviceName(product, serial), firmwareExtension(product, firmwareId)],
  });
  const plain = concatBytes(request(nonce), response(options, product));
  const signed = options.edit === undefined ? plain : options.edit(plain);
  const spdm = concatBytes(signed, await (options.signer ?? leaf.key).signRaw(signed));
  const chain = [leaf.der, issuer.der, root.der];
  const pem = chain.map((der) => encodePem('CERTIFICATE', der)).join('');
  return {
    spdm,
    leaf,
    issuer,
    root,
    pem,
    chain,
    anchor: trustAnchor('fake device root', root.der, { simulated: true }),
    entry: {
      arch: ARCHITECTURES[product],
      certificate: encodeBase64(utf8(pem)),
      evidence: encodeBase64(spdm),
      nonce: Buffer.from(nonce).toString('hex'),
    },
  };
}

function deviceName(product: string, serial: number): ExtensionFields {
  const value = encodeDer(DER_TAG.utf8String, utf8(`NVIDIA:${product}:48B02D${String(serial).padStart(10, '0')}`));
  const other = encodeDer(0xa0, encodeDerOid('1.3.6.1.4.1.412.274.1'), encodeDer(0xa0, value));
  return { oid: '2.5.29.17', critical: false, value: encodeDer(DER_TAG.sequence, other) };
}

/** Hopper and switches carry a composite device id, Blackwell a DiceTcbInfo. */
function firmwareExtension(product: string, firmwareId: Uint8Array): ExtensionFields {
  const fwid = encodeDer(DER_TAG.sequence, SHA384, encodeDer(DER_TAG.octetString, firmwareId));
  if (product === 'GB100') {
    const second = encodeDer(DER_TAG.sequence, SHA384, encodeDer(DER_TAG.octetString, new Uint8Array(48)));
    const value = encodeDer(DER_TAG.sequence, encodeDer(0x80, utf8('NVIDIA')), encodeDer(0xa6, fwid, second));
    return { oid: '2.23.133.5.4.1.1', critical: false, value };
  }
  const key = encodeDer(DER_TAG.sequence, encodeDer(DER_TAG.null));
  return {
    oid: '2.23.133.5.4.1',
    critical: false,
    value: encodeDer(DER_TAG.sequence, encodeDerUnsigned(Uint8Array.of(1)), key, fwid),
  };
}

function request(nonce: Uint8Array): Uint8Array {
  return concatBytes(Uint8Array.of(0x11, 0xe0, 0x01, 0xff), nonce, Uint8Array.of(0));
}

function response({ measurements = {}, opaque = {}, blocks: count = 64 }: FakeDeviceOptions, product: string): Uint8Array {
  const blocks = Array.from({ length: count }, (_, index) => {
    const value = measurements[index] ?? fakeMeasurement(index);
    return concatBytes(Uint8Array.of(index + 1, 1, value.length + 3, 0, 1, value.length, 0), value);
  });
  const record = concatBytes(...blocks);
  const fields = opaqueFields(product, opaque);
  return concatBytes(
    Uint8Array.of(0x11, 0x60, 0, 0, count, record.length & 0xff, (record.length >> 8) & 0xff, record.length >> 16),
    record,
    new Uint8Array(32).fill(0x5e),
    Uint8Array.of(fields.length & 0xff, fields.length >> 8),
    fields,
  );
}

function opaqueFields(product: string, replaced: Readonly<Record<number, Uint8Array | null>>): Uint8Array {
  const common: Record<number, Uint8Array | null> = { 20: FIRMWARE_ID };
  const gpu = {
    3: utf8('580.95.05\0'),
    6: Uint8Array.of(0, 0x74, 0, 0x96, 0x1a, 0, 0, 0),
    11: Uint8Array.of(0xaa),
    15: utf8('882\0'),
    17: utf8('1010\0'),
    18: utf8('0200\0'),
    34: Uint8Array.of(1, 0),
    36: Uint8Array.of(0, 0),
  };
  const lane = { 6: utf8('96.10.55.00.01'), 22: new Uint8Array(8).fill(3), 25: Uint8Array.of(1, 0), 26: new Uint8Array(128) };
  const fields = { ...common, ...(product === 'LS_10' ? lane : gpu), ...replaced };
  return concatBytes(
    ...Object.entries(fields).flatMap(([type, value]) =>
      value === null
        ? []
        : [Uint8Array.of(Number(type) & 0xff, Number(type) >> 8, value.length & 0xff, value.length >> 8), value],
    ),
  );
}

export interface FakeManifestOptions {
  readonly product?: string;
  /** Default: `580.95.05`, the fake GPU's driver. */
  readonly version?: string;
  /** Active indexes with their values, hex; default: index 1 as the fake GPU measures it. */
  readonly golden?: Readonly<Record<number, readonly string[]>>;
  readonly chain?: FakeChainOptions;
  /** Changes what is digested and shown. */
  readonly editBody?: (body: string) => string;
  /** Changes SignedInfo before it is signed. */
  readonly editSignedInfo?: (signedInfo: string) => string;
  /** Changes the whole document afterwards. */
  readonly editDocument?: (xml: string) => string;
  readonly signer?: FakeKey;
}

export interface FakeManifest {
  readonly xml: Uint8Array;
  readonly chain: FakeChain;
  readonly anchor: TrustAnchor;
}

const SWID = 'http://standards.iso.org/iso/19770/-2/2015/schema.xsd';
const DSIG = 'http://www.w3.org/2000/09/xmldsig#';
const HASH = 'http://www.w3.org/2001/04/xmlenc#sha384';
const C14N = 'http://www.w3.org/2006/12/xml-c14n11';

/** A signed manifest. The document is written in canonical form, so that making it needs no canonicalizer. */
export async function fakeManifest(options: FakeManifestOptions = {}): Promise<FakeManifest> {
  const {
    product = 'GH100',
    version = '580.95.05',
    golden = { 1: [Buffer.from(fakeMeasurement(1)).toString('hex')] },
  } = options;
  const chain = await fakeChain({ simulated: true, ...options.chain });
  const resources = Object.entries(golden).map(([index, values]) => {
    const hashes = values.map((value, at) => ` ns2:Hash${at}="${value}"`).join('');
    return `<Resource active="True" alternatives="${values.length}" index="${index}" name="Measurement_${index}" size="48" type="Measurement"${hashes}></Resource>`;
  });
  const inactive = `<Resource active="False" alternatives="1" index="63" name="Measurement_63" size="48" type="Measurement" ns2:Hash0="${'00'.repeat(48)}"></Resource>`;
  const body = (options.editBody ?? same)(
    `<Meta colloquialVersion="${version}" product="${product}"></Meta>\n<Payload>${resources.join('')}${inactive}</Payload>\n`,
  );
  const open = `<SoftwareIdentity xmlns="${SWID}" xmlns:ns2="${HASH}" name="${product}" tagId="fake">`;
  const digest = await crypto.subtle.digest('SHA-384', utf8(`${open}${body}</SoftwareIdentity>`));
  const inside = (options.editSignedInfo ?? same)(
    `<ds:CanonicalizationMethod Algorithm="${C14N}"></ds:CanonicalizationMethod>` +
      `<ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384"></ds:SignatureMethod>` +
      `<ds:Reference URI=""><ds:Transforms><ds:Transform Algorithm="${DSIG}enveloped-signature"></ds:Transform>` +
      `<ds:Transform Algorithm="${C14N}"></ds:Transform></ds:Transforms>` +
      `<ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#sha384"></ds:DigestMethod>` +
      `<ds:DigestValue>${encodeBase64(new Uint8Array(digest))}</ds:DigestValue></ds:Reference>`,
  );
  const signedInfo = `<ds:SignedInfo xmlns="${SWID}" xmlns:ds="${DSIG}" xmlns:ns2="${HASH}">${inside}</ds:SignedInfo>`;
  const signature = await (options.signer ?? chain.leaf.key).signRaw(utf8(signedInfo));
  const certificates = [...chain.chain, chain.root.der].map(
    (der) => `<ds:X509Certificate>${encodeBase64(der)}</ds:X509Certificate>`,
  );
  const document =
    `${open}${body}<ds:Signature xmlns:ds="${DSIG}"><ds:SignedInfo>${inside}</ds:SignedInfo>` +
    `<ds:SignatureValue>${encodeBase64(signature)}</ds:SignatureValue>` +
    `<ds:KeyInfo><ds:X509Data>${certificates.join('')}</ds:X509Data></ds:KeyInfo></ds:Signature></SoftwareIdentity>`;
  return { xml: utf8((options.editDocument ?? same)(document)), chain, anchor: chain.anchor };
}

function same(text: string): string {
  return text;
}

export interface FakeDeviceAttempt extends FakeAttempt {
  /** Given as endorsements, their roots trusted. */
  readonly manifests?: readonly FakeManifest[];
}

/** Shared, so that a defect is refused also by a verifier that remembers the sound ones. */
const cache = new VerificationCache();

/** Recognises and verifies a fake device, or a file made of it, with its root trusted. */
export function verifyFakeDevice(device: FakeDevice, attempt: FakeDeviceAttempt = {}): Promise<NamedClaims> {
  const { manifests = [] } = attempt;
  return verifyEvidence(attempt.file ?? device.spdm, {
    now: attempt.now ?? FAKE_NOW,
    endorsements: [
      ...(attempt.endorsements ?? certificatesOf(device.chain)),
      ...manifests.map(({ xml }): Endorsement => ({ kind: 'rim', xml })),
    ],
    cache,
    trust: { roots: [device.anchor, ...manifests.map(({ anchor }) => anchor)] },
  });
}
