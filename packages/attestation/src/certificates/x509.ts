/**
 * X.509 certificates (RFC 5280 §4): bytes → fields. Nothing here is trusted yet; path.ts decides.
 * Checked here: DER, version, equal inner and outer algorithm, unique extensions, well-formed basicConstraints and keyUsage.
 */

import { equalBytes } from '@assay/encoding/bytes';
import {
  DER_TAG,
  type DerElement,
  derBitFlags,
  derBitString,
  derBoolean,
  derInteger,
  derOctetString,
  derOid,
  derSequence,
  derTime,
  derUnsigned,
  readDer,
} from '@assay/encoding/der';
import { EncodingError } from '@assay/encoding/errors';
import { encodeHex } from '@assay/encoding/hex';
import { AttestationError } from '../errors.ts';
import { type PublicKeyAlgorithm, publicKeyAlgorithm, type SignatureAlgorithm, signatureAlgorithm } from './algorithms.ts';
import { NameTexts } from './name.ts';

export type { PublicKeyAlgorithm, SignatureAlgorithm } from './algorithms.ts';

export interface Extension {
  readonly critical: boolean;
  /** Content of the extnValue OCTET STRING. */
  readonly value: Uint8Array;
}

/** Bits of the keyUsage extension (RFC 5280 §4.2.1.3). */
export const KEY_USAGE = { digitalSignature: 1 << 0, keyCertSign: 1 << 5, cRLSign: 1 << 6 } as const;

export const EXTENSION = {
  basicConstraints: '2.5.29.19',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  crlDistributionPoints: '2.5.29.31',
  issuingDistributionPoint: '2.5.29.28',
} as const;

export interface Certificate {
  readonly der: Uint8Array;
  /** The signed part, exact bytes. */
  readonly tbs: Uint8Array;
  readonly version: 1 | 2 | 3;
  /** Lower-case hex without the sign byte. */
  readonly serial: string;
  /** Raw DER Name. */
  readonly issuer: Uint8Array;
  readonly subject: Uint8Array;
  /** RFC 4514 text. */
  readonly issuerText: string;
  readonly subjectText: string;
  /** Epoch milliseconds, both ends inclusive. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** DER SubjectPublicKeyInfo. */
  readonly spki: Uint8Array;
  readonly publicKey: PublicKeyAlgorithm;
  readonly signatureAlgorithm: SignatureAlgorithm;
  readonly signature: Uint8Array;
  /** By dotted object identifier. */
  readonly extensions: ReadonlyMap<string, Extension>;
  readonly basicConstraints: { readonly ca: boolean; readonly pathLength: number | null } | null;
  /** Bits as in {@link KEY_USAGE}; `null` when the extension is absent. */
  readonly keyUsage: number | null;
}

/**
 * The certificate that fills `der`.
 * @throws {AttestationError} `certificate/malformed`, `certificate/unsupported-algorithm`.
 * @example const leaf = parseCertificate(der); leaf.subjectText // 'CN=…,O=…'
 */
export function parseCertificate(der: Uint8Array): Certificate {
  try {
    return parse(der);
  } catch (cause) {
    if (!EncodingError.is(cause)) throw cause;
    throw new AttestationError('certificate/malformed', `expected a der certificate, got something else: ${cause.message}`, {
      cause,
    });
  }
}

function parse(der: Uint8Array): Certificate {
  const parts = derSequence(readDer(der));
  const [tbsElement, outerAlgorithm, signatureElement] = [parts[0], parts[1], parts[2]];
  if (!tbsElement || !outerAlgorithm || !signatureElement || parts.length > 3) throw malformed('three parts');
  const fields = derSequence(tbsElement);
  const version = fields[0]?.tag === 0xa0 ? versionOf(fields[0]) : 1;
  const at = version === 1 ? 0 : 1;
  const [serial, innerAlgorithm, issuer] = [fields[at], fields[at + 1], fields[at + 2]];
  const [validity, subject, spki] = [fields[at + 3], fields[at + 4], fields[at + 5]];
  const rest = fields.slice(at + 6);
  if (!serial || !innerAlgorithm || !issuer || !validity || !subject || !spki)
    throw malformed('all fields of a tbsCertificate');
  if (!equalBytes(innerAlgorithm.raw, outerAlgorithm.raw)) throw malformed('the same algorithm inside and outside');
  const times = derSequence(validity);
  const [notBefore, notAfter] = [times[0], times[1]];
  if (!notBefore || !notAfter || times.length > 2) throw malformed('two times of validity');
  const extensions = extensionsOf(rest, version);
  return new ParsedCertificate({
    der,
    tbs: tbsElement.raw,
    version,
    serial: encodeHex(derUnsigned(serial)),
    issuer,
    subject,
    notBefore: derTime(notBefore),
    notAfter: derTime(notAfter),
    spki: spki.raw,
    publicKey: publicKeyAlgorithm(spki.raw),
    signatureAlgorithm: signatureAlgorithm(outerAlgorithm),
    signature: derBitString(signatureElement),
    extensions,
    basicConstraints: basicConstraintsOf(extensions.get(EXTENSION.basicConstraints)),
    keyUsage: keyUsageOf(extensions.get(EXTENSION.keyUsage)),
  });
}

