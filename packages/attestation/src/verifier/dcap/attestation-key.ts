/**
 * The attestation key of a quote. Proves: Intel's PCK signed the report of a quoting enclave, that report contains the hash of
 * this key, and the key signed header and body. Source: Intel DCAP quote verification library, specification items 4.1.2.5.13,
 * 4.1.2.5.14 and 4.1.2.5.17.
 * Not checked here: that the quoting enclave is Intel's; see quoting-enclave.ts.
 */

import { concatBytes, equalBytes } from '@assay/encoding/bytes';
import { sha256 } from '@noble/hashes/sha2.js';
import { SPKI_PREFIX } from '../../certificates/native-ecdsa.ts';
import { openKey, verifySignature } from '../../certificates/signature.ts';
import type { KnownKey, VerificationCache } from '../../certificates/verification-cache.ts';
import type { Certificate } from '../../certificates/x509.ts';
import { AttestationError, type AttestationErrorCode } from '../../errors.ts';
import type { DcapQuote } from '../../evidence/dcap/quote.ts';
import { type Check, pass } from '../../model/check.ts';
import { QUOTE_SPEC, QVL_SPEC } from './specifications.ts';

interface CertifiedKey {
  /** {@link certifiedParts}, copied into one array. */
  readonly certified: Uint8Array;
  readonly key: SigningKey;
  /** Those that were made when the key was certified. */
  readonly checks: readonly Check[];
}

/** The attestation key, opened once. */
interface SigningKey {
  readonly spki: Uint8Array;
  readonly key: KnownKey;
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
 * @returns the checks made, one a step.
 * @throws {AttestationError} `dcap/qe-report-signature-invalid`, `dcap/attestation-key-unbound`, `dcap/quote-signature-invalid`.
 */
export async function verifyQuoteSignatures(
  quote: DcapQuote,
  pck: Certificate,
  cache: VerificationCache | undefined,
): Promise<readonly Check[]> {
  const certified = cache?.room(keyMemory);
  const keys = certified?.get(pck) ?? [];
  const before = keys.find((known) => isSameCertification(known, quote));
  if (before !== undefined) return [...before.checks, await checkQuoteSignature(quote, before.key)];
  const key = openSigningKey(quote);
  // Asked at the same time; a quote with several defects is refused for the first of them.
  const [report, signed] = await Promise.allSettled([checkReport(quote, pck, cache), checkQuoteSignature(quote, key)]);
  if (report.status === 'rejected') throw report.reason;
  const checks = [report.value, checkBinding(quote)];
  if (signed.status === 'rejected') throw signed.reason;
  certified?.set(pck, [...keys.slice(1 - KEYS_KEPT), remembered(quote, key, checks)]);
  return [...checks, signed.value];
}

/** Copies, because the quote's fields are views into a buffer that callers may reuse. */
function remembered(quote: DcapQuote, key: SigningKey, checks: readonly Check[]): CertifiedKey {
  return { certified: concatBytes(...certifiedParts(quote)), key, checks };
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

async function checkReport(quote: DcapQuote, pck: Certificate, cache: VerificationCache | undefined): Promise<Check> {
  const good = await verifySignature({
    spki: pck.spki,
    algorithm: ECDSA_SHA256,
    signature: quote.qeReportSignature,
    message: quote.qeReport.raw,
    signatureForm: 'raw',
    cache,
  });
  if (!good) throw forged('dcap/qe-report-signature-invalid', 'the report of the quoting enclave signed by the PCK');
  return pass('dcap.qe-report-signature', `${QVL_SPEC} 4.1.2.5.13`, 'signed by the PCK');
}

/** The first half of the report data is the hash; the quoting enclave leaves the second half zero. */
function checkBinding({ attestationKey, qeAuthData, qeReport: { reportData } }: DcapQuote): Check {
  const digest = sha256(concatBytes(attestationKey, qeAuthData));
  if (!equalBytes(reportData.subarray(0, 32), digest) || !reportData.subarray(32).every((byte) => byte === 0))
    throw forged('dcap/attestation-key-unbound', 'the attestation key hashed into the report of the quoting enclave');
  return pass('dcap.attestation-key', `${QVL_SPEC} 4.1.2.5.14`, 'bound by the QE report');
}

/** Also refuses a key whose point is not on the curve. */
async function checkQuoteSignature(quote: DcapQuote, key: SigningKey): Promise<Check> {
  if (!(await isSigned(quote, key)))
    throw forged('dcap/quote-signature-invalid', 'header and body signed by the attestation key');
  return pass('dcap.quote-signature', `${QUOTE_SPEC}; ${QVL_SPEC} 4.1.2.5.17`, 'signed by the attestation key');
}

async function isSigned({ signature, signed: message }: DcapQuote, { spki, key }: SigningKey): Promise<boolean> {
  try {
    return await verifySignature({ spki, key, algorithm: ECDSA_SHA256, signature, message, signatureForm: 'raw' });
  } catch {
    return false;
  }
}

function openSigningKey(quote: DcapQuote): SigningKey {
  const spki = concatBytes(SPKI_PREFIX['P-256'], quote.attestationKey);
  return { spki, key: openKey(spki) };
}

function forged(code: AttestationErrorCode, expected: string): AttestationError {
  return new AttestationError(code, `expected ${expected}, got something else; the quote was changed or made up`);
}
