/**
 * Authenticates Intel's collateral for one platform and remembers the result. Proves, at `now`: TCB info and QE identity were
 * signed by Intel's TCB signing key under the root that certified the platform, are in date and meant for this platform and TEE;
 * neither the PCK, its CA nor the TCB signing certificate is on a CRL, and both CRLs are signed and in date.
 * Source: Intel DCAP quote verification library, specification items 4.1.2.5 to 4.1.2.9.
 *
 * Of several documents for one platform, the one in date with the highest tcbEvaluationDataNumber counts.
 */

import { equalBytes } from '@assay/encoding/bytes';
import { encodeHex } from '@assay/encoding/hex';
import { type CertificateList, crlCovers, parseCrl } from '../../certificates/crl.ts';
import { type VerifiedPath, verifyPath } from '../../certificates/path.ts';
import { checkRevocation } from '../../certificates/revocation.ts';
import { type SignatureCache, verifySignature } from '../../certificates/signature.ts';
import { type Certificate, parseCertificate } from '../../certificates/x509.ts';
import { AttestationError, type AttestationErrorCode } from '../../errors.ts';
import { type EnclaveIdentity, parseEnclaveIdentity } from '../../evidence/dcap/enclave-identity.ts';
import { SGX_EXTENSION_OID } from '../../evidence/dcap/pck-extensions.ts';
import { parseTcbInfo, type TcbInfo } from '../../evidence/dcap/tcb-info.ts';
import type { Endorsement, Endorsements } from '../../model/endorsements.ts';
import { companionFault, foreignCompanion, withCompanion } from '../companion-fault.ts';
import type { PckChain } from './pck-chain.ts';

export interface PlatformCollateral {
  readonly tcbInfo: TcbInfo;
  readonly qeIdentity: EnclaveIdentity;
  /** Window in which every piece used is in date, epoch milliseconds. */
  readonly notBefore: number;
  readonly notAfter: number;
}

type SignedPiece = Extract<Endorsement, { kind: 'tcb-info' | 'enclave-identity' }>;

/** A signed document beside the piece it came in. */
interface Document<Value> {
  readonly piece: SignedPiece;
  readonly value: Value;
}

/** One bag of endorsements, parsed once. */
interface ParsedBag {
  readonly tcbInfos: readonly Document<TcbInfo>[];
  readonly identities: readonly Document<EnclaveIdentity>[];
  readonly crls: readonly CertificateList[];
  readonly certificates: readonly Uint8Array[];
  /** Why pieces could not be read, by kind. It counts only when no other piece does the service. */
  readonly faults: ReadonlyMap<Endorsement['kind'], AttestationError>;
  /** The key that was found to have signed a document. Whose key it is, is asked for every platform. */
  readonly signedBy: Map<SignedPiece, Uint8Array>;
  /** Results by platform; a PCK chain object stands for one exact chain under one root. */
  readonly results: Record<'sgx' | 'tdx', WeakMap<PckChain, PlatformCollateral>>;
}

const bags = /* @__PURE__ */ new WeakMap<Endorsements, ParsedBag>();

/**
 * The authenticated collateral of a platform.
 * @param endorsements the bag; parsed once per array object, so reuse the array for many quotes and never change it.
 * @param pck authenticated chain of the platform.
 * @param now epoch milliseconds.
 * @throws {AttestationError} `dcap/collateral-missing` with `details.missing`, `dcap/collateral-expired`,
 * `dcap/collateral-not-yet-valid`, `dcap/tcb-info-mismatch`, `dcap/tcb-info-malformed`, `dcap/tcb-info-signature-invalid`,
 * `dcap/qe-identity-malformed`, `dcap/qe-identity-signature-invalid`, the `endorsements/` codes of {@link companionFault},
 * `dcap/tcb-signing-chain-invalid`, and the `certificate/` codes of paths and CRLs.
 */
export async function verifyCollateral(
  endorsements: Endorsements,
  tee: 'sgx' | 'tdx',
  pck: PckChain,
  now: number,
): Promise<PlatformCollateral> {
  let bag = bags.get(endorsements);
  if (bag === undefined) {
    bag = parseBag(endorsements);
    bags.set(endorsements, bag);
  }
  const before = bag.results[tee].get(pck);
  if (before !== undefined && now >= before.notBefore && now <= before.notAfter) return before;
  const collateral = await authenticate(bag, tee, pck, now);
  bag.results[tee].set(pck, collateral);
  return collateral;
}

