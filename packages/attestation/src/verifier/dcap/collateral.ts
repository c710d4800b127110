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
import { crlCovers } from '../../certificates/crl.ts';
import { type VerifiedPath, verifyPath } from '../../certificates/path.ts';
import { checkRevocation } from '../../certificates/revocation.ts';
import { verifySignature } from '../../certificates/signature.ts';
import { readCertificate, type VerificationCache } from '../../certificates/verification-cache.ts';
import type { Certificate } from '../../certificates/x509.ts';
import { AttestationError } from '../../errors.ts';
import type { EnclaveIdentity } from '../../evidence/dcap/enclave-identity.ts';
import { SGX_EXTENSION_OID } from '../../evidence/dcap/pck-extensions.ts';
import type { TcbInfo } from '../../evidence/dcap/tcb-info.ts';
import type { Check } from '../../model/check.ts';
import type { Endorsement, Endorsements } from '../../model/endorsements.ts';
import { valueOr } from '../../value-or.ts';
import { companionFault, foreignCompanion, withCompanion } from '../companion-fault.ts';
import { documentsCheck, revocationCheck } from './collateral-checks.ts';
import { type CollateralPieces, collateralIn, type SignedDocument } from './collateral-pieces.ts';
import { inOrder } from './in-order.ts';
import type { PckChain } from './pck-chain.ts';

export interface PlatformCollateral {
  readonly tcbInfo: TcbInfo;
  readonly qeIdentity: EnclaveIdentity;
  /** Window in which every piece used is in date, epoch milliseconds. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** What the revocation lists say of the platform, and whether both documents are Intel's. */
  readonly checks: { readonly revocation: Check; readonly documents: Check };
}

export interface CollateralQuestion {
  readonly endorsements: Endorsements;
  readonly tee: 'sgx' | 'tdx';
  /** Authenticated chain of the platform. */
  readonly pck: PckChain;
  /** Epoch milliseconds. */
  readonly now: number;
  readonly cache: VerificationCache | undefined;
}

/** Collateral found authentic for a platform. */
interface Authenticated {
  readonly tee: 'sgx' | 'tdx';
  readonly pieces: CollateralPieces['all'];
  readonly collateral: PlatformCollateral;
}

/** A platform's collateral changes a few times a year. */
const RESULTS_KEPT = 4;

const collateralMemory = () => ({
  /** A PCK chain object stands for one exact chain under one root. */
  results: new WeakMap<PckChain, readonly Authenticated[]>(),
  /** The key that was found to have signed a document. Whose key it is, is asked for every platform. */
  signedBy: new WeakMap<SignedDocument<unknown>, Uint8Array>(),
});

/**
 * The authenticated collateral of a platform.
 * @throws {AttestationError} `dcap/collateral-missing` with `details.missing`, `dcap/collateral-expired`,
 * `dcap/collateral-not-yet-valid`, `dcap/tcb-info-mismatch`, `dcap/tcb-info-malformed`, `dcap/tcb-info-signature-invalid`,
 * `dcap/qe-identity-malformed`, `dcap/qe-identity-signature-invalid`, the `endorsements/` codes of {@link companionFault},
 * `dcap/tcb-signing-chain-invalid`, and the `certificate/` codes of paths and CRLs.
 */
export async function verifyCollateral(question: CollateralQuestion): Promise<PlatformCollateral> {
  const { endorsements, tee, pck, now, cache } = question;
  const pieces = collateralIn(endorsements, cache);
  const results = cache?.room(collateralMemory).results;
  const before = results?.get(pck) ?? [];
  const known = before.find((each) => each.tee === tee && isSameList(each.pieces, pieces.all));
  if (known !== undefined && now >= known.collateral.notBefore && now <= known.collateral.notAfter) return known.collateral;
  const collateral = await authenticate(pieces, question);
  results?.set(pck, [...before.slice(1 - RESULTS_KEPT), { tee, pieces: pieces.all, collateral }]);
  return collateral;
}

function isSameList(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((piece, index) => piece === b[index]);
}

