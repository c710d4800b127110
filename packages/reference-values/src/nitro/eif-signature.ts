/**
 * The signature section of an EIF: CBOR list of {signing_certificate (PEM bytes), signature (COSE_Sign1 over {register_index,
 * register_value})}. Proves: the private key of that certificate signed this PCR0. PCR8 names the certificate, so a policy pins it there.
 * Not checked: who issued the certificate and whether it is in date; the hypervisor refuses expired ones at start.
 */

import { bufferSource, decodeUtf8, equalBytes } from '@assay/encoding/bytes';
import { type CborValue, decodeCbor } from '@assay/encoding/cbor';
import { parseCoseSign1, sigStructure } from '@assay/encoding/cose';
import { type DerElement, derOid, derSequence, readDer } from '@assay/encoding/der';
import { decodePem } from '@assay/encoding/pem';
import { ReferenceValuesError, reading } from '../errors.ts';

/** Longest signature section, bytes. */
const MAX_SECTION = 64 * 1024;

/** COSE algorithm → what WebCrypto needs (RFC 9053 §2.1). */
const ALGORITHMS = {
  [-7]: { curve: 'P-256', hash: 'SHA-256' },
  [-35]: { curve: 'P-384', hash: 'SHA-384' },
  [-36]: { curve: 'P-521', hash: 'SHA-512' },
} as const;

const CURVES: Readonly<Record<string, string>> = {
  '1.2.840.10045.3.1.7': 'P-256',
  '1.3.132.0.34': 'P-384',
  '1.3.132.0.35': 'P-521',
};

/**
 * Verifies the signature over `pcr0`.
 * @param section the bytes of the section.
 * @param pcr0 48 bytes, computed from the image.
 * @returns DER of the signing certificate.
 * @throws {ReferenceValuesError} `eif/malformed`, `eif/signature-invalid`.
 */
export async function verifyEifSignature(section: Uint8Array, pcr0: Uint8Array): Promise<Uint8Array> {
  const { certificate, cose } = reading('eif/malformed', 'EIF signature', () => parseSection(section));
  const signed = reading('eif/malformed', 'EIF signature', () =>
    registerOf(decodeCbor(cose.payload, { allowLongForms: true })),
  );
  if (signed.index !== 0 || !equalBytes(signed.value, pcr0))
    throw new ReferenceValuesError(
      'eif/signature-invalid',
      'expected a signature over PCR0 of this image, got one over other values; the image was changed after it was signed',
    );
  const { spki, curve } = reading('eif/malformed', 'signing certificate', () => publicKeyOf(readDer(certificate)));
  const algorithm = ALGORITHMS[cose.protectedHeader.get(1) as keyof typeof ALGORITHMS] as
    | (typeof ALGORITHMS)[keyof typeof ALGORITHMS]
    | undefined;
  if (algorithm === undefined || algorithm.curve !== curve)
    throw invalid(`expected ES256, ES384 or ES512 with the curve of the key, got another algorithm for ${curve}`);
  const key = await crypto.subtle
    .importKey('spki', bufferSource(spki), { name: 'ECDSA', namedCurve: curve }, false, ['verify'])
    .catch(() => null);
  if (key === null) throw invalid('expected a valid public key in the signing certificate, got another');
  const { hash } = algorithm;
  const good = await crypto.subtle.verify(
    { name: 'ECDSA', hash },
    key,
    bufferSource(cose.signature),
    bufferSource(sigStructure(cose)),
  );
  if (!good) throw invalid('expected a signature by the key of the certificate, got another');
  return certificate;
}

function parseSection(section: Uint8Array): {
  readonly certificate: Uint8Array;
  readonly cose: ReturnType<typeof parseCoseSign1>;
} {
  if (section.length > MAX_SECTION)
    throw new ReferenceValuesError(
      'eif/malformed',
      `expected at most ${MAX_SECTION} bytes of signature, got ${section.length}; sign the image again`,
    );
  const list = decodeCbor(section, { allowLongForms: true });
  const entry = Array.isArray(list) && list.length === 1 ? list[0] : undefined;
  const [certificate, signature] = [member(entry, 'signing_certificate'), member(entry, 'signature')].map(bytesOf);
  if (certificate === undefined || signature === undefined) throw shape('one entry with signing_certificate and signature');
  const [pem, ...more] = decodePem(decodeUtf8(certificate));
  if (pem === undefined || more.length > 0 || pem.label !== 'CERTIFICATE') throw shape('one PEM certificate');
  return { certificate: pem.der, cose: parseCoseSign1(signature, { allowLongForms: true }) };
}

function registerOf(payload: CborValue): { readonly index: CborValue; readonly value: Uint8Array } {
  const value = bytesOf(member(payload, 'register_value'));
  if (value === undefined) throw shape('register_index and register_value as signed');
  return { index: member(payload, 'register_index'), value };
}

function member(value: CborValue, name: string): CborValue {
  return value instanceof Map ? value.get(name) : undefined;
}

/** The vendor's builder writes byte strings as lists of numbers (serde's `Vec<u8>`). */
function bytesOf(value: CborValue): Uint8Array | undefined {
  if (value instanceof Uint8Array) return value;
  if (!Array.isArray(value)) return undefined;
  return value.every((byte) => typeof byte === 'number' && Number.isInteger(byte) && byte >= 0 && byte <= 255)
    ? Uint8Array.from(value as readonly number[])
    : undefined;
}

/** RFC 5280 §4.1: tbsCertificate {[0] version?, serial, signature, issuer, validity, subject, subjectPublicKeyInfo, …}. */
function publicKeyOf(certificate: DerElement): { readonly spki: Uint8Array; readonly curve: string } {
  const [tbs] = derSequence(certificate);
  if (tbs === undefined) throw shape('a signing certificate of RFC 5280');
  const fields = derSequence(tbs);
  const spki = fields[fields[0]?.tag === 0xa0 ? 6 : 5];
  if (spki === undefined) throw shape('a signing certificate of RFC 5280');
  const [algorithm] = derSequence(spki);
  const parameters = algorithm === undefined ? undefined : derSequence(algorithm)[1];
  const curve = parameters === undefined || parameters.tag !== 0x06 ? undefined : CURVES[derOid(parameters)];
  if (curve === undefined) throw invalid('expected a key on P-256, P-384 or P-521 in the signing certificate, got another');
  return { spki: spki.raw, curve };
}

function shape(expected: string): ReferenceValuesError {
  return new ReferenceValuesError(
    'eif/malformed',
    `expected ${expected} in the signature section, got something else; sign the image again`,
  );
}

function invalid(message: string): ReferenceValuesError {
  return new ReferenceValuesError('eif/signature-invalid', `${message}; sign the image again`);
}
