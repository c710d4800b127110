/**
 * A fake PKI: keys, certificates and CRLs, each as sound or as broken as a test needs. Keys are made once
 * per kind and label and reused, because making them is slow.
 */

import { type TrustAnchor, trustAnchor } from '@assay/attestation';
import { joinBytes } from '@assay/encoding/bytes';
import { DER_TAG } from '@assay/encoding/der';
import { encodeDer, encodeDerUnsigned } from '@assay/encoding/der-writer';
import {
  ALGORITHM_IDENTIFIERS,
  type AlgorithmIdentifierName,
  basicConstraints,
  type ExtensionFields,
  encodeDerTime,
  encodeEcdsaSignature,
  encodeExtension,
  encodeName,
  encodeSigned,
  encodeTbsCertificate,
  keyUsage,
} from '@assay/encoding/x509-writer';

export type FakeKeyKind = 'P-256' | 'P-384' | 'P-521' | 'Ed25519' | 'RSA' | 'RSA-PSS';

export interface FakeKey {
  readonly kind: FakeKeyKind;
  readonly algorithm: AlgorithmIdentifierName;
  /** DER SubjectPublicKeyInfo. */
  readonly spki: Uint8Array;
  readonly privateKey: CryptoKey;
  /** WebCrypto's own form: ECDSA as r ‖ s. */
  signRaw(message: Uint8Array): Promise<Uint8Array>;
  /** The form X.509 carries. */
  sign(message: Uint8Array): Promise<Uint8Array>;
}

const RSA_PARAMETERS = { modulusLength: 2048, publicExponent: Uint8Array.of(1, 0, 1) };