async function authenticate(pieces: CollateralPieces, question: CollateralQuestion): Promise<PlatformCollateral> {
  const { tee, pck, now, cache } = question;
  refuseMissing(pieces, tee, pck);
  const tcbInfos = pieces.tcbInfos.filter(({ value }) => isForPlatform(value, tee, pck));
  if (tcbInfos.length === 0) {
    throwFault(pieces, 'tcb-info');
    throw new AttestationError(
      'dcap/tcb-info-mismatch',
      `expected ${tee} TCB info for FMSPC ${encodeHex(pck.extensions.fmspc)}, got it for other platforms only; fetch the right one`,
      { details: describePlatform(tee, pck) },
    );
  }
  const id = tee === 'tdx' ? 'TD_QE' : 'QE';
  const identities = pieces.identities.filter(({ value }) => value.id === id);
  if (identities.length === 0) {
    throwFault(pieces, 'enclave-identity');
    const got = [...new Set(pieces.identities.map(({ value }) => value.id))].join(' and ');
    throw foreignCompanion('the QE identity', `that of ${id} for a ${tee} quote`, `that of ${got}`, { expected: id });
  }
  const tcbInfo = chooseInDate(withSigners(tcbInfos, question, pieces), now, 'TCB info');
  const qeIdentity = chooseInDate(withSigners(identities, question, pieces), now, 'QE identity');
  const documents = [tcbInfo.document, qeIdentity.document];
  const signers = findSigners(documents, question, pieces);
  const issued = [
    { certificate: pck.leaf, issuer: pck.issuer },
    ...[pck.issuer, ...new Set(signers)].map((certificate) => ({ certificate, issuer: pck.root })),
  ];
  const paths = inOrder([...new Set(signers)].map((signer) => verifySigner(signer, question)));
  const bodies = documents.map((document, index) => verifySigned(document, signers[index] ?? pck.leaf, cache));
  const revocation = checkRevocation({ issued, crls: pieces.crls, requireCrls: true, now, cache });
  const [signerPaths, signed, standings] = await inOrder([paths, inOrder(bodies), revocation]);
  const lists = pieces.crls
    .filter((crl) => issued.some(({ certificate }) => crlCovers(crl, certificate)))
    .map(({ thisUpdate, nextUpdate }) => ({ notBefore: thisUpdate, notAfter: nextUpdate ?? thisUpdate }))
    .filter(({ notBefore, notAfter }) => notBefore <= now && now <= notAfter);
  const windows = [tcbInfo, qeIdentity, ...signerPaths, ...lists];
  return {
    tcbInfo: tcbInfo.document.value,
    qeIdentity: qeIdentity.document.value,
    notBefore: Math.max(...windows.map(({ notBefore }) => notBefore)),
    notAfter: Math.min(...windows.map(({ notAfter }) => notAfter)),
    checks: { revocation: revocationCheck(standings), documents: documentsCheck(documents, signed) },
  };
}

function refuseMissing(pieces: CollateralPieces, tee: 'sgx' | 'tdx', pck: PckChain): void {
  const missing = [
    ...(pieces.tcbInfos.length === 0 ? ['TCB info'] : []),
    ...(pieces.identities.length === 0 ? ['QE identity'] : []),
    ...(pieces.crls.some(({ issuer }) => equalBytes(issuer, pck.leaf.issuer)) ? [] : ['PCK CRL']),
    ...(pieces.crls.some(({ issuer }) => equalBytes(issuer, pck.root.subject)) ? [] : ['root CRL']),
  ];
  if (missing.length === 0) return;
  if (pieces.tcbInfos.length === 0) throwFault(pieces, 'tcb-info');
  if (pieces.identities.length === 0) throwFault(pieces, 'enclave-identity');
  if (missing.some((piece) => piece.endsWith('CRL'))) throwFault(pieces, 'crl');
  throw new AttestationError(
    'dcap/collateral-missing',
    `the quote's signatures are good, but its standing is unknown without ${missing.join(', ')}; fetch the collateral for ` +
      `FMSPC ${encodeHex(pck.extensions.fmspc)} and give it as endorsements`,
    { details: { missing, ...describePlatform(tee, pck) } },
  );
}

/** A piece that is missing because it could not be read is a broken piece, not a missing one. */
function throwFault(pieces: CollateralPieces, kind: Endorsement['kind']): void {
  const fault = pieces.faults.get(kind);
  if (fault !== undefined) throw companionFault(fault, NAMES[kind] ?? kind);
}

const NAMES: Readonly<Partial<Record<Endorsement['kind'], string>>> = {
  'tcb-info': 'the TCB info',
  'enclave-identity': 'the QE identity',
  crl: 'a revocation list of the collateral',
};

/** What a fetcher needs to ask Intel for. */
function describePlatform(tee: 'sgx' | 'tdx', pck: PckChain): Readonly<Record<string, string>> {
  const ca = pck.issuer.subjectText.includes('Processor') ? 'processor' : 'platform';
  return { tee, fmspc: encodeHex(pck.extensions.fmspc), pceId: encodeHex(pck.extensions.pceId), ca };
}

function isForPlatform(tcbInfo: TcbInfo, tee: 'sgx' | 'tdx', { extensions }: PckChain): boolean {
  return tcbInfo.tee === tee && equalBytes(tcbInfo.fmspc, extensions.fmspc) && equalBytes(tcbInfo.pceId, extensions.pceId);
}

interface Chosen<Value> {
  readonly document: SignedDocument<Value>;
  readonly notBefore: number;
  /** Ends early where another document would be preferred from then on. */
  readonly notAfter: number;
}

