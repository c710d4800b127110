/**
 * What an authentic SEV-SNP report says, as claims and checks. Everything here was signed by the chip; nothing is verified beyond
 * what the report says about itself.
 *
 * `details` (JSON-safe): version, guestSvn, vmpl, signingKey, policy, platform, tcb {current, reported, committed, launch},
 * firmware {current, committed}, mitigations, familyId, imageId, reportId, reportIdMa, authorKeyEnabled, chipKeyMasked, cpuid,
 * runtimeData (text that the report data commits to).
 */

import { encodeHex } from '@assay/encoding/hex';
import { anchorDigest } from '../../certificates/anchor.ts';
import type { VerifiedPath } from '../../certificates/path.ts';
import { allZero } from '../../evidence/reading.ts';
import type { SnpReport, SnpVersion } from '../../evidence/snp/report.ts';
import { tcbAtMost, tcbOf, tcbText } from '../../evidence/snp/tcb.ts';
import { type Check, fail, notChecked, pass } from '../../model/check.ts';
import type { SevSnpClaims, SevSnpDetails } from '../../model/claims.ts';
import type { EndorsementKey } from './endorsement-key.ts';
import type { KeyFit } from './key-fit.ts';

const ABI = 'AMD 56860 §7.3';

/** The key that signed a report, with the checks of the steps that found it. */
export interface SigningKey {
  readonly key: EndorsementKey;
  readonly signature: Check;
  /** That product, chip and TCB of key and report agree. */
  readonly fit: KeyFit;
}

/** Text that the report data commits to. */
export interface BoundRuntimeData {
  readonly text: string;
  readonly check: Check;
}

export interface SnpClaimsInput extends SigningKey {
  readonly report: SnpReport;
  readonly path: VerifiedPath;
  /** `null` when none came along. */
  readonly runtimeData: BoundRuntimeData | null;
  /** Parts of the file that were not looked at. */
  readonly unread: readonly string[];
}

/** Claims of a report whose signature and path were verified. */
export function snpClaims(input: SnpClaimsInput): SevSnpClaims {
  const { report, key, path } = input;
  const chipId = allZero(report.chipId) ? {} : { 'chip-id': encodeHex(report.chipId) };
  return {
    type: 'sev-snp',
    simulated: path.anchor.simulated,
    debug: report.policy.debugAllowed,
    measurements: {
      measurement: encodeHex(report.measurement),
      'host-data': encodeHex(report.hostData),
      'id-key-digest': encodeHex(report.idKeyDigest),
      'author-key-digest': encodeHex(report.authorKeyDigest),
    },
    bindings: { reportData: encodeHex(report.reportData), nonce: null, userData: null, publicKey: null },
    identity: {
      product: key.product,
      'product-name': key.productName,
      'signing-key': key.kind,
      ...chipId,
      ...(key.cspId === null ? {} : { 'csp-id': key.cspId }),
    },
    tcb: null,
    issuedAt: null,
    validity: { notBefore: path.notBefore, notAfter: path.notAfter },
    root: anchorDigest(path.anchor),
    notices: noticesOf(input),
    checks: checksOf(input),
    submodules: {},
    details: detailsOf(input),
  };
}

function checksOf({ report, key, signature, fit, path, runtimeData, unread }: SnpClaimsInput): readonly Check[] {
  const names = [...path.chain.map(({ subjectText }) => subjectText), path.anchor.name];
  const checks = [
    signature,
    pass('snp.certificate-path', 'RFC 5280 §6.1', names.map((name) => name.match(/CN=([^,]*)/)?.[1] ?? name).join(' ← ')),
    revocationCheck(path),
    fit.product,
    fit.chip,
    fit.tcb,
    tcbOrderCheck(report, key),
    migrationCheck(report),
    report.reservedInUse
      ? fail('snp.reserved', ABI, 'zero in reserved fields', 'other bytes: fields this verifier does not know')
      : pass('snp.reserved', ABI, 'zero'),
  ];
  if (runtimeData !== null) checks.push(runtimeData.check);
  for (const part of unread) checks.push(notChecked('snp.unread', 'Assay', `"${part}" in the same file is not looked at`));
  return checks;
}

