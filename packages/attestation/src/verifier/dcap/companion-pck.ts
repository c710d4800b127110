/**
 * The PCK certificate of a quote that does not carry its chain: certification data 1 to 3 name it, 4 is the leaf alone, 7 is a platform
 * manifest for Intel's registration service. Certificate and CA are looked for among the endorsements (and in the data of type 4).
 * Which certificate is the right one is settled by its key: it signed the QE report. Then the chain is authenticated as any other.
 * PPID and PCEID narrow the search; CPUSVN and PCESVN do not, because Intel certifies a platform at the TCB level it reaches, which
 * may be lower. Source: Intel SGX ECDSA QuoteLibReference DCAP API, appendix A.4.
 */

import { decodeUtf8, equalBytes } from '@assay/encoding/bytes';
import { encodeHex } from '@assay/encoding/hex';
import { decodePem } from '@assay/encoding/pem';
import { verifySignature } from '../../certificates/signature.ts';
import { readCertificate, type VerificationCache } from '../../certificates/verification-cache.ts';
import { type Certificate, parseCertificate } from '../../certificates/x509.ts';
import { AttestationError } from '../../errors.ts';
import { type CertificationId, certificationId } from '../../evidence/dcap/certification-id.ts';
import { parsePckExtensions, SGX_EXTENSION_OID } from '../../evidence/dcap/pck-extensions.ts';
import type { DcapQuote } from '../../evidence/dcap/quote.ts';
import type { Endorsements } from '../../model/endorsements.ts';
import type { TrustAnchor } from '../../model/verification.ts';
import { valueOr } from '../../value-or.ts';
import { withCompanion } from '../companion-fault.ts';
import { authenticateChain, isPckCertificate, type PckChain } from './pck-chain.ts';

const LEAF_DATA = 4;
/** Each candidate costs a signature check; a platform has a handful of certificates. */
const MAX_CANDIDATES = 64;
const ECDSA_SHA256 = { name: 'ECDSA', hash: 'SHA-256' } as const;

/**
 * @throws {AttestationError} `dcap/pck-certificate-missing`, `dcap/qe-report-signature-invalid` when the very certificate that the quote
 * names did not sign, `dcap/pck-chain-invalid`, `dcap/pck-extensions-malformed` and the `certificate/` codes of path validation.
 */
export async function findPckChain(
  quote: Pick<DcapQuote, 'certification' | 'qeReport' | 'qeReportSignature'>,
  anchors: readonly TrustAnchor[],
  endorsements: Endorsements,
  now: number,
  cache: VerificationCache | undefined,
): Promise<PckChain> {
  const { certification } = quote;
  const own = certification.type === LEAF_DATA ? [readLeaf(certification.data)] : [];
  const given = endorsements.flatMap((piece) => (piece.kind === 'certificate' ? parsed(piece.der, cache) : []));
  const id = certificationId(certification);
  const leaves = (certification.type === LEAF_DATA ? own : given).filter(isPckCertificate);
  const candidates = leaves.filter((leaf) => id === null || isNamed(leaf, id));
  const leaf = await signerOf(quote, candidates.slice(0, MAX_CANDIDATES), cache);
  if (leaf === null) {
    const named = certification.type === LEAF_DATA ? candidates.length > 0 : candidates.some((each) => isExactly(each, id));
    throw named ? unsigned() : missing('PCK certificate', id);
  }
  const authorities = [...own, ...given];
  const issuer = await issuerOf(leaf, authorities, anchors, cache);
  if (issuer === null) throw missing('CA that issued the PCK certificate', id);
  const root = authorities.find(({ spki }) => isPinned(spki, anchors)) ?? pinnedRoot(anchors, issuer, cache);
  if (root === null) throw missing('root certificate', id);
  const parts = { leaf, issuer, root };
  return withCompanion('the PCK certificate chain', () => authenticateChain(parts, { anchors, now, cache }));
}

function isNamed(leaf: Certificate, { ppid, pceId }: CertificationId): boolean {
  const extensions = extensionsOf(leaf);
  return extensions !== null && equalBytes(extensions.pceId, pceId) && (ppid === null || equalBytes(extensions.ppid, ppid));
}