const KINDS = {
  'P-256': ['ecdsa-sha256', { name: 'ECDSA', namedCurve: 'P-256' }, { name: 'ECDSA', hash: 'SHA-256' }],
  'P-384': ['ecdsa-sha384', { name: 'ECDSA', namedCurve: 'P-384' }, { name: 'ECDSA', hash: 'SHA-384' }],
  'P-521': ['ecdsa-sha512', { name: 'ECDSA', namedCurve: 'P-521' }, { name: 'ECDSA', hash: 'SHA-512' }],
  Ed25519: ['ed25519', { name: 'Ed25519' }, { name: 'Ed25519' }],
  RSA: ['rsa-sha256', { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256', ...RSA_PARAMETERS }, { name: 'RSASSA-PKCS1-v1_5' }],
  'RSA-PSS': ['rsa-pss-sha384', { name: 'RSA-PSS', hash: 'SHA-384', ...RSA_PARAMETERS }, { name: 'RSA-PSS', saltLength: 48 }],
} as const;

const made = new Map<string, Promise<FakeKey>>();

/**
 * The key of this kind and label; the same one for the same arguments.
 * @example const key = await fakeKey('P-384', 'root')
 */
export function fakeKey(kind: FakeKeyKind, label = 'leaf'): Promise<FakeKey> {
  const name = `${kind} ${label}`;
  const known = made.get(name) ?? makeKey(kind);
  made.set(name, known);
  return known;
}

async function makeKey(kind: FakeKeyKind): Promise<FakeKey> {
  const pair = (await crypto.subtle.generateKey(KINDS[kind][1] as EcKeyGenParams, true, ['sign', 'verify'])) as CryptoKeyPair;
  return fakeKeyOf(kind, pair);
}

/**
 * A key pair that was kept, extractable or not.
 * @example const key = await fakeKeyOf('P-384', await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-384' }, true, ['sign', 'verify']))
 */
export async function fakeKeyOf(kind: FakeKeyKind, pair: CryptoKeyPair): Promise<FakeKey> {
  const [algorithm, , signing] = KINDS[kind];
  const signRaw = async (message: Uint8Array): Promise<Uint8Array> =>
    new Uint8Array(await crypto.subtle.sign(signing as AlgorithmIdentifier, pair.privateKey, new Uint8Array(message)));
  return {
    kind,
    algorithm,
    spki: new Uint8Array(await crypto.subtle.exportKey('spki', pair.publicKey)),
    privateKey: pair.privateKey,
    signRaw,
    sign: async (message) => (algorithm.startsWith('ecdsa') ? encodeEcdsaSignature(await signRaw(message)) : signRaw(message)),
  };
}

export interface FakeCertificate {
  readonly der: Uint8Array;
  readonly key: FakeKey;
  /** Name DER. */
  readonly subject: Uint8Array;
}

export interface FakeCertificateOptions {
  readonly name: string;
  /** Attributes of the subject in addition to the common name; default: an organisation alone. */
  readonly attributes?: Readonly<Record<string, string>>;
  readonly key: FakeKey;
  /** Signs with this identity; with its own key when absent. */
  readonly issuer?: FakeCertificate;
  /** Writes this issuer name instead of the issuer's subject. */
  readonly issuerName?: Uint8Array;
  readonly version?: 1 | 3;
  readonly serial?: Uint8Array;
  readonly notBefore?: number;
  readonly notAfter?: number;
  readonly extensions?: readonly ExtensionFields[];
  /** Writes another AlgorithmIdentifier inside than outside. */
  readonly innerAlgorithm?: AlgorithmIdentifierName;
  /** Flips one bit of the signature. */
  readonly breakSignature?: boolean;
}

/** The middle of the time in which everything fake is in force, epoch milliseconds. */
export const FAKE_NOW = Date.UTC(2026, 5, 15, 12);
const DAY = 86_400_000;

/** Extensions of a well-made certificate. */
export const CA_EXTENSIONS = (pathLength: number | null = null): readonly ExtensionFields[] => [
  basicConstraints(true, pathLength),
  keyUsage(0, 5, 6),
];
export const LEAF_EXTENSIONS: readonly ExtensionFields[] = [basicConstraints(false), keyUsage(0)];

/**
 * Where an issuer publishes its list: some verifiers look for the address although they are handed the list.
 * @example crlDistributionPoint('http://crl.example/root.crl')
 */
export function crlDistributionPoint(url: string): ExtensionFields {
  const name = encodeDer(0xa0, encodeDer(0xa0, encodeDer(0x86, new TextEncoder().encode(url))));
  return { oid: '2.5.29.31', critical: false, value: encodeDer(DER_TAG.sequence, encodeDer(DER_TAG.sequence, name)) };
}

const KEY_IDENTIFIER = new Uint8Array(20).fill(7);
const AUTHORITY_KEY: ExtensionFields = {
  oid: '2.5.29.35',
  critical: false,
  value: encodeDer(DER_TAG.sequence, encodeDer(0x80, KEY_IDENTIFIER)),
};

/** Identifiers of issuer and subject key: names for keys that nothing compares, but some verifiers count on. */
export const KEY_IDENTIFIERS: readonly ExtensionFields[] = [
  AUTHORITY_KEY,
  { oid: '2.5.29.14', critical: false, value: encodeDer(DER_TAG.octetString, KEY_IDENTIFIER) },
];

/** What RFC 5280 §5.2 asks of every list: its number, and which key signed it. */
export const CRL_EXTENSIONS: readonly ExtensionFields[] = [
  { oid: '2.5.29.20', critical: false, value: encodeDerUnsigned(Uint8Array.of(1)) },
  AUTHORITY_KEY,
];

/**
 * One certificate; by default in force from a day before {@link FAKE_NOW} to a day after.
 * @example const root = await fakeCertificate({ name: 'fake root', key: await fakeKey('P-384', 'root') })
 */
export async function fakeCertificate(options: FakeCertificateOptions): Promise<FakeCertificate> {
  const { name, key, issuer, serial = Uint8Array.of(1), notBefore = FAKE_NOW - DAY, notAfter = FAKE_NOW + DAY } = options;
  const subject = encodeName({ CN: name, ...(options.attributes ?? { O: 'Assay tests' }) });
  const signer = issuer?.key ?? key;
  const outer = ALGORITHM_IDENTIFIERS[signer.algorithm];
  const tbs = encodeTbsCertificate({
    version: options.version ?? 3,
    serial,
    algorithm: options.innerAlgorithm === undefined ? outer : ALGORITHM_IDENTIFIERS[options.innerAlgorithm],
    issuer: options.issuerName ?? issuer?.subject ?? subject,
    subject,
    notBefore,
    notAfter,
    spki: key.spki,
    extensions: options.version === 1 ? [] : (options.extensions ?? LEAF_EXTENSIONS),
  });
  const signature = await signer.sign(tbs);
  if (options.breakSignature === true) signature[signature.length - 1] = (signature.at(-1) ?? 0) ^ 1;
  return { der: encodeSigned(tbs, outer, signature), key, subject };
}

export interface FakeChain {
  readonly root: FakeCertificate;
  readonly intermediate: FakeCertificate;
  readonly leaf: FakeCertificate;
  /** DER, leaf first, without the root. */
  readonly chain: readonly Uint8Array[];
  readonly anchor: TrustAnchor;
}

export interface FakeChainOptions {
  readonly kind?: FakeKeyKind;
  readonly root?: Partial<FakeCertificateOptions>;
  readonly intermediate?: Partial<FakeCertificateOptions>;
  readonly leaf?: Partial<FakeCertificateOptions>;
  readonly simulated?: boolean;
}

/**
 * Root, intermediate and leaf of one key kind, sound unless an override spoils one of them.
 * @example const { root, leaf } = await fakeChain({ kind: 'P-256' })
 */
export async function fakeChain(options: FakeChainOptions = {}): Promise<FakeChain> {
  const { kind = 'P-384' } = options;
  const root = await fakeCertificate({
    name: 'fake root',
    key: await fakeKey(kind, 'root'),
    extensions: CA_EXTENSIONS(),
    serial: Uint8Array.of(1),
    ...options.root,
  });
  const intermediate = await fakeCertificate({
    name: 'fake intermediate',
    key: await fakeKey(kind, 'intermediate'),
    issuer: root,
    extensions: CA_EXTENSIONS(0),
    serial: Uint8Array.of(2),
    ...options.intermediate,
  });
  const leaf = await fakeCertificate({
    name: 'fake leaf',
    key: await fakeKey(kind, 'leaf'),
    issuer: intermediate,
    serial: Uint8Array.of(0xf3),
    ...options.leaf,
  });
  const anchor = trustAnchor('fake root', root.der, { simulated: options.simulated ?? false });
  return { root, intermediate, leaf, chain: [leaf.der, intermediate.der], anchor };
}

export interface FakeCrlOptions {
  readonly issuer: FakeCertificate;
  /** Serials, big-endian. */
  readonly revoked?: readonly Uint8Array[];
  /** Of the entry at this place in the list; none by default. */
  readonly entryExtensions?: (index: number) => readonly ExtensionFields[];
  readonly thisUpdate?: number;
  /** `null` leaves it out. */
  readonly nextUpdate?: number | null;
  readonly extensions?: readonly ExtensionFields[];
  /** Signs with this key instead of the issuer's. */
  readonly signer?: FakeKey;
}

/**
 * A complete CRL; by default in force from a day before {@link FAKE_NOW} to a day after.
 * @example const list = await fakeCrl({ issuer: root, revoked: [Uint8Array.of(7)] })
 */
export async function fakeCrl(options: FakeCrlOptions): Promise<Uint8Array> {
  const { issuer, revoked = [], thisUpdate = FAKE_NOW - DAY, nextUpdate = FAKE_NOW + DAY, extensions = [] } = options;
  const signer = options.signer ?? issuer.key;
  const algorithm = ALGORITHM_IDENTIFIERS[signer.algorithm];
  const nothing = new Uint8Array(0);
  const entries = revoked.map((serial, index) => {
    const more = options.entryExtensions?.(index) ?? [];
    const encoded = more.length === 0 ? nothing : encodeDer(DER_TAG.sequence, ...more.map(encodeExtension));
    return encodeDer(DER_TAG.sequence, encodeDerUnsigned(serial), encodeDerTime(thisUpdate), encoded);
  });
  const tbs = encodeDer(
    DER_TAG.sequence,
    encodeDerUnsigned(Uint8Array.of(1)),
    algorithm,
    issuer.subject,
    encodeDerTime(thisUpdate),
    nextUpdate === null ? nothing : encodeDerTime(nextUpdate),
    entries.length === 0 ? nothing : encodeDer(DER_TAG.sequence, joinBytes(entries)),
    extensions.length === 0 ? nothing : encodeDer(0xa0, encodeDer(DER_TAG.sequence, ...extensions.map(encodeExtension))),
  );
  return encodeSigned(tbs, algorithm, await signer.sign(tbs));
}
