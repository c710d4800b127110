/**
 * Writes X.509 certificates (RFC 5280 §4.1) for those who issue them: simulators and fake PKIs. No keys, no signatures, no
 * validation here; what is written can be as wrong as a test needs it.
 */

import { utf8 } from './bytes.ts';
import { DER_TAG } from './der.ts';
import { encodeDer, encodeDerOid, encodeDerUnsigned } from './der-writer.ts';
import { EncodingError } from './errors.ts';

const NAME_OIDS: Readonly<Record<string, string>> = {
  CN: '2.5.4.3',
  C: '2.5.4.6',
  L: '2.5.4.7',
  ST: '2.5.4.8',
  O: '2.5.4.10',
  OU: '2.5.4.11',
};

const SHA384 = encodeDer(DER_TAG.sequence, encodeDerOid('2.16.840.1.101.3.4.2.2'), encodeDer(DER_TAG.null));

/** AlgorithmIdentifier DER by everyday name. */
export const ALGORITHM_IDENTIFIERS = {
  'ecdsa-sha256': encodeDer(DER_TAG.sequence, encodeDerOid('1.2.840.10045.4.3.2')),
  'ecdsa-sha384': encodeDer(DER_TAG.sequence, encodeDerOid('1.2.840.10045.4.3.3')),
  'ecdsa-sha512': encodeDer(DER_TAG.sequence, encodeDerOid('1.2.840.10045.4.3.4')),
  ed25519: encodeDer(DER_TAG.sequence, encodeDerOid('1.3.101.112')),
  'rsa-sha256': encodeDer(DER_TAG.sequence, encodeDerOid('1.2.840.113549.1.1.11'), encodeDer(DER_TAG.null)),
  'rsa-pss-sha384': encodeDer(
    DER_TAG.sequence,
    encodeDerOid('1.2.840.113549.1.1.10'),
    encodeDer(
      DER_TAG.sequence,
      encodeDer(0xa0, SHA384),
      encodeDer(0xa1, encodeDer(DER_TAG.sequence, encodeDerOid('1.2.840.113549.1.1.8'), SHA384)),
      encodeDer(0xa2, encodeDerUnsigned(Uint8Array.of(48))),
    ),
  ),
} as const;

export type AlgorithmIdentifierName = keyof typeof ALGORITHM_IDENTIFIERS;

export interface ExtensionFields {
  readonly oid: string;
  readonly critical: boolean;
  /** DER of the extension's own value. */
  readonly value: Uint8Array;
}

export interface TbsCertificateFields {
  /** Default: 3. */
  readonly version?: 1 | 3;
  /** Big-endian, non-negative. */
  readonly serial: Uint8Array;
  /** AlgorithmIdentifier DER. */
  readonly algorithm: Uint8Array;
  /** Name DER, as {@link encodeName} writes it. */
  readonly issuer: Uint8Array;
  readonly subject: Uint8Array;
  /** Epoch milliseconds; parts of a second are dropped. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** SubjectPublicKeyInfo DER. */
  readonly spki: Uint8Array;
  readonly extensions?: readonly ExtensionFields[];
}

/**
 * The part of a certificate that is signed.
 * @example const tbs = encodeTbsCertificate({ serial, algorithm: ALGORITHM_IDENTIFIERS['ecdsa-sha384'], issuer, subject, notBefore, notAfter, spki })
 */
export function encodeTbsCertificate(fields: TbsCertificateFields): Uint8Array<ArrayBuffer> {
  const { version = 3, serial, algorithm, issuer, subject, notBefore, notAfter, spki, extensions = [] } = fields;
  const list = encodeDer(DER_TAG.sequence, ...extensions.map(encodeExtension));
  return encodeDer(
    DER_TAG.sequence,
    version === 3 ? encodeDer(0xa0, encodeDerUnsigned(Uint8Array.of(2))) : new Uint8Array(0),
    encodeDerUnsigned(serial),
    algorithm,
    issuer,
    encodeDer(DER_TAG.sequence, encodeDerTime(notBefore), encodeDerTime(notAfter)),
    subject,
    spki,
    extensions.length === 0 ? new Uint8Array(0) : encodeDer(0xa3, list),
  );
}

