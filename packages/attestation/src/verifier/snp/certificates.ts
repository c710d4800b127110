/**
 * Certificates for a report: which VCEK or VLEK endorses it, and the path from there to the product's pinned ARK.
 *   1. keys that came with the report or beside it, of the kind the report names; the one whose product, chip and TCB fit
 *   2. its issuer: the ASK or ASVK that was presented, else the built-in one. When certificates of AMD's hierarchy are presented,
 *      the key must descend from them: a chain of another product is refused even though the right one is at hand
 *   3. the path to the product's ARK at `now`, with the CRLs that were presented
 * Source: AMD 57230 §2 and §3; RFC 5280 §6.
 */

import { equalBytes } from '@assay/encoding/bytes';
import { encodeHex } from '@assay/encoding/hex';
import { parseJson } from '@assay/encoding/json';
import { loadedPart } from '@assay/encoding/loaded-part';
import { type CertificateList, parseCrl } from '../../certificates/crl.ts';
import { type VerifiedPath, verifyPath } from '../../certificates/path.ts';
import { resolveTrust } from '../../certificates/trust.ts';
import { readCertificate, type VerificationCache } from '../../certificates/verification-cache.ts';
import type { Certificate } from '../../certificates/x509.ts';
import { AttestationError } from '../../errors.ts';
import { thimCertificates } from '../../evidence/snp/json-evidence.ts';
import { vcekPaths } from '../../evidence/snp/kds.ts';
import { oakCertificates } from '../../evidence/snp/oak.ts';
import { productOfCpuid, type SnpCpuid, type SnpProduct } from '../../evidence/snp/product.ts';
import type { SnpReport } from '../../evidence/snp/report.ts';
import type { Endorsements } from '../../model/endorsements.ts';
import type { TrustAnchor, VerifyOptions } from '../../model/verification.ts';
import { companionFault, withCompanion } from '../companion-fault.ts';
import { type EndorsementKey, isEndorsementKey, parseEndorsementKey } from './endorsement-key.ts';
import { fitOf, type KeyFit } from './key-fit.ts';

/** Keys that are tried for a report, and issuers for a key; a report comes with one of each. Every try costs signature checks. */
const MAX_CANDIDATES = 16;

interface Hierarchy {
  readonly ark: TrustAnchor;
  /** DER. */
  readonly ask: Uint8Array;
  readonly asvk: Uint8Array;
}

/** AMD's certificates are the longest text of this package, so bundlers put them in a part that is loaded when they are needed. */
async function hierarchyOf(product: SnpProduct): Promise<Hierarchy> {
  const amd = await loadedPart("AMD's certificates", () => import('../../certificates/roots/amd.ts'));
  const hierarchies: Readonly<Record<SnpProduct, Hierarchy>> = {
    Milan: { ark: amd.AMD_ARK_MILAN, ask: amd.AMD_ASK_MILAN, asvk: amd.AMD_ASVK_MILAN },
    Genoa: { ark: amd.AMD_ARK_GENOA, ask: amd.AMD_ASK_GENOA, asvk: amd.AMD_ASVK_GENOA },
    Turin: { ark: amd.AMD_ARK_TURIN, ask: amd.AMD_ASK_TURIN, asvk: amd.AMD_ASVK_TURIN },
  };
  return hierarchies[product];
}

/** Every certificate at hand once, those in the evidence first. Ones that cannot be read are passed over: other vendors' lie there too. */
export function candidateCertificates(
  inEvidence: readonly Uint8Array[],
  endorsements: Endorsements,
  cache: VerificationCache | undefined,
): readonly Certificate[] {
  const beside = endorsements.flatMap((endorsement): readonly Uint8Array[] => {
    if (endorsement.kind === 'certificate') return [endorsement.der];
    if (endorsement.kind === 'bytes') return oakCertificates(endorsement.bytes);
    if (endorsement.kind !== 'json' || !endorsement.json.includes('"vcekCert"')) return [];
    return readable(() => thimCertificates(parseJson(endorsement.json))) ?? [];
  });
  const distinct = new Map([...inEvidence, ...beside].map((der) => [encodeHex(der), der]));
  return [...distinct.values()].flatMap((der) => readable(() => readCertificate(der, cache)) ?? []);
}