/** The quote names this certificate and no other: same platform, same TCB. */
function isExactly(leaf: Certificate, id: CertificationId | null): boolean {
  const extensions = extensionsOf(leaf);
  if (extensions === null || id === null || id.ppid === null || !isNamed(leaf, id)) return false;
  return equalBytes(extensions.cpuSvn, id.cpuSvn) && extensions.pceSvn === id.pceSvn;
}

function extensionsOf(leaf: Certificate): ReturnType<typeof parsePckExtensions> | null {
  return valueOr(() => parsePckExtensions(leaf.extensions.get(SGX_EXTENSION_OID)?.value ?? new Uint8Array(0)), null);
}

async function signerOf(
  { qeReport, qeReportSignature: signature }: Pick<DcapQuote, 'qeReport' | 'qeReportSignature'>,
  candidates: readonly Certificate[],
  cache: VerificationCache | undefined,
): Promise<Certificate | null> {
  for (const candidate of candidates) {
    const input = { spki: candidate.spki, algorithm: ECDSA_SHA256, signature, message: qeReport.raw, cache } as const;
    if (await verifySignature({ ...input, signatureForm: 'raw' })) return candidate;
  }
  return null;
}

/** Several CAs can bear one name; the one whose key signed the leaf is meant. */
async function issuerOf(
  leaf: Certificate,
  authorities: readonly Certificate[],
  anchors: readonly TrustAnchor[],
  cache: VerificationCache | undefined,
): Promise<Certificate | null> {
  const { signatureAlgorithm: algorithm, signature, tbs: message } = leaf;
  const named = authorities.filter(
    ({ subject, basicConstraints, spki }) =>
      equalBytes(subject, leaf.issuer) && basicConstraints?.ca === true && !isPinned(spki, anchors),
  );
  for (const issuer of named.slice(0, MAX_CANDIDATES)) {
    if (await verifySignature({ spki: issuer.spki, algorithm, signature, message, cache })) return issuer;
  }
  return named[0] ?? null;
}

function isPinned(spki: Uint8Array, anchors: readonly TrustAnchor[]): boolean {
  return anchors.some((anchor) => equalBytes(anchor.spki, spki));
}

/** The certificate that came with the pinned key, where the companions hold none. */
function pinnedRoot(
  anchors: readonly TrustAnchor[],
  issuer: Certificate,
  cache: VerificationCache | undefined,
): Certificate | null {
  const roots = anchors.flatMap(({ certificate }) => (certificate === null ? [] : parsed(certificate, cache)));
  return roots.find(({ subject }) => equalBytes(subject, issuer.issuer)) ?? null;
}

/** Companions hold certificates of all vendors; one that cannot be read is not the one looked for. */
function parsed(der: Uint8Array, cache: VerificationCache | undefined): readonly Certificate[] {
  return valueOr(() => [readCertificate(der, cache)], []);
}

/** Type 4 is one certificate; a chain under this type is a chain whose type was changed. */
function readLeaf(data: Uint8Array): Certificate {
  const [leaf, ...more] = valueOr(() => decodePem(decodeUtf8(data)), []);
  if (leaf !== undefined && more.length === 0) return parseCertificate(leaf.der);
  throw new AttestationError(
    'dcap/pck-chain-invalid',
    'expected one PEM certificate in certification data 4, got something else',
  );
}

function missing(what: string, id: CertificationId | null): AttestationError {
  const named = id === null ? {} : { pceId: encodeHex(id.pceId), cpuSvn: encodeHex(id.cpuSvn), pceSvn: id.pceSvn };
  return new AttestationError(
    'dcap/pck-certificate-missing',
    `expected the ${what} of this quote among the endorsements, got none that fits; ask Intel's provisioning service for the ` +
      'certificate with its issuer chain and give both, or have the platform quote with its PCK chain',
    { details: { missing: what, ...named, ...(id?.ppid ? { ppid: encodeHex(id.ppid) } : {}) } },
  );
}

function unsigned(): AttestationError {
  return new AttestationError(
    'dcap/qe-report-signature-invalid',
    'expected the report of the quoting enclave signed by the PCK that the quote names, got something else; the quote was changed or made up',
  );
}