function chooseInDate<Value extends { issueDate: number; nextUpdate: number; evaluationNumber: number }>(
  documents: readonly SignedDocument<Value>[],
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

/** The signing certificate must be a direct and only child of the root that certified the platform. */
function verifySigner(signer: Certificate, { pck, now, cache }: CollateralQuestion): Promise<VerifiedPath> {
  const path = { chain: [signer], anchors: [pck.anchor], now, cache };
  return withCompanion('the TCB signing certificate of the collateral', () => verifyPath(path));
}

/** @returns the document, now known to be signed. */
async function verifySigned(
  document: SignedDocument<unknown>,
  { spki }: Certificate,
  cache: VerificationCache | undefined,
): Promise<SignedDocument<unknown>> {
  const signedBy = cache?.room(collateralMemory).signedBy;
  const before = signedBy?.get(document);
  if (before !== undefined && equalBytes(before, spki)) return document;
  const { kind, signature, body: message } = document.signed;
  // Intel writes r ‖ s; tools that keep collateral in a form of their own have turned it into DER.
  const signatureForm = signature.length === RAW_SIGNATURE_LENGTH ? 'raw' : 'der';
  if (!(await verifySignature({ spki, algorithm: ECDSA_SHA256, signature, message, signatureForm, cache }))) {
    throw new AttestationError(
      kind === 'tcb-info' ? 'dcap/tcb-info-signature-invalid' : 'dcap/qe-identity-signature-invalid',
      `expected ${kind} signed by Intel, got a bad signature; the document was changed, fetch it again`,
    );
  }
  signedBy?.set(document, spki);
  return document;
}

/** The documents whose signing certificate is at hand and in force; all of them where none is, so that the fault gets its name. */
function withSigners<Value>(
  documents: readonly SignedDocument<Value>[],
  question: CollateralQuestion,
  pieces: CollateralPieces,
): readonly SignedDocument<Value>[] {
  if (documents.length === 1) return documents;
  // Documents without a chain of their own share one list of certificates, which is read once.
  const byList = new Map<readonly Uint8Array[], boolean>();
  const sound = documents.filter((document) => {
    const list = candidatesOf(document, pieces);
    const isSound = byList.get(list) ?? hasSignerInForce(document, question, pieces);
    byList.set(list, isSound);
    return isSound;
  });
  return sound.length > 0 ? sound : documents;
}

function hasSignerInForce(document: SignedDocument<unknown>, question: CollateralQuestion, pieces: CollateralPieces): boolean {
  const signer = valueOr(() => findSigner(document, question, pieces, []), null);
  return signer !== null && signer.notBefore <= question.now && question.now <= signer.notAfter;
}

function candidatesOf(
  { signed: { issuerChain } }: SignedDocument<unknown>,
  { certificates }: CollateralPieces,
): readonly Uint8Array[] {
  return issuerChain.length === 0 ? certificates : issuerChain;
}

/** The signer of each document; the same object where two carry the same certificate, which they usually do. */
function findSigners(
  documents: readonly SignedDocument<unknown>[],
  question: CollateralQuestion,
  pieces: CollateralPieces,
): readonly Certificate[] {
  const found: Certificate[] = [];
  for (const document of documents) found.push(findSigner(document, question, pieces, found));
  return found;
}

/**
 * From its own issuer chain, in any order; a PCS answer kept without its headers finds its signer among all certificates. Intel
 * renews the certificate, so among several the one in force counts.
 */
function findSigner(
  document: SignedDocument<unknown>,
  { now, cache }: CollateralQuestion,
  pieces: CollateralPieces,
  known: readonly Certificate[],
): Certificate {
  const candidates = candidatesOf(document, pieces);
  let outOfDate: Certificate | null = null;
  for (const der of candidates) {
    const certificate = known.find((each) => equalBytes(each.der, der)) ?? readCandidate(der, cache);
    if (certificate === null || !isTcbSigner(certificate)) continue;
    if (certificate.notBefore <= now && now <= certificate.notAfter) return certificate;
    outOfDate ??= certificate;
  }
  if (outOfDate !== null) return outOfDate;
  if (candidates.length > 0)
    throw chainInvalid('expected an Intel SGX TCB Signing certificate in the issuer chain, got others');
  throw new AttestationError(
    'dcap/collateral-missing',
    `expected the issuer chain of ${document.signed.kind}, got none; give the TCB signing chain beside it`,
    { details: { missing: ['TCB signing chain'] } },
  );
}

/** Companions hold certificates of all vendors; one that cannot be read is not the one looked for. */
function readCandidate(der: Uint8Array, cache: VerificationCache | undefined): Certificate | null {
  return valueOr(() => readCertificate(der, cache), null);
}

/** The root also certifies CAs and, through them, platforms: none of those may speak about TCBs. */
function isTcbSigner({ subjectText, basicConstraints, extensions }: Certificate): boolean {
  const named = /(^|,)CN=Intel SGX TCB Signing(,|$)/.test(subjectText);
  return named && basicConstraints?.ca !== true && !extensions.has(SGX_EXTENSION_OID);
}

function chainInvalid(message: string): AttestationError {
  return new AttestationError('dcap/tcb-signing-chain-invalid', `${message}; fetch the collateral again`);
}