type Fields = Omit<Certificate, 'issuer' | 'subject' | 'issuerText' | 'subjectText'> & {
  readonly issuer: DerElement;
  readonly subject: DerElement;
};

/** A certificate whose names are written out when somebody reads them. A class, so that all certificates have one shape. */
class ParsedCertificate implements Certificate {
  readonly der: Uint8Array;
  readonly tbs: Uint8Array;
  readonly version: 1 | 2 | 3;
  readonly serial: string;
  readonly issuer: Uint8Array;
  readonly subject: Uint8Array;
  readonly notBefore: number;
  readonly notAfter: number;
  readonly spki: Uint8Array;
  readonly publicKey: PublicKeyAlgorithm;
  readonly signatureAlgorithm: SignatureAlgorithm;
  readonly signature: Uint8Array;
  readonly extensions: ReadonlyMap<string, Extension>;
  readonly basicConstraints: Certificate['basicConstraints'];
  readonly keyUsage: number | null;
  readonly #names: NameTexts;

  constructor(fields: Fields) {
    this.der = fields.der;
    this.tbs = fields.tbs;
    this.version = fields.version;
    this.serial = fields.serial;
    this.issuer = fields.issuer.raw;
    this.subject = fields.subject.raw;
    this.notBefore = fields.notBefore;
    this.notAfter = fields.notAfter;
    this.spki = fields.spki;
    this.publicKey = fields.publicKey;
    this.signatureAlgorithm = fields.signatureAlgorithm;
    this.signature = fields.signature;
    this.extensions = fields.extensions;
    this.basicConstraints = fields.basicConstraints;
    this.keyUsage = fields.keyUsage;
    this.#names = new NameTexts(fields.issuer, fields.subject);
  }

  get issuerText(): string {
    return this.#names.issuer;
  }

  get subjectText(): string {
    return this.#names.subject;
  }
}

function versionOf(element: DerElement | undefined): 2 | 3 {
  const [number] = element?.children() ?? [];
  const value = number === undefined ? -1n : derInteger(number);
  if (value !== 1n && value !== 2n) throw malformed('version 1, 2 or 3');
  return value === 1n ? 2 : 3;
}

/** issuerUniqueID and subjectUniqueID may stand before the extensions; they are read past. */
function extensionsOf(rest: readonly DerElement[], version: number): ReadonlyMap<string, Extension> {
  for (const { tag } of rest) if (tag !== 0x81 && tag !== 0x82 && tag !== 0xa3) throw malformed('known optional fields');
  const wrappers = rest.filter(({ tag }) => tag === 0xa3);
  const [list, ...more] = wrappers[0]?.children() ?? [];
  if (list === undefined && wrappers.length === 0) return new Map();
  if (list === undefined || more.length > 0 || wrappers.length > 1 || version !== 3)
    throw malformed('one list of extensions in version 3');
  return parseExtensions(list);
}

/**
 * `Extensions` (RFC 5280 §4.1.2.9), also those of CRLs. Each may stand once.
 * @throws {AttestationError} `certificate/malformed`; {EncodingError} `der/malformed`.
 */
export function parseExtensions(list: DerElement): ReadonlyMap<string, Extension> {
  const out = new Map<string, Extension>();
  for (const element of derSequence(list)) {
    const parts = derSequence(element);
    const [oid, second, third] = [parts[0], parts[1], parts[2]];
    const critical = second?.tag === DER_TAG.boolean ? derBoolean(second) : false;
    const value = second?.tag === DER_TAG.boolean ? third : second;
    if (oid === undefined || value === undefined || parts.length > (second === value ? 2 : 3))
      throw malformed('well-formed extensions');
    const name = derOid(oid);
    if (out.has(name)) throw malformed(`extension ${name} once`);
    out.set(name, { critical, value: derOctetString(value) });
  }
  return out;
}

function basicConstraintsOf(extension: Extension | undefined): Certificate['basicConstraints'] {
  if (extension === undefined) return null;
  const fields = [...derSequence(readDer(extension.value))];
  const ca = fields[0]?.tag === DER_TAG.boolean ? derBoolean(fields.shift() as DerElement) : false;
  const [pathLength, ...more] = fields;
  if (more.length > 0) throw malformed('basic constraints of two fields');
  if (pathLength === undefined) return { ca, pathLength: null };
  const value = derInteger(pathLength);
  if (value < 0n || value > 255n || !ca) throw malformed('a path length from 0 to 255 in a ca');
  return { ca, pathLength: Number(value) };
}

function keyUsageOf(extension: Extension | undefined): number | null {
  return extension === undefined ? null : derBitFlags(readDer(extension.value));
}

function malformed(expected: string): AttestationError {
  return new AttestationError('certificate/malformed', `expected ${expected}, got another certificate structure`);
}
