/**
 * Verifies a DCAP quote, SGX or TDX. Proves, at `now`: the body was signed by an attestation key that Intel's quoting enclave
 * holds, on a platform that Intel certified and has not revoked, and what standing Intel gives the platform. In order:
 *  1. QE vendor id is Intel's
 *  2. PCK chain to a pinned root
 *  3. QE report signed by the PCK
 *  4. attestation key and QE authentication data hashed into the QE report
 *  5. header and body signed by the attestation key
 *  6. collateral authentic, in date, for this platform; nothing revoked
 *  7. QE report matches the QE identity
 *  8. TDX module is one of Intel's
 *  9. TCB level; revoked platforms are refused
 * Not decided here: measurements, debug, report data, and which standing is good enough (appraisal/).
 * Source: Intel DCAP quote verification library, specification items 4.1.2.5.1 to 4.1.2.5.20.
 */

import { concatBytes, equalBytes } from '@assay/encoding/bytes';
import { sha256 } from '@noble/hashes/sha2.js';
import { INTEL_ROOTS } from '../../certificates/roots/intel.ts';
import { verifySignature } from '../../certificates/signature.ts';
import { AttestationError } from '../../errors.ts';
import type { DcapQuote } from '../../evidence/dcap/quote.ts';
import { INTEL_QE_VENDOR_ID } from '../../evidence/dcap/quote-file.ts';
import type { TrustAnchor, VerifyOptions } from '../../model/verification.ts';
import { type PlatformCollateral, verifyCollateral } from './collateral.ts';
import { type PckChain, verifyPckChain } from './pck-chain.ts';
import { matchQuotingEnclave } from './quoting-enclave.ts';
import { adviseRelaunch, evaluateTcb, type TcbEvaluation } from './tcb-level.ts';
import { matchTdxModule } from './tdx-module.ts';

export interface AuthenticQuote {
  readonly quote: DcapQuote;
  readonly pck: PckChain;
  readonly collateral: PlatformCollateral;
  /** The platform's standing as the enclave or TD has it. */
  readonly tcb: TcbEvaluation;
  /** TDX 1.5: the standing a TD launched now would have. `null` when the report does not tell. */
  readonly currentTcb: TcbEvaluation | null;
}

/**
 * @param quote a parsed quote.
 * @throws {AttestationError} `dcap/qe-vendor-unknown`, `dcap/qe-report-signature-invalid`, `dcap/attestation-key-unbound`,
 * `dcap/quote-signature-invalid`, `dcap/qe-identity-mismatch`, `dcap/tdx-module-unknown`, `dcap/tdx-module-mismatch`,
 * `dcap/tcb-revoked`, and the codes of {@link verifyPckChain} and {@link verifyCollateral}.
 */
export async function verifyQuote(quote: DcapQuote, options: VerifyOptions): Promise<AuthenticQuote> {
  const { now, endorsements = NO_ENDORSEMENTS, additionalAnchors } = options;
  if (!equalBytes(quote.header.qeVendorId, INTEL_QE_VENDOR_ID)) {
    throw new AttestationError('dcap/qe-vendor-unknown', "expected Intel's QE vendor id, got another; do not trust this quote");
  }
  const pck = await verifyPckChain(quote.certification, acceptedAnchors(additionalAnchors), now);
  await verifySignatures(quote, pck);
  const collateral = await verifyCollateral(endorsements, quote.header.tee, pck, now);
  matchQuotingEnclave(quote.qeReport, collateral.qeIdentity);
  if (quote.body.kind === 'td') matchTdxModule(quote.body, collateral.tcbInfo);
  return { quote, pck, collateral, ...judgeTcb(quote, pck, collateral) };
}

const NO_ENDORSEMENTS: readonly never[] = [];

const combinedAnchors = /* @__PURE__ */ new WeakMap<readonly TrustAnchor[], readonly TrustAnchor[]>();