function parseBag(endorsements: Endorsements): ParsedBag {
  const tcbInfos: Document<TcbInfo>[] = [];
  const identities: Document<EnclaveIdentity>[] = [];
  const crls: CertificateList[] = [];
  const certificates: Uint8Array[] = [];
  const faults = new Map<Endorsement['kind'], AttestationError>();
  for (const piece of endorsements) {
    try {
      if (piece.kind === 'tcb-info') tcbInfos.push({ piece, value: parseTcbInfo(piece.body) });
      else if (piece.kind === 'enclave-identity') identities.push({ piece, value: parseEnclaveIdentity(piece.body) });
      else if (piece.kind === 'crl') crls.push(parseCrl(piece.der));
      else if (piece.kind === 'certificate') certificates.push(piece.der);
    } catch (error) {
      if (!AttestationError.is(error)) throw error;
      faults.set(piece.kind, error);
    }
  }
  const results = { sgx: new WeakMap(), tdx: new WeakMap() };
  return { tcbInfos, identities, crls, certificates, faults, signedBy: new Map(), results };
}

async function authenticate(bag: ParsedBag, tee: 'sgx' | 'tdx', pck: PckChain, now: number): Promise<PlatformCollateral> {
  refuseMissing(bag, tee, pck);
  const tcbInfos = bag.tcbInfos.filter(({ value }) => isForPlatform(value, tee, pck));
  if (tcbInfos.length === 0) {
    throwFault(bag, 'tcb-info');
    throw new AttestationError(
      'dcap/tcb-info-mismatch',
      `expected ${tee} TCB info for FMSPC ${encodeHex(pck.extensions.fmspc)}, got it for other platforms only; fetch the right one`,
      { details: describePlatform(tee, pck) },
    );
  }
  const id = tee === 'tdx' ? 'TD_QE' : 'QE';
  const identities = bag.identities.filter(({ value }) => value.id === id);
  if (identities.length === 0) {
    throwFault(bag, 'enclave-identity');
    const got = [...new Set(bag.identities.map(({ value }) => value.id))].join(' and ');
    throw foreignCompanion('the QE identity', `that of ${id} for a ${tee} quote`, `that of ${got}`, { expected: id });
  }
  const tcbInfo = chooseInDate(withSigners(tcbInfos, bag, now), now, 'TCB info');
  const qeIdentity = chooseInDate(withSigners(identities, bag, now), now, 'QE identity');
  const pieces = [tcbInfo.document.piece, qeIdentity.document.piece];
  const signers = findSigners(pieces, bag, now);
  const issued = [
    { certificate: pck.leaf, issuer: pck.issuer },
    ...[pck.issuer, ...new Set(signers)].map((certificate) => ({ certificate, issuer: pck.root })),
  ];
  const paths = Promise.all([...new Set(signers)].map((signer) => verifySigner(signer, pck, now)));
  const bodies = pieces.map((piece, index) => verifySigned(piece, signers[index] ?? pck.leaf, bag, pck.signatures));
  const revocation = checkRevocation({ issued, crls: bag.crls, requireCrls: true, now, cache: pck.signatures });
  await firstFault([paths, ...bodies, revocation]);
  const lists = bag.crls
    .filter((crl) => issued.some(({ certificate }) => crlCovers(crl, certificate)))
    .map(({ thisUpdate, nextUpdate }) => ({ notBefore: thisUpdate, notAfter: nextUpdate ?? thisUpdate }))
    .filter(({ notBefore, notAfter }) => notBefore <= now && now <= notAfter);
  const windows = [tcbInfo, qeIdentity, ...(await paths), ...lists];
  return {
    tcbInfo: tcbInfo.document.value,
    qeIdentity: qeIdentity.document.value,
    notBefore: Math.max(...windows.map(({ notBefore }) => notBefore)),
    notAfter: Math.min(...windows.map(({ notAfter }) => notAfter)),
  };
}

/** Lets all checks end, then throws the fault of the first in the list that has one: the same defects, the same error. */
async function firstFault(checks: readonly Promise<unknown>[]): Promise<void> {
  for (const check of await Promise.allSettled(checks)) if (check.status === 'rejected') throw check.reason;
}

