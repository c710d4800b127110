/**
 * The attestation key of a quote. Proves: Intel's PCK signed the report of a quoting enclave, that report contains the hash of
 * this key, and the key signed header and body. Source: Intel DCAP quote verification library, specification items 4.1.2.5.13,
 * 4.1.2.5.14 and 4.1.2.5.17.
 * Not checked here: that the quoting enclave is Intel's; see quoting-enclave.ts.
 */

import { bufferSource, concatBytes, equalBytes } from '@assay/encoding/bytes';
import { sha256 } from '@noble/hashes/sha2.js';
import { verifySignature } from '../../certificates/signature.ts';
import type { VerificationCache } from '../../certificates/verification-cache.ts';
import type { Certificate } from '../../certificates/x509.ts';
import { AttestationError, type AttestationErrorCode } from '../../errors.ts';
import type { DcapQuote } from '../../evidence/dcap/quote.ts';

interface CertifiedKey {
  /** {@link certifiedParts}, copied into one array. */
  readonly certified: Uint8Array;
  readonly key: CryptoKey;
}

/** Everything that went into the certification; only the last part has a length of its own choice. */
function certifiedParts(quote: DcapQuote): readonly Uint8Array[] {
  return [quote.attestationKey, quote.qeReport.raw, quote.qeReportSignature, quote.qeAuthData];
}

/** A platform makes a new attestation key only when its TCB changes; a few are enough. */
const KEYS_KEPT = 4;

/** Keys certified before, by the platform's certificate. A hit compares every byte that went into the certification. */
const keyMemory = (): WeakMap<Certificate, readonly CertifiedKey[]> => new WeakMap();

const ECDSA_SHA256 = { name: 'ECDSA', hash: 'SHA-256' } as const;

/**
 * Checks the two signatures of a quote and the link between them. Whether `pck` is Intel's is for pck-chain.ts.
 * @throws {AttestationError} `dcap/qe-report-signature-invalid`, `dcap/attestation-key-unbound`, `dcap/quote-signature-invalid`.
 */
export async function verifyQuoteSignatures(
  quote: DcapQuote,
  pck: Certificate,
  cache: VerificationCache | undefined,
): Promise<void> {
  const certified = cache?.room(keyMemory);
  const keys = certified?.get(pck) ?? [];
  const before = keys.find((known) => isSameCertification(known, quote));
  if (before !== undefined) {
    if (!(await isSigned(quote, before.key))) throw unsigned();
    return;
  }
  const [reportIsSigned, key] = await Promise.all([isReportSigned(quote, pck, cache), importSigningKey(quote)]);
  if (!reportIsSigned) throw forged('dcap/qe-report-signature-invalid', 'the report of the quoting enclave signed by the PCK');
  if (!isBound(quote)) {
    throw forged('dcap/attestation-key-unbound', 'the attestation key hashed into the report of the quoting enclave');
  }
  if (key === null) throw unsigned();
  certified?.set(pck, [...keys.slice(1 - KEYS_KEPT), remembered(quote, key)]);
}

/** Copies, because the quote's fields are views into a buffer that callers may reuse. */
function remembered(quote: DcapQuote, key: CryptoKey): CertifiedKey {
  return { certified: concatBytes(...certifiedParts(quote)), key };
}

function isSameCertification(known: CertifiedKey, quote: DcapQuote): boolean {
  let offset = 0;
  const { certified } = known;
  for (const part of certifiedParts(quote)) {
    const end = offset + part.length;
    if (end > certified.length || !equalBytes(certified.subarray(offset, end), part)) return false;
    offset = end;
  }
  return offset === certified.length;
}

function isReportSigned(quote: DcapQuote, pck: Certificate, cache: VerificationCache | undefined): Promise<boolean> {
  return verifySignature({
    spki: pck.spki,
    algorithm: ECDSA_SHA256,
    signature: quote.qeReportSignature,
    message: quote.qeReport.raw,
    signatureForm: 'raw',
    cache,
  });
}

/** The first half of the report data is the hash; the quoting enclave leaves the second half zero. */
function isBound({ attestationKey, qeAuthData, qeReport: { reportData } }: DcapQuote): boolean {
  const digest = sha256(concatBytes(attestationKey, qeAuthData));
  return equalBytes(reportData.subarray(0, 32), digest) && reportData.subarray(32).every((byte) => byte === 0);
}

function isSigned(quote: DcapQuote, key: CryptoKey): Promise<boolean> {
  return crypto.subtle.verify(ECDSA_SHA256, key, bufferSource(quote.signature), bufferSource(quote.signed));
}

/** The attestation key when it signed the quote, else `null`; also when its point is not on the curve. */
async function importSigningKey(quote: DcapQuote): Promise<CryptoKey | null> {
  const point = concatBytes(Uint8Array.of(0x04), quote.attestationKey);
  try {
    const key = await crypto.subtle.importKey('raw', bufferSource(point), { name: 'ECDSA', namedCurve: 'P-256' }, false, [
      'verify',
    ]);
    return (await isSigned(quote, key)) ? key : null;
  } catch {
    return null;
  }
}

function unsigned(): AttestationError {
  return forged('dcap/quote-signature-invalid', 'header and body signed by the attestation key');
}

function forged(code: AttestationErrorCode, expected: string): AttestationError {
  return new AttestationError(code, `expected ${expected}, got something else; the quote was changed or made up`);
}
