/** The part of the claims that SGX and TDX quotes share. */

import { encodeHex } from '@assay/encoding/hex';
import { type Check, fail, pass } from '../../model/check.ts';
import type { ClaimsOf, DcapDetails, DcapIdentity, TcbStanding } from '../../model/claims.ts';
import type { AuthenticQuote } from './verify-quote.ts';

const QUOTE_SPEC = 'Intel DCAP quote format, appendix A.4';
const QVL_SPEC = 'Intel DCAP quote verification library';

/** Steps that every authentic quote has passed; verification throws when one of them fails. */
const PASSED: readonly Check[] = [
  pass('dcap.pck-chain', 'Intel PCK certificate profile §1.3', 'chains to a pinned root'),
  pass('dcap.pck-revocation', `${QVL_SPEC} 4.1.2.5.8`, 'neither PCK nor its CA revoked'),
  pass('dcap.qe-report-signature', `${QVL_SPEC} 4.1.2.5.13`, 'signed by the PCK'),
  pass('dcap.attestation-key', `${QVL_SPEC} 4.1.2.5.14`, 'bound by the QE report'),
  pass('dcap.quote-signature', `${QUOTE_SPEC}; ${QVL_SPEC} 4.1.2.5.17`, 'signed by the attestation key'),
  pass('dcap.qe-identity', `${QVL_SPEC} 4.1.2.9`, "Intel's quoting enclave"),
  pass('dcap.collateral', `${QVL_SPEC} 4.1.2.7, 4.1.2.8`, 'signed by Intel and in date'),
];

/** Those of the quote itself, which need no collateral. */
export const QUOTE_CHECKS: readonly Check[] = PASSED.filter(({ id }) =>
  ['dcap.pck-chain', 'dcap.qe-report-signature', 'dcap.attestation-key', 'dcap.quote-signature'].includes(id),
);

/** Those of the quote with its collateral, before the two are compared. */
export const COLLATERAL_CHECKS: readonly Check[] = PASSED.filter(({ id }) => id !== 'dcap.qe-identity');

type SharedClaims = Pick<
  ClaimsOf<'sgx' | 'tdx', object, DcapIdentity, object>,
  'simulated' | 'identity' | 'issuedAt' | 'validity' | 'root' | 'submodules'
> & { readonly tcb: TcbStanding };

/** Identity, standing, validity and root of an authentic quote, and the checks made. */
export function sharedClaims(authentic: AuthenticQuote): SharedClaims {
  const { quote, pck, collateral, tcb, shortfall } = authentic;
  const { extensions } = pck;
  return {
    simulated: pck.anchor.simulated,
    identity: {
      fmspc: encodeHex(extensions.fmspc),
      ppid: encodeHex(extensions.ppid),
      'pce-id': encodeHex(extensions.pceId),
      'pce-svn': String(extensions.pceSvn),
      'cpu-svn': encodeHex(extensions.cpuSvn),
      'pck-serial': pck.leaf.serial,
      'pck-ca': pck.issuer.subjectText.includes('Processor') ? 'processor' : 'platform',
      'platform-id': encodeHex(quote.header.userData.subarray(0, 16)),
      ...(extensions.platformInstanceId === null ? {} : { 'platform-instance-id': encodeHex(extensions.platformInstanceId) }),
    },
    tcb: {
      status: tcb.status,
      advisories: tcb.advisories,
      date: instant(tcb.date),
      evaluationNumber: Math.min(collateral.tcbInfo.evaluationNumber, collateral.qeIdentity.evaluationNumber),
      ...(shortfall === null ? {} : { reason: shortfall }),
    },
    issuedAt: null,
    validity: {
      notBefore: Math.max(pck.notBefore, collateral.notBefore),
      notAfter: Math.min(pck.notAfter, collateral.notAfter),
    },
    root: pck.anchorDigest,
    submodules: {},
  };
}

/** The steps all quotes share, the TCB level among them. */
export function sharedChecks({ quote, tcb, shortfall }: AuthenticQuote): readonly Check[] {
  const spec = `${QVL_SPEC} 4.1.2.5.18 to .20`;
  const level =
    tcb.status === 'TcbNotSupported'
      ? fail('dcap.tcb-level', spec, 'a TCB level that Intel lists', because('below every level Intel lists', shortfall))
      : pass('dcap.tcb-level', spec, because(tcb.status, shortfall), 'a TCB level that Intel lists');
  const padding =
    quote.padding === 0
      ? []
      : [pass('dcap.padding', QUOTE_SPEC, `${quote.padding} zero bytes after the quote`, 'nothing, or zeros only')];
  const claims =
    quote.customClaims === null ? [] : [pass('dcap.custom-claims', 'Open Enclave SDK, evidence', 'hashed in the report data')];
  return [...PASSED, level, ...padding, ...claims];
}

function because(what: string, reason: string | null): string {
  return reason === null ? what : `${what}: ${reason}`;
}

/** A check that no reserved attribute bit is set. */
export function reservedBits(id: string, spec: string, reserved: readonly number[]): Check {
  return reserved.length === 0
    ? pass(id, spec, 'none set', 'none set')
    : fail(id, spec, 'none set', `bits ${reserved.join(', ')} set`);
}

/** Details that SGX and TDX quotes share; JSON-safe. */
export function sharedDetails({ quote, pck, collateral, tcb, currentTcb }: AuthenticQuote): DcapDetails {
  const { extensions } = pck;
  return {
    quoteVersion: quote.header.version,
    qeSvn: quote.header.qeSvn,
    pceSvn: quote.header.pceSvn,
    paddingBytes: quote.padding,
    ...(quote.customClaims === null ? {} : { customClaims: encodeHex(quote.customClaims) }),
    platform: { sgxType: extensions.sgxType, configuration: extensions.configuration },
    quotingEnclave: {
      mrEnclave: encodeHex(quote.qeReport.mrEnclave),
      mrSigner: encodeHex(quote.qeReport.mrSigner),
      isvSvn: quote.qeReport.isvSvn,
    },
    tcbParts: { platform: tcb.platform, quotingEnclave: tcb.quotingEnclave, tdxModule: tcb.tdxModule },
    currentTcb:
      currentTcb === null
        ? null
        : { status: currentTcb.status, advisories: currentTcb.advisories, date: instant(currentTcb.date) },
    collateral: {
      tcbInfoVersion: collateral.tcbInfo.version,
      tcbEvaluationDataNumber: {
        tcbInfo: collateral.tcbInfo.evaluationNumber,
        qeIdentity: collateral.qeIdentity.evaluationNumber,
      },
      tcbInfoIssued: instant(collateral.tcbInfo.issueDate),
      qeIdentityIssued: instant(collateral.qeIdentity.issueDate),
    },
  };
}

function instant(milliseconds: number | null): string | null {
  return milliseconds === null ? null : new Date(milliseconds).toISOString().replace('.000Z', 'Z');
}