function refuseMissing(bag: ParsedBag, tee: 'sgx' | 'tdx', pck: PckChain): void {
  const missing = [
    ...(bag.tcbInfos.length === 0 ? ['TCB info'] : []),
    ...(bag.identities.length === 0 ? ['QE identity'] : []),
    ...(bag.crls.some(({ issuer }) => equalBytes(issuer, pck.leaf.issuer)) ? [] : ['PCK CRL']),
    ...(bag.crls.some(({ issuer }) => equalBytes(issuer, pck.root.subject)) ? [] : ['root CRL']),
  ];
  if (missing.length === 0) return;
  if (bag.tcbInfos.length === 0) throwFault(bag, 'tcb-info');
  if (bag.identities.length === 0) throwFault(bag, 'enclave-identity');
  if (missing.some((piece) => piece.endsWith('CRL'))) throwFault(bag, 'crl');
  throw new AttestationError(
    'dcap/collateral-missing',
    `the quote's signatures are good, but its standing is unknown without ${missing.join(', ')}; fetch the collateral for ` +
      `FMSPC ${encodeHex(pck.extensions.fmspc)} and give it as endorsements`,
    { details: { missing, ...describePlatform(tee, pck) } },
  );
}

/** A piece that is missing because it could not be read is a broken piece, not a missing one. */
function throwFault(bag: ParsedBag, kind: Endorsement['kind']): void {
  const fault = bag.faults.get(kind);
  if (fault !== undefined) throw companionFault(fault, NAMES[kind] ?? kind);
}

const NAMES: Readonly<Partial<Record<Endorsement['kind'], string>>> = {
  'tcb-info': 'the TCB info',
  'enclave-identity': 'the QE identity',
  crl: 'a revocation list of the collateral',
};

/** What a fetcher needs to ask Intel for. */
function describePlatform(tee: 'sgx' | 'tdx', pck: PckChain): Readonly<Record<string, string>> {
  const ca = pck.leaf.issuerText.includes('Processor') ? 'processor' : 'platform';
  return { tee, fmspc: encodeHex(pck.extensions.fmspc), pceId: encodeHex(pck.extensions.pceId), ca };
}

function isForPlatform(tcbInfo: TcbInfo, tee: 'sgx' | 'tdx', { extensions }: PckChain): boolean {
  return tcbInfo.tee === tee && equalBytes(tcbInfo.fmspc, extensions.fmspc) && equalBytes(tcbInfo.pceId, extensions.pceId);
}

interface Chosen<Value> {
  readonly document: Document<Value>;
  readonly notBefore: number;
  /** Ends early where another document would be preferred from then on. */
  readonly notAfter: number;
}

function chooseInDate<Value extends { issueDate: number; nextUpdate: number; evaluationNumber: number }>(
  documents: readonly Document<Value>[],
  now: number,
  name: string,
): Chosen<Value> {
  const [best] = documents
    .filter(({ value }) => value.issueDate <= now && now <= value.nextUpdate)
    .sort((a, b) => b.value.evaluationNumber - a.value.evaluationNumber || b.value.issueDate - a.value.issueDate);
  const later = documents.filter(({ value }) => value.issueDate > now).map(({ value }) => value.issueDate - 1);
  if (best !== undefined) {
    const { issueDate, nextUpdate } = best.value;
    return { document: best, notBefore: issueDate, notAfter: Math.min(nextUpdate, ...later) };
  }
  const at = new Date(now).toISOString();
  if (later.length === documents.length) {
    throw new AttestationError(
      'dcap/collateral-not-yet-valid',
      `expected ${name} issued by ${at}, got it from later; check the time`,
    );
  }
  const end = new Date(Math.max(...documents.map(({ value }) => value.nextUpdate))).toISOString();
  throw new AttestationError(
    'dcap/collateral-expired',
    `expected ${name} in date at ${at}, got one until ${end}; fetch it again`,
    {
      details: { nextUpdate: end },
    },
  );
}

const ECDSA_SHA256 = { name: 'ECDSA', hash: 'SHA-256' } as const;
const RAW_SIGNATURE_LENGTH = 64; // bytes