function readable<Value>(read: () => Value): Value | null {
  try {
    return read();
  } catch {
    return null;
  }
}

export interface KeyChoice {
  /** Keys that fit the report in kind, product, chip and TCB. */
  readonly fitting: readonly { readonly key: EndorsementKey; readonly checks: KeyFit }[];
  /** Where none fits: keys of the right kind, the closest first, with what does not fit. */
  readonly misfits: readonly { readonly key: EndorsementKey; readonly error: AttestationError }[];
}

/**
 * The keys that fit the report in kind, product, chip and TCB. When none fits: those that come close, with what is wrong with each. Never neither.
 * @throws {AttestationError} `snp/endorsement-key-missing`, `snp/endorsement-key-malformed`, `snp/product-unknown`, `endorsements/too-large`.
 *   The errors of misfits are `snp/product-mismatch`, `snp/chip-id-mismatch` and `snp/tcb-mismatch`.
 */
export function chooseKeys(
  report: SnpReport,
  certificates: readonly Certificate[],
  cache?: VerificationCache | undefined,
): KeyChoice {
  const product = report.cpuid === null ? null : productOfCpuid(report.cpuid);
  if (report.cpuid !== null && product === null) {
    throw new AttestationError(
      'snp/product-unknown',
      `expected the cpuid of Milan, Genoa or Turin in the report, got ${cpuidText(report.cpuid)}; a newer product needs a newer verifier`,
      {
        details: { ...report.cpuid },
      },
    );
  }
  const read = certificates.filter(isEndorsementKey).map((each) => readKey(each, cache));
  const ofKind = read.flatMap((each) => ('key' in each && each.key.kind === report.signingKey ? [each.key] : []));
  if (ofKind.length === 0) throw read.find((each) => 'fault' in each)?.fault ?? missing(report);
  const checked = ofKind.map((key) => ({ key, found: fitOf(key, report, product) }));
  const fitting = checked.flatMap(({ key, found }) => ('error' in found ? [] : [{ key, checks: found }]));
  if (fitting.length > MAX_CANDIDATES) throw tooMany(`${report.signingKey} certificates that fit the report`, fitting.length);
  if (fitting.length > 0) return { fitting, misfits: [] };
  const misfits = checked.flatMap(({ key, found }) => ('error' in found ? [{ key, ...found }] : []));
  return { fitting, misfits: misfits.sort((a, b) => b.closeness - a.closeness).slice(0, MAX_CANDIDATES) };
}

function tooMany(what: string, got: number): AttestationError {
  return new AttestationError(
    'endorsements/too-large',
    `expected at most ${MAX_CANDIDATES} ${what}, got ${got}; give only the companions of this evidence`,
  );
}

function cpuidText({ family, model, stepping }: SnpCpuid): string {
  return `family 0x${family.toString(16)} model 0x${model.toString(16)} stepping ${stepping}`;
}

/** A key that cannot be read spoils no other that lies beside it. */
function readKey(
  certificate: Certificate,
  cache: VerificationCache | undefined,
): { readonly key: EndorsementKey } | { readonly fault: unknown } {
  try {
    return { key: parseEndorsementKey(certificate, cache) };
  } catch (error) {
    return { fault: error };
  }
}

function missing(report: SnpReport): AttestationError {
  const fetch = vcekPaths(report);
  const where =
    fetch.length > 0 ? `fetch it from https://kdsintf.amd.com${fetch[0]}` : 'ask the operator of the machine for it';
  return new AttestationError(
    'snp/endorsement-key-missing',
    `expected the ${report.signingKey} certificate of the report, got none; ${where}`,
    { details: { signingKey: report.signingKey, fetch } },
  );
}

