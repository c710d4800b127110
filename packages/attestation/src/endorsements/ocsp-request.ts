/** OCSP requests (RFC 6960 §4.1.1), unsigned, one certificate each, without a nonce so that answers can be cached. */

import { bufferSource } from '@assay/encoding/bytes';
import { DER_TAG, readDer } from '@assay/encoding/der';
import { encodeDer } from '@assay/encoding/der-writer';
import { decodeHex } from '@assay/encoding/hex';
import type { Certificate } from '../certificates/x509.ts';

/** AlgorithmIdentifier of SHA-1 (RFC 3279 §2.1): the certificate id names, it protects nothing. */
const SHA1 = decodeHex('300906052b0e03021a0500');

/** @returns DER of the request for `subject`, issued by `issuer`. */
export async function ocspRequest(subject: Certificate, issuer: Certificate): Promise<Uint8Array> {
  const keyBits = readDer(issuer.spki).children()[1]?.content.subarray(1) ?? new Uint8Array();
  const certId = sequence(
    SHA1,
    encodeDer(DER_TAG.octetString, await sha1(issuer.subject)),
    encodeDer(DER_TAG.octetString, await sha1(keyBits)),
    encodeDer(DER_TAG.integer, serialBytes(subject.serial)),
  );
  return sequence(sequence(sequence(sequence(certId))));
}

const sequence = (...parts: readonly Uint8Array[]): Uint8Array => encodeDer(DER_TAG.sequence, ...parts);

/** DER integers are signed: a leading one bit needs a zero byte before it. */
function serialBytes(serial: string): Uint8Array {
  const digits = serial.length % 2 === 0 ? serial : `0${serial}`;
  const bytes = decodeHex(digits);
  return (bytes[0] ?? 0) >= 0x80 ? decodeHex(`00${digits}`) : bytes;
}

async function sha1(bytes: Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(await globalThis.crypto.subtle.digest('SHA-1', bufferSource(bytes)));
}
