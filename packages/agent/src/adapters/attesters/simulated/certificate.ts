/** Keys and certificates of the simulator: P-384, ECDSA with SHA-384, as the Nitro PKI uses (RFC 5280, RFC 5758). */

import { randomBytes } from 'node:crypto';
import {
  ALGORITHM_IDENTIFIERS,
  basicConstraints,
  encodeEcdsaSignature,
  encodeName,
  encodeSigned,
  encodeTbsCertificate,
  keyUsage,
} from '@assay/encoding/x509-writer';

/** A P-384 key pair, its public half as DER SubjectPublicKeyInfo. */
export interface SigningKey {
  readonly privateKey: CryptoKey;
  readonly spki: Uint8Array;
}

/** A certificate, its key and its name. */
export interface Issued {
  /** DER. */
  readonly certificate: Uint8Array;
  readonly key: SigningKey;
  /** Name DER. */
  readonly subject: Uint8Array;
}

export interface IssueCertificateOptions {
  readonly subject: Readonly<Record<string, string>>;
  readonly key: SigningKey;
  /** Signs itself when absent. */
  readonly issuer?: Issued;
  /** Epoch milliseconds. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** Intermediates allowed below; `null` makes an end-entity certificate, `Infinity` a root. */
  readonly pathLength: number | null;
}

/** A fresh key. `extractable` only for the root, which is stored. */
export async function newSigningKey(extractable = false): Promise<SigningKey> {
  const parameters = { name: 'ECDSA', namedCurve: 'P-384' };
  const { privateKey, publicKey } = await crypto.subtle.generateKey(parameters, extractable, ['sign', 'verify']);
  return { privateKey, spki: new Uint8Array(await crypto.subtle.exportKey('spki', publicKey)) };
}

/** Signs with ES384; the result is r ‖ s, 96 bytes. */
export async function signEs384({ privateKey }: SigningKey, message: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-384' }, privateKey, message));
}

/** Issues one certificate. */
export async function issueCertificate(options: IssueCertificateOptions): Promise<Issued> {
  const { key, issuer, notBefore, notAfter, pathLength } = options;
  const subject = encodeName(options.subject);
  const algorithm = ALGORITHM_IDENTIFIERS['ecdsa-sha384'];
  const limit = pathLength === Number.POSITIVE_INFINITY ? null : pathLength;
  const tbs = encodeTbsCertificate({
    serial: randomBytes(16),
    algorithm,
    issuer: issuer?.subject ?? subject,
    subject,
    notBefore,
    notAfter,
    spki: key.spki,
    extensions: pathLength === null ? [basicConstraints(false), keyUsage(0)] : [basicConstraints(true, limit), keyUsage(5, 6)],
  });
  const signature = encodeEcdsaSignature(await signEs384(issuer?.key ?? key, tbs));
  return { certificate: encodeSigned(tbs, algorithm, signature), key, subject };
}