export interface KeyPathInput extends Pick<VerifyOptions, 'now' | 'trust' | 'cache'> {
  readonly key: EndorsementKey;
  /** Everything that was presented. */
  readonly certificates: readonly Certificate[];
  readonly lists: Lists;
}

/**
 * The path of a key to its product's ARK.
 * @throws {AttestationError} `snp/certificate-chain-mismatch`, `endorsements/too-large`, and those of {@link verifyPath} as {@link companionFault} sees them.
 */
export async function keyPath(input: KeyPathInput): Promise<VerifiedPath> {
  const path = await pathOf(input);
  const [unread] = input.lists.unread;
  if (unread !== undefined && path.revocation.includes('not-checked')) throw companionFault(unread, 'a revocation list');
  return path;
}

async function pathOf(input: KeyPathInput): Promise<VerifiedPath> {
  const { key, certificates, lists, now, trust, cache } = input;
  const { crls } = lists;
  const { ark, ask, asvk } = await hierarchyOf(key.product);
  const anchors = [ark, ...resolveTrust(trust).anchors];
  const presented = certificates.filter((each) => each.basicConstraints?.ca === true);
  refuseOtherHierarchy(key, presented);
  const builtIn = readCertificate(key.kind === 'vcek' ? ask : asvk, cache);
  const issuers = [...presented, builtIn].filter(({ subject }) => equalBytes(subject, key.certificate.issuer));
  if (issuers.length > MAX_CANDIDATES) throw tooMany(`certificates of ${builtIn.subjectText}`, issuers.length);
  let first: unknown;
  for (const issuer of issuers) {
    try {
      return await withCompanion(`the ${key.kind} and its issuers`, () =>
        verifyPath({ chain: [key.certificate, issuer], anchors, now, crls, cache }),
      );
    } catch (error) {
      first ??= error;
    }
  }
  throw first ?? new AttestationError('snp/certificate-chain-mismatch', `expected a key issued by ${builtIn.subjectText}`);
}

/** Among presented CAs of AMD's naming there must be the key's issuer, and among presented ARKs the one of its product. */
function refuseOtherHierarchy(key: EndorsementKey, presented: readonly Certificate[]): void {
  const intermediates = presented.filter(({ subjectText }) => /^(?:.*,)?CN=SEV-/.test(subjectText));
  const roots = presented.filter(({ subjectText }) => /^(?:.*,)?CN=ARK-/.test(subjectText));
  const hasIssuer =
    intermediates.length === 0 || intermediates.some(({ subject }) => equalBytes(subject, key.certificate.issuer));
  const hasRoot =
    roots.length === 0 || roots.some(({ subjectText }) => subjectText.split(',').includes(`CN=ARK-${key.product}`));
  if (hasIssuer && hasRoot) return;
  const got = [...intermediates, ...roots].map(({ subjectText }) => subjectText.match(/CN=[^,]*/)?.[0] ?? subjectText);
  throw new AttestationError(
    'snp/certificate-chain-mismatch',
    `expected the chain of a ${key.product} key (${key.certificate.issuerText}), got ${got.join(' and ')}; give the chain of this product, or none: it is built in`,
    { details: { issuer: key.certificate.issuerText, presented: got } },
  );
}

/** The revocation lists at hand, and why others could not be read. */
export interface Lists {
  readonly crls: readonly CertificateList[];
  readonly unread: readonly unknown[];
}

/** Every list among the endorsements; one that cannot be read counts only where the others leave revocation open. */
export function listsIn(endorsements: Endorsements): Lists {
  const crls: CertificateList[] = [];
  const unread: unknown[] = [];
  for (const each of endorsements) {
    if (each.kind !== 'crl') continue;
    try {
      crls.push(parseCrl(each.der));
    } catch (error) {
      unread.push(error);
    }
  }
  return { crls, unread };
}