/**
 * A signed object: certificate or CRL, from its to-be-signed part, AlgorithmIdentifier and signature (ECDSA in DER form).
 * @example const certificate = encodeSigned(tbs, ALGORITHM_IDENTIFIERS['ecdsa-sha384'], encodeEcdsaSignature(signature))
 */
export function encodeSigned(tbs: Uint8Array, algorithm: Uint8Array, signature: Uint8Array): Uint8Array<ArrayBuffer> {
  return encodeDer(DER_TAG.sequence, tbs, algorithm, encodeDer(DER_TAG.bitString, Uint8Array.of(0), signature));
}

/**
 * One extension.
 * @example encodeExtension(basicConstraints(true, 0))
 */
export function encodeExtension({ oid, critical, value }: ExtensionFields): Uint8Array<ArrayBuffer> {
  const flag = critical ? encodeDer(DER_TAG.boolean, Uint8Array.of(0xff)) : new Uint8Array(0);
  return encodeDer(DER_TAG.sequence, encodeDerOid(oid), flag, encodeDer(DER_TAG.octetString, value));
}

/**
 * Critical basicConstraints.
 * @example const extensions = [basicConstraints(true, 0), keyUsage(5, 6)]
 */
export function basicConstraints(ca: boolean, pathLength: number | null = null): ExtensionFields {
  const flag = ca ? encodeDer(DER_TAG.boolean, Uint8Array.of(0xff)) : new Uint8Array(0);
  const length = pathLength === null ? new Uint8Array(0) : encodeDerUnsigned(Uint8Array.of(pathLength));
  return { oid: '2.5.29.19', critical: true, value: encodeDer(DER_TAG.sequence, flag, length) };
}

/**
 * Critical keyUsage of the named bits: 0 digitalSignature, 5 keyCertSign, 6 cRLSign.
 * @example keyUsage(5, 6).critical // true; keyCertSign and cRLSign
 */
export function keyUsage(...bits: readonly (0 | 1 | 2 | 3 | 4 | 5 | 6 | 7)[]): ExtensionFields {
  let octet = 0;
  for (const bit of bits) octet |= 0x80 >> bit;
  const unused = bits.length === 0 ? 0 : 7 - Math.max(...bits);
  return { oid: '2.5.29.15', critical: true, value: encodeDer(DER_TAG.bitString, Uint8Array.of(unused, octet)) };
}

/**
 * A Name of UTF-8 attributes in the order given.
 * @example encodeName({ CN: 'root', O: 'Assay' })
 */
export function encodeName(attributes: Readonly<Record<string, string>>): Uint8Array<ArrayBuffer> {
  const sets = Object.entries(attributes).map(([name, text]) => {
    const type = encodeDerOid(NAME_OIDS[name] ?? name);
    return encodeDer(DER_TAG.set, encodeDer(DER_TAG.sequence, type, encodeDer(DER_TAG.utf8String, utf8(text))));
  });
  return encodeDer(DER_TAG.sequence, ...sets);
}

/**
 * UTCTime through 2049, GeneralizedTime from 2050 (RFC 5280 §4.1.2.5).
 * @example derTime(readDer(encodeDerTime(0))) // 0
 */
export function encodeDerTime(milliseconds: number): Uint8Array<ArrayBuffer> {
  const text = new Date(milliseconds).toISOString().replace(/[-:T]|\.\d+/g, '');
  const isUtc = text < '2050' && text >= '1950';
  return encodeDer(isUtc ? DER_TAG.utcTime : DER_TAG.generalizedTime, utf8(isUtc ? text.slice(2) : text));
}

/**
 * ECDSA-Sig-Value of `r ‖ s`, as WebCrypto signs.
 * @throws {EncodingError} `der/malformed` for an odd length.
 * @example const signature = encodeEcdsaSignature(new Uint8Array(await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-384' }, privateKey, tbs)))
 */
export function encodeEcdsaSignature(raw: Uint8Array): Uint8Array<ArrayBuffer> {
  if (raw.length === 0 || raw.length % 2 !== 0)
    throw new EncodingError('der/malformed', `expected r and s, got ${raw.length} bytes`);
  const half = raw.length / 2;
  return encodeDer(DER_TAG.sequence, encodeDerUnsigned(raw.subarray(0, half)), encodeDerUnsigned(raw.subarray(half)));
}