/** The host may still roll provisional firmware back; until it is committed, older firmware can run under the same committed level. */
function noticesOf({ report, key: { product } }: SnpClaimsInput): readonly string[] {
  const [current, committed] = [tcbOf(report.currentTcb, product), tcbOf(report.committedTcb, product)];
  const provisional = [
    ...(tcbText(current) === tcbText(committed) ? [] : [`tcb ${tcbText(current)}, committed ${tcbText(committed)}`]),
    ...(versionText(report.currentVersion) === versionText(report.committedVersion)
      ? []
      : [`version ${versionText(report.currentVersion)}, committed ${versionText(report.committedVersion)}`]),
  ];
  return provisional.length === 0
    ? []
    : [`provisional firmware runs (${provisional.join('; ')}): the host can roll it back until it commits it.`];
}

/** AMD lists revoked ASKs; VCEKs are superseded by new TCBs rather than revoked. */
function revocationCheck({ revocation }: VerifiedPath): Check {
  const spec = 'RFC 5280 §6.3';
  if (revocation.at(-1) === 'good') return pass('snp.revocation', spec, 'the intermediate is not on the crl of the root');
  return notChecked('snp.revocation', spec, 'no crl of the product root was supplied');
}

/** Firmware that may be rolled back no further is at most what runs now; what is reported may lie lower still. */
function tcbOrderCheck(report: SnpReport, { product }: EndorsementKey): Check {
  const [current, committed, reported] = [report.currentTcb, report.committedTcb, report.reportedTcb].map((tcb) =>
    tcbOf(tcb, product),
  );
  const spec = 'AMD 56860 §3.3';
  if (current === undefined || committed === undefined || reported === undefined)
    return notChecked('snp.tcb-order', spec, 'no tcb');
  const ordered = tcbAtMost(committed, current) && tcbAtMost(reported, current);
  const actual = `committed ${tcbText(committed)}; reported ${tcbText(reported)}; current ${tcbText(current)}`;
  const expected = 'committed and reported at most current';
  return ordered ? pass('snp.tcb-order', spec, actual, expected) : fail('snp.tcb-order', spec, expected, actual);
}

/** A migration agent can hand the guest to other machines, and nothing here verifies it. Its report id is all ones when there is none. */
function migrationCheck({ reportIdMa }: SnpReport): Check {
  const none = reportIdMa.every((byte) => byte === 0xff) || allZero(reportIdMa);
  return none
    ? pass('snp.migration-agent', ABI, 'none bound', 'none bound')
    : fail('snp.migration-agent', ABI, 'none bound', encodeHex(reportIdMa));
}

function detailsOf({ report, key, runtimeData }: SnpClaimsInput): SevSnpDetails {
  const { reserved: _, reservedOne: __, ...policy } = report.policy;
  return {
    version: report.version,
    guestSvn: report.guestSvn,
    vmpl: report.vmpl,
    signingKey: report.signingKey,
    policyBits: `0x${report.policyBits.toString(16)}`,
    policy,
    platformBits: `0x${report.platformBits.toString(16)}`,
    platform: report.platform,
    tcb: {
      current: tcbOf(report.currentTcb, key.product),
      reported: tcbOf(report.reportedTcb, key.product),
      committed: tcbOf(report.committedTcb, key.product),
      launch: tcbOf(report.launchTcb, key.product),
    },
    firmware: { current: versionText(report.currentVersion), committed: versionText(report.committedVersion) },
    mitigations: {
      launch: `0x${report.launchMitigations.toString(16)}`,
      current: `0x${report.currentMitigations.toString(16)}`,
    },
    familyId: encodeHex(report.familyId),
    imageId: encodeHex(report.imageId),
    reportId: encodeHex(report.reportId),
    reportIdMa: encodeHex(report.reportIdMa),
    authorKeyEnabled: report.authorKeyEnabled,
    chipKeyMasked: report.chipKeyMasked,
    cpuid: report.cpuid,
    ...(runtimeData === null ? {} : { runtimeData: runtimeData.text }),
  };
}

function versionText({ major, minor, build }: SnpVersion): string {
  return `${major}.${minor}.${build}`;
}