const SIGNATURE_CODES = {
  'tcb-info': 'dcap/tcb-info-signature-invalid',
  'enclave-identity': 'dcap/qe-identity-signature-invalid',
} as const satisfies Record<SignedPiece['kind'], AttestationErrorCode>;

/** The signing certificate must be a direct and only child of the root that certified the platform. */
function verifySigner(signer: Certificate, pck: PckChain, now: number): Promise<VerifiedPath> {
  const path = { chain: [signer], anchors: [pck.anchor], now, cache: pck.signatures };
  return withCompanion('the TCB signing certificate of the collateral', () => verifyPath(path));
}

async function verifySigned(piece: SignedPiece, { spki }: Certificate, bag: ParsedBag, cache: SignatureCache): Promise<void> {
  const before = bag.signedBy.get(piece);
  if (before !== undefined && equalBytes(before, spki)) return;
  const { signature, body: message } = piece;
  // Intel writes r ‖ s; tools that keep collateral in a form of their own have turned it into DER.
  const signatureForm = signature.length === RAW_SIGNATURE_LENGTH ? 'raw' : 'der';
  if (!(await verifySignature({ spki, algorithm: ECDSA_SHA256, signature, message, signatureForm, cache }))) {
    throw new AttestationError(
      SIGNATURE_CODES[piece.kind],
      `expected ${piece.kind} signed by Intel, got a bad signature; the document was changed, fetch it again`,
    );
  }
  bag.signedBy.set(piece, spki);
}

/** The documents whose signing certificate is at hand and in force; all of them where none is, so that the fault gets its name. */
function withSigners<Value>(documents: readonly Document<Value>[], bag: ParsedBag, now: number): readonly Document<Value>[] {
  if (documents.length === 1) return documents;
  const sound = documents.filter(({ piece }) => {
    try {
      const { notBefore, notAfter } = findSigner(piece, bag, [], now);
      return notBefore <= now && now <= notAfter;
    } catch (error) {
      if (AttestationError.is(error)) return false;
      throw error;
    }
  });
  return sound.length > 0 ? sound : documents;
}

/** The signer of each piece; the same object where two pieces carry the same certificate, which they usually do. */
function findSigners(pieces: readonly SignedPiece[], bag: ParsedBag, now: number): readonly Certificate[] {
  const found: Certificate[] = [];
  for (const piece of pieces) found.push(findSigner(piece, bag, found, now));
  return found;
}

/**
 * From its own issuer chain, in any order; a PCS answer kept without its headers finds its signer among all certificates. Intel
 * renews the certificate, so among several the one in force counts.
 */
function findSigner(piece: SignedPiece, bag: ParsedBag, known: readonly Certificate[], now: number): Certificate {
  const candidates = piece.issuerChain.length === 0 ? bag.certificates : piece.issuerChain;
  let outOfDate: Certificate | null = null;
  for (const der of candidates) {
    const certificate = known.find((each) => equalBytes(each.der, der)) ?? parseCandidate(der);
    if (certificate === null || !isTcbSigner(certificate)) continue;
    if (certificate.notBefore <= now && now <= certificate.notAfter) return certificate;
    outOfDate ??= certificate;
  }
  if (outOfDate !== null) return outOfDate;
  if (candidates.length > 0)
    throw chainInvalid('expected an Intel SGX TCB Signing certificate in the issuer chain, got others');
  throw new AttestationError(
    'dcap/collateral-missing',
    `expected the issuer chain of ${piece.kind}, got none; give the TCB signing chain beside it`,
    { details: { missing: ['TCB signing chain'] } },
  );
}

/** Companions hold certificates of all vendors; one that cannot be read is not the one looked for. */
function parseCandidate(der: Uint8Array): Certificate | null {
  try {
    return parseCertificate(der);
  } catch (error) {
    if (AttestationError.is(error)) return null;
    throw error;
  }
}

/** The root also certifies CAs and, through them, platforms: none of those may speak about TCBs. */
function isTcbSigner({ subjectText, basicConstraints, extensions }: Certificate): boolean {
  const named = /(^|,)CN=Intel SGX TCB Signing(,|$)/.test(subjectText);
  return named && basicConstraints?.ca !== true && !extensions.has(SGX_EXTENSION_OID);
}

function chainInvalid(message: string): AttestationError {
  return new AttestationError('dcap/tcb-signing-chain-invalid', `${message}; fetch the collateral again`);
}
