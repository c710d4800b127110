/** The part of the claims that SGX and TDX quotes share. */

import { encodeHex } from '@assay/encoding/hex';
import { type Check, fail, pass } from '../../model/check.ts';
import type { ClaimsOf, DcapDetails, DcapIdentity, TcbStanding } from '../../model/claims.ts';
import { QUOTE_SPEC, QVL_SPEC } from './specifications.ts';
import type { AuthenticQuote } from './verify-quote.ts';

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

/** The checks that the steps of every quote returned, and what they found: the TCB level, padding, custom claims. */
export function sharedChecks({ quote, checks, tcb, shortfall }: AuthenticQuote): readonly Check[] {
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
  return [...checks, level, ...padding, ...claims];
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
