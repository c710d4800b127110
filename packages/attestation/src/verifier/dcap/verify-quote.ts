/**
 * Verifies a DCAP quote, SGX or TDX. Proves, at `now`: the body was signed by an attestation key that Intel's quoting enclave
 * holds, on a platform that Intel certified and has not revoked, and what standing Intel gives the platform. In order:
 *  1. QE vendor id is Intel's
 *  2. PCK chain to a pinned root, from the quote or, where the quote only names it, from the endorsements
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

import { equalBytes } from '@assay/encoding/bytes';
import { loadedPart } from '@assay/encoding/loaded-part';
import { INTEL_ROOTS } from '../../certificates/roots/intel.ts';
import { resolveTrust } from '../../certificates/trust.ts';
import { AttestationError } from '../../errors.ts';
import type { DcapQuote } from '../../evidence/dcap/quote.ts';
import { INTEL_QE_VENDOR_ID } from '../../evidence/dcap/quote-file.ts';
import type { Check } from '../../model/check.ts';
import { after } from '../../model/checks-before.ts';
import type { Endorsements } from '../../model/endorsements.ts';
import type { VerifyOptions } from '../../model/verification.ts';
import { verifyQuoteSignatures } from './attestation-key.ts';
import { type PlatformCollateral, verifyCollateral } from './collateral.ts';
import { inOrder } from './in-order.ts';
import { type PckChain, type PckChainQuestion, readPckChain, refersToCertificate, verifyPckChain } from './pck-chain.ts';
import { matchQuotingEnclave } from './quoting-enclave.ts';
import { shortfallOf } from './shortfall.ts';
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
  /** Why the standing is not better, for people; `null` when it is up to date. */
  readonly shortfall: string | null;
  /** What the steps returned, those of every quote. */
  readonly checks: readonly Check[];
  /** What the step for the TDX module returned; `null` for SGX. */
  readonly moduleCheck: Check | null;
}

/**
 * @param quote a parsed quote.
 * @throws {AttestationError} `dcap/qe-vendor-unknown`, `dcap/qe-identity-mismatch`, `dcap/tdx-module-unknown`, `dcap/tdx-module-mismatch`,
 * `dcap/tcb-revoked`, `part/unavailable`, and the codes of {@link verifyPckChain},
 * `findPckChain`, {@link verifyQuoteSignatures} and {@link verifyCollateral}.
 */
export async function verifyQuote(quote: DcapQuote, options: VerifyOptions): Promise<AuthenticQuote> {
  const { now, endorsements = [], trust, cache } = options;
  if (!equalBytes(quote.header.qeVendorId, INTEL_QE_VENDOR_ID)) {
    throw new AttestationError('dcap/qe-vendor-unknown', "expected Intel's QE vendor id, got another; do not trust this quote");
  }
  const anchors = [...INTEL_ROOTS, ...resolveTrust(trust).anchors];
  const { pck, signatures } = await platformOf(quote, endorsements, { anchors, now, cache });
  const { tee } = quote.header;
  const ofQuote = [pck.check, ...signatures];
  const collateral = await after(ofQuote, () => verifyCollateral({ endorsements, tee, pck, now, cache }));
  const { revocation, documents } = collateral.checks;
  return after([pck.check, revocation, ...signatures, documents], () => {
    const enclave = matchQuotingEnclave(quote.qeReport, collateral.qeIdentity);
    const moduleCheck = quote.body.kind === 'td' ? matchTdxModule(quote.body, collateral.tcbInfo) : null;
    const checks = [pck.check, revocation, ...signatures, enclave, documents];
    return { quote, pck, collateral, checks, moduleCheck, ...matchTcb(quote, pck, collateral) };
  });
}

interface SigningPlatform {
  readonly pck: PckChain;
  /** The checks of the quote's signatures. */
  readonly signatures: readonly Check[];
}

/** The platform that signed the quote; its chain and the quote's signatures are checked at the same time. */
async function platformOf(quote: DcapQuote, endorsements: Endorsements, question: PckChainQuestion): Promise<SigningPlatform> {
  const { anchors, now, cache } = question;
  const { certification } = quote;
  if (refersToCertificate(certification)) {
    // Such quotes are rare, and pages load the search with them only.
    const { findPckChain } = await loadedPart('PCK certificates', () => import('./companion-pck.ts'));
    const pck = await findPckChain(quote, anchors, endorsements, now, cache);
    return { pck, signatures: await verifyQuoteSignatures(quote, pck.leaf, cache) };
  }
  const read = readPckChain(certification, cache);
  const [pck, signatures] = await inOrder([
    verifyPckChain(read, certification, question),
    verifyQuoteSignatures(quote, read.leaf, cache),
  ]);
  return { pck, signatures };
}

function matchTcb(
  quote: DcapQuote,
  pck: PckChain,
  collateral: PlatformCollateral,
): Pick<AuthenticQuote, 'tcb' | 'currentTcb' | 'shortfall'> {
  const { tcbInfo, qeIdentity } = collateral;
  const { body } = quote;
  const facts = { pck: pck.extensions, qeIsvSvn: quote.qeReport.isvSvn };
  const atLaunch = { ...facts, teeTcbSvn: body.kind === 'td' ? body.teeTcbSvn : null };
  const launch = evaluateTcb(atLaunch, tcbInfo, qeIdentity.levels);
  const currentTcb =
    body.kind === 'td' && body.v15 !== null
      ? evaluateTcb({ ...facts, teeTcbSvn: body.v15.teeTcbSvn2 }, tcbInfo, qeIdentity.levels)
      : null;
  const tcb = currentTcb === null ? launch : adviseRelaunch(launch, currentTcb);
  const shortfall = shortfallOf(atLaunch, tcbInfo, qeIdentity.levels, tcb);
  if (tcb.status === 'Revoked') {
    throw new AttestationError(
      'dcap/tcb-revoked',
      `expected a platform in good standing, got one that Intel revoked at this TCB level${shortfall === null ? '' : ` (${shortfall})`}; do not trust it`,
      { details: { platform: tcb.platform, quotingEnclave: tcb.quotingEnclave, tdxModule: tcb.tdxModule } },
    );
  }
  return { tcb, currentTcb, shortfall };
}
