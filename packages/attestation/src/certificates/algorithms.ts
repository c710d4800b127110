/**
 * Signature and key algorithms of certificates: RFC 3279, 4055, 5480, 5758, 8410. Closed list; anything else is refused by name.
 * RSA keys of 2048 to 8192 bits; elliptic-curve points uncompressed; SHA-1 never.
 */

import {
  DER_TAG,
  type DerElement,
  derBitString,
  derInteger,
  derOid,
  derSequence,
  derUnsigned,
  readDer,
} from '@assay/encoding/der';
import { AttestationError } from '../errors.ts';

export type HashName = 'SHA-256' | 'SHA-384' | 'SHA-512';

export type SignatureAlgorithm =
  | { readonly name: 'ECDSA'; readonly hash: HashName }
  | { readonly name: 'RSA-PSS'; readonly hash: HashName; readonly saltLength: number }
  | { readonly name: 'RSASSA-PKCS1-v1_5'; readonly hash: HashName }
  | { readonly name: 'Ed25519' };

export type PublicKeyAlgorithm = 'P-256' | 'P-384' | 'P-521' | 'RSA' | 'Ed25519';

/** Bytes of one coordinate, and so of `r` and `s`. */
export const COORDINATE_BYTES = { 'P-256': 32, 'P-384': 48, 'P-521': 66 } as const;

const HASHES: ReadonlyMap<string, HashName> = new Map([
  ['2.16.840.1.101.3.4.2.1', 'SHA-256'],
  ['2.16.840.1.101.3.4.2.2', 'SHA-384'],
  ['2.16.840.1.101.3.4.2.3', 'SHA-512'],
]);

const ECDSA: ReadonlyMap<string, HashName> = new Map([
  ['1.2.840.10045.4.3.2', 'SHA-256'],
  ['1.2.840.10045.4.3.3', 'SHA-384'],
  ['1.2.840.10045.4.3.4', 'SHA-512'],
]);

const RSA_PKCS1: ReadonlyMap<string, HashName> = new Map([
  ['1.2.840.113549.1.1.11', 'SHA-256'],
  ['1.2.840.113549.1.1.12', 'SHA-384'],
  ['1.2.840.113549.1.1.13', 'SHA-512'],
]);

const CURVES: ReadonlyMap<string, 'P-256' | 'P-384' | 'P-521'> = new Map([
  ['1.2.840.10045.3.1.7', 'P-256'],
  ['1.3.132.0.34', 'P-384'],
  ['1.3.132.0.35', 'P-521'],
]);

const RSASSA_PSS = '1.2.840.113549.1.1.10';
const MGF1 = '1.2.840.113549.1.1.8';
const RSA_KEY = '1.2.840.113549.1.1.1';
const EC_KEY = '1.2.840.10045.2.1';
const ED25519 = '1.3.101.112';

/**
 * The signature algorithm an AlgorithmIdentifier names, parameters read exactly.
 * @throws {AttestationError} `certificate/unsupported-algorithm`; {EncodingError} `der/malformed`.
 */
export function signatureAlgorithm(identifier: DerElement): SignatureAlgorithm {
  const [oidElement, parameters, ...more] = derSequence(identifier);
  if (oidElement === undefined || more.length > 0) throw unsupported('an algorithm identifier', 'another structure');
  const oid = derOid(oidElement);
  const ecdsaHash = ECDSA.get(oid);
  if (ecdsaHash !== undefined && parameters === undefined) return { name: 'ECDSA', hash: ecdsaHash };
  const pkcs1Hash = RSA_PKCS1.get(oid);
  if (pkcs1Hash !== undefined && isNull(parameters)) return { name: 'RSASSA-PKCS1-v1_5', hash: pkcs1Hash };
  if (oid === ED25519 && parameters === undefined) return { name: 'Ed25519' };
  if (oid === RSASSA_PSS && parameters !== undefined) return pssAlgorithm(parameters);
  throw unsupported('ecdsa, rsa pkcs1, rsa-pss or ed25519 with sha-256, sha-384 or sha-512', oid);
}

