/**
 * The pieces of Intel's collateral among the endorsements, parsed. A piece that was parsed before is the same object again, also when it
 * comes in another array or in other bytes that are equal: what is known about it is found by it.
 *
 * Not checked here: signatures, dates and whom a piece is for; see collateral.ts.
 */

import { equalBytes } from '@assay/encoding/bytes';
import { BytesCache } from '../../certificates/bytes-cache.ts';
import { type CertificateList, parseCrl } from '../../certificates/crl.ts';
import type { VerificationCache } from '../../certificates/verification-cache.ts';
import { type EnclaveIdentity, parseEnclaveIdentity } from '../../evidence/dcap/enclave-identity.ts';
import { parseTcbInfo, type TcbInfo } from '../../evidence/dcap/tcb-info.ts';
import type { Endorsement, Endorsements } from '../../model/endorsements.ts';

/** A signed document, parsed; the bytes that its signature covers are `signed.body`. */
export interface SignedDocument<Value> {
  readonly signed: Extract<Endorsement, { kind: 'tcb-info' | 'enclave-identity' }>;
  readonly value: Value;
}

/** Why a piece could not be read. */
interface Unreadable {
  readonly kind: Endorsement['kind'];
  readonly fault: unknown;
}

type Piece = SignedDocument<TcbInfo> | SignedDocument<EnclaveIdentity> | CertificateList | Unreadable | Uint8Array;

export interface CollateralPieces {
  readonly tcbInfos: readonly SignedDocument<TcbInfo>[];
  readonly identities: readonly SignedDocument<EnclaveIdentity>[];
  readonly crls: readonly CertificateList[];
  /** DER of all certificates next to the documents. */
  readonly certificates: readonly Uint8Array[];
  /** Why pieces could not be read, by kind. It counts only when no other piece does the service. */
  readonly faults: ReadonlyMap<Endorsement['kind'], unknown>;
  /** All of them in their order: the same list of the same objects is the same collateral. */
  readonly all: readonly Piece[];
}

/** Documents and lists kept; a platform needs four. */
const PIECES_KEPT = 64;

const pieceMemory = () => ({
  /** Endorsements are never changed, so the same object is the same piece. */
  byObject: new WeakMap<Endorsement, Piece>(),
  documents: new BytesCache<SignedDocument<TcbInfo> | SignedDocument<EnclaveIdentity> | Unreadable>(PIECES_KEPT),
  lists: new BytesCache<CertificateList | Unreadable>(PIECES_KEPT),
});

/** Sorts out and parses what belongs to Intel's collateral; other endorsements are passed over. */
export function collateralIn(endorsements: Endorsements, cache: VerificationCache | undefined): CollateralPieces {
  const tcbInfos: SignedDocument<TcbInfo>[] = [];
  const identities: SignedDocument<EnclaveIdentity>[] = [];
  const crls: CertificateList[] = [];
  const certificates: Uint8Array[] = [];
  const faults = new Map<Endorsement['kind'], unknown>();
  const all: Piece[] = [];
  for (const endorsement of endorsements) {
    const piece = pieceOf(endorsement, cache);
    if (piece === null) continue;
    all.push(piece);
    if ('fault' in piece) faults.set(piece.kind, piece.fault);
    else if (endorsement.kind === 'tcb-info') tcbInfos.push(piece as SignedDocument<TcbInfo>);
    else if (endorsement.kind === 'enclave-identity') identities.push(piece as SignedDocument<EnclaveIdentity>);
    else if (endorsement.kind === 'crl') crls.push(piece as CertificateList);
    else certificates.push(piece as Uint8Array);
  }
  return { tcbInfos, identities, crls, certificates, faults, all };
}

function pieceOf(endorsement: Endorsement, cache: VerificationCache | undefined): Piece | null {
  if (endorsement.kind === 'certificate') return endorsement.der;
  if (endorsement.kind !== 'tcb-info' && endorsement.kind !== 'enclave-identity' && endorsement.kind !== 'crl') return null;
  if (cache === undefined) return parsed(endorsement);
  const memory = cache.room(pieceMemory);
  const known = memory.byObject.get(endorsement);
  if (known !== undefined) return known;
  const piece = endorsement.kind === 'crl' ? listOf(endorsement, memory.lists) : documentOf(endorsement, memory.documents);
  memory.byObject.set(endorsement, piece);
  return piece;
}

type Memory = ReturnType<typeof pieceMemory>;
type List = Extract<Endorsement, { kind: 'crl' }>;
type Signed = SignedDocument<unknown>['signed'];

function listOf(endorsement: List, lists: Memory['lists']): CertificateList | Unreadable {
  const known = lists.get(endorsement.der);
  if (known !== undefined) return known;
  const list = parsed(endorsement) as CertificateList | Unreadable;
  lists.set(endorsement.der, list);
  return list;
}

function documentOf(endorsement: Signed, documents: Memory['documents']) {
  const known = documents.get(endorsement.body);
  if (known !== undefined && 'signed' in known && isSame(known.signed, endorsement)) return known;
  const document = parsed(endorsement) as SignedDocument<TcbInfo> | SignedDocument<EnclaveIdentity> | Unreadable;
  documents.set(endorsement.body, document);
  return document;
}

/** Body and all: a document under another signature, or with another chain, is another piece. */
function isSame(a: Signed, b: Signed): boolean {
  return (
    a.kind === b.kind &&
    equalBytes(a.signature, b.signature) &&
    a.issuerChain.length === b.issuerChain.length &&
    a.issuerChain.every((der, index) => equalBytes(der, b.issuerChain[index] as Uint8Array))
  );
}

function parsed(endorsement: Signed | List): Exclude<Piece, Uint8Array> {
  try {
    if (endorsement.kind === 'crl') return parseCrl(endorsement.der);
    if (endorsement.kind === 'tcb-info') return { signed: endorsement, value: parseTcbInfo(endorsement.body) };
    return { signed: endorsement, value: parseEnclaveIdentity(endorsement.body) };
  } catch (fault) {
    return { kind: endorsement.kind, fault };
  }
}