/** One array per set of additional anchors, because remembered chains hang on it. */
function acceptedAnchors(additional: readonly TrustAnchor[] | undefined): readonly TrustAnchor[] {
  if (additional === undefined || additional.length === 0) return INTEL_ROOTS;
  let anchors = combinedAnchors.get(additional);
  if (anchors === undefined) {
    anchors = [...INTEL_ROOTS, ...additional];
    combinedAnchors.set(additional, anchors);
  }
  return anchors;
}

async function verifySignatures(quote: DcapQuote, pck: PckChain): Promise<void> {
  const [reportIsSigned, quoteIsSigned] = await Promise.all([
    isSignedBy(pck.leaf.spki, quote.qeReport.raw, quote.qeReportSignature),
    isSignedBy(attestationKeySpki(quote.attestationKey), quote.signed, quote.signature),
  ]);
  if (!reportIsSigned) throw forged('dcap/qe-report-signature-invalid', 'the report of the quoting enclave signed by the PCK');
  const binding = sha256(concatBytes(quote.attestationKey, quote.qeAuthData));
  const { reportData } = quote.qeReport;
  if (!equalBytes(reportData.subarray(0, 32), binding) || reportData.subarray(32).some((byte) => byte !== 0)) {
    throw forged('dcap/attestation-key-unbound', 'the attestation key hashed into the report of the quoting enclave');
  }
  if (!quoteIsSigned) throw forged('dcap/quote-signature-invalid', 'header and body signed by the attestation key');
}

/** DER SubjectPublicKeyInfo of an uncompressed P-256 point, up to and including its 0x04. */
const P256_SPKI_PREFIX = Uint8Array.of(
  0x30,
  0x59,
  0x30,
  0x13,
  0x06,
  0x07,
  0x2a,
  0x86,
  0x48,
  0xce,
  0x3d,
  0x02,
  0x01,
  0x06,
  0x08,
  0x2a,
  0x86,
  0x48,
  0xce,
  0x3d,
  0x03,
  0x01,
  0x07,
  0x03,
  0x42,
  0x00,
  0x04,
);

function attestationKeySpki(key: Uint8Array): Uint8Array {
  return concatBytes(P256_SPKI_PREFIX, key);
}

async function isSignedBy(spki: Uint8Array, message: Uint8Array, signature: Uint8Array): Promise<boolean> {
  try {
    return await verifySignature({
      spki,
      algorithm: { name: 'ECDSA', hash: 'SHA-256' },
      signature,
      message,
      signatureForm: 'raw',
    });
  } catch (error) {
    // A point that is not on the curve signs nothing.
    if (AttestationError.is(error) && error.code === 'certificate/unsupported-algorithm') return false;
    throw error;
  }
}

function judgeTcb(quote: DcapQuote, pck: PckChain, collateral: PlatformCollateral): Pick<AuthenticQuote, 'tcb' | 'currentTcb'> {
  const { tcbInfo, qeIdentity } = collateral;
  const { body } = quote;
  const facts = { pck: pck.extensions, qeIsvSvn: quote.qeReport.isvSvn };
  const launch = evaluateTcb({ ...facts, teeTcbSvn: body.kind === 'td' ? body.teeTcbSvn : null }, tcbInfo, qeIdentity.levels);
  const currentTcb =
    body.kind === 'td' && body.v15 !== null
      ? evaluateTcb({ ...facts, teeTcbSvn: body.v15.teeTcbSvn2 }, tcbInfo, qeIdentity.levels)
      : null;
  const tcb = currentTcb === null ? launch : adviseRelaunch(launch, currentTcb);
  if (tcb.status === 'Revoked') {
    throw new AttestationError(
      'dcap/tcb-revoked',
      'expected a platform in good standing, got one that Intel revoked at this TCB level; do not trust it',
      { details: { platform: tcb.platform, quotingEnclave: tcb.quotingEnclave, tdxModule: tcb.tdxModule } },
    );
  }
  return { tcb, currentTcb };
}

function forged(
  code: 'dcap/qe-report-signature-invalid' | 'dcap/attestation-key-unbound' | 'dcap/quote-signature-invalid',
  expected: string,
): AttestationError {
  return new AttestationError(code, `expected ${expected}, got something else; the quote was changed or made up`);
}