/** RSASSA-PSS-params (RFC 4055 §3.1). The defaults are SHA-1, so hash, mask and salt must all be given, and agree. */
function pssAlgorithm(parameters: DerElement): SignatureAlgorithm {
  const fields = new Map<number, DerElement>();
  for (const field of derSequence(parameters)) {
    const [inner, ...more] = field.children();
    if (inner === undefined || more.length > 0 || fields.has(field.tag))
      throw unsupported('rsa-pss parameters', 'another structure');
    fields.set(field.tag, inner);
  }
  const [hashField, maskField, saltField, trailerField] = [0xa0, 0xa1, 0xa2, 0xa3].map((tag) => fields.get(tag));
  const known = [hashField, maskField, saltField, trailerField].filter((field) => field !== undefined).length;
  if (known !== fields.size || !hashField || !maskField || !saltField)
    throw unsupported('rsa-pss with explicit hash, mask and salt', 'less');
  const hash = hashOf(hashField);
  const [maskOid, maskHash, ...more] = derSequence(maskField);
  if (!maskOid || !maskHash || more.length > 0 || derOid(maskOid) !== MGF1 || hashOf(maskHash) !== hash) {
    throw unsupported(`mgf1 with ${hash}`, 'another mask');
  }
  const saltLength = derInteger(saltField);
  if (saltLength < 0n || saltLength > 64n) throw unsupported('a salt of at most 64 bytes', String(saltLength));
  if (trailerField !== undefined && derInteger(trailerField) !== 1n) throw unsupported('trailer field 1', 'another one');
  return { name: 'RSA-PSS', hash, saltLength: Number(saltLength) };
}

function hashOf(identifier: DerElement): HashName {
  const [oid, parameters, ...more] = derSequence(identifier);
  const hash = oid === undefined ? undefined : HASHES.get(derOid(oid));
  if (hash === undefined || more.length > 0 || (parameters !== undefined && !isNull(parameters))) {
    throw unsupported('sha-256, sha-384 or sha-512', oid === undefined ? 'nothing' : derOid(oid));
  }
  return hash;
}

function isNull(element: DerElement | undefined): boolean {
  return element !== undefined && element.tag === DER_TAG.null && element.content.length === 0;
}

/**
 * The kind of key in a DER SubjectPublicKeyInfo, its shape checked.
 * @throws {AttestationError} `certificate/unsupported-algorithm`; {@link EncodingError} for broken DER.
 */
export function publicKeyAlgorithm(spki: Uint8Array): PublicKeyAlgorithm {
  const [identifier, keyElement, ...more] = derSequence(readDer(spki));
  if (identifier === undefined || keyElement === undefined || more.length > 0)
    throw unsupported('a public key', 'another structure');
  const [oidElement, parameters] = derSequence(identifier);
  const oid = oidElement === undefined ? '' : derOid(oidElement);
  const key = derBitString(keyElement);
  if (oid === EC_KEY && parameters !== undefined) {
    const curve = parameters.tag === DER_TAG.oid ? CURVES.get(derOid(parameters)) : undefined;
    if (curve === undefined || key[0] !== 4 || key.length !== 1 + 2 * COORDINATE_BYTES[curve])
      throw unsupported('an uncompressed point of p-256, p-384 or p-521', 'another curve or form');
    return curve;
  }
  if (oid === RSA_KEY && isNull(parameters)) {
    const [modulus, exponent] = derSequence(readDer(key));
    const bits = modulus === undefined ? 0 : derUnsigned(modulus).length * 8;
    if (bits < 2048 || bits > 8192) throw unsupported('an rsa key of 2048 to 8192 bits', `${bits} bits`);
    const e = exponent === undefined ? 0n : derInteger(exponent);
    if (e < 3n || e > 0xffff_ffffn || e % 2n === 0n) throw unsupported('an odd rsa exponent from 3 to 2^32', 'another one');
    return 'RSA';
  }
  if (oid === ED25519 && parameters === undefined && key.length === 32) return 'Ed25519';
  throw unsupported('an ec, rsa or ed25519 public key', oid);
}

function unsupported(expected: string, got: string): AttestationError {
  return new AttestationError('certificate/unsupported-algorithm', `expected ${expected}, got ${got}`, { details: { got } });
}
