/**
 * The PCK certificate chain of a quote: leaf (provisioning certification key), CA, root. Proves that Intel certified this
 * platform's key. Source: Intel SGX PCK Certificate and CRL Profile Specification.
 * Not checked here: revocation, which needs collateral.
 */

import { decodeUtf8, equalBytes } from '@assay/encoding/bytes';
import { EncodingError } from '@assay/encoding/errors';
import { decodePem } from '@assay/encoding/pem';
import { anchorDigest } from '../../certificates/anchor.ts';
import { BytesCache } from '../../certificates/bytes-cache.ts';
import { verifyPath } from '../../certificates/path.ts';
import { verifySignature } from '../../certificates/signature.ts';
import { readOwnCertificate, type VerificationCache } from '../../certificates/verification-cache.ts';
import type { Certificate, Extension } from '../../certificates/x509.ts';
import { AttestationError } from '../../errors.ts';
import { type PckExtensions, parsePckExtensions, SGX_EXTENSION_OID } from '../../evidence/dcap/pck-extensions.ts';
import { type CertificationData, PCK_CHAIN_DATA } from '../../evidence/dcap/quote.ts';
import { type Check, pass } from '../../model/check.ts';
import type { TrustAnchor } from '../../model/verification.ts';
import { inOrder } from './in-order.ts';
import { pemBlocks } from './pem-blocks.ts';

export interface PckChain extends PckCertificates {
  readonly anchor: TrustAnchor;
  /** SHA-256 of the anchor's key, lower-case hex. */
  readonly anchorDigest: string;
  readonly extensions: PckExtensions;
  /** Window in which all certificates are valid, epoch milliseconds. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** That the chain was verified. */
  readonly check: Check;
}

/** Types of certification data that name a certificate, or hold the leaf alone; companion-pck.ts looks for the rest. */
const REFERENCES = [1, 2, 3, 4, 7];
/** A verifier sees few platforms at a time; a chain takes about 20 KiB. */
const CHAINS_KEPT = 256;
/** Genuine chains have about 3,700 bytes. */
const MAX_CHAIN_LENGTH = 1 << 16;

/** PEM blocks by their exact bytes. */
const blockMemory = (): BytesCache<readonly Certificate[]> => new BytesCache(2 * CHAINS_KEPT);

/** Chains by their exact bytes. */
const platformMemory = (): BytesCache<PckChain> => new BytesCache(CHAINS_KEPT);

/** The three certificates of a chain, told apart. */
export interface PckCertificates {
  /** Provisioning certification key. */
  readonly leaf: Certificate;
  readonly issuer: Certificate;
  readonly root: Certificate;
}

/** True when the certification data refers to a certificate that stands elsewhere. */
export function refersToCertificate({ type }: CertificationData): boolean {
  return REFERENCES.includes(type);
}

/**
 * The chain in certification data; companion-pck.ts looks for the certificate where a quote only names it.
 * @throws {AttestationError} `dcap/certification-data-unsupported`, `dcap/pck-chain-invalid`.
 */
export function readPckChain(
  certification: CertificationData,
  cache: VerificationCache | undefined,
): PckCertificates | PckChain {
  if (certification.type !== PCK_CHAIN_DATA) {
    throw new AttestationError(
      'dcap/certification-data-unsupported',
      `expected certification data type 1 to 5 or 7, got type ${certification.type}; have the platform quote with its PCK chain`,
      { details: { type: certification.type } },
    );
  }
  return cache?.room(platformMemory).get(certification.data) ?? sortChain(readCertificates(certification.data, cache));
}

export interface PckChainQuestion {
  /** Roots to accept. */
  readonly anchors: readonly TrustAnchor[];
  /** Epoch milliseconds. */
  readonly now: number;
  readonly cache: VerificationCache | undefined;
}

/**
 * Authenticates the chain that {@link readPckChain} read from `certification`.
 * @throws {AttestationError} `dcap/pck-chain-invalid`, `dcap/pck-extensions-malformed`, and the `certificate/` codes of path validation.
 */
export async function verifyPckChain(
  read: PckCertificates | PckChain,
  { data }: CertificationData,
  question: PckChainQuestion,
): Promise<PckChain> {
  const { anchors, now, cache } = question;
  if ('anchor' in read && now >= read.notBefore && now <= read.notAfter && isAccepted(read.anchor, anchors)) return read;
  const chain = await authenticateChain(read, question);
  cache?.room(platformMemory).set(data, chain);
  return chain;
}

/** The anchor that a chain was found to lead to is the one that these anchors would find for it. */
function isAccepted(anchor: TrustAnchor, anchors: readonly TrustAnchor[]): boolean {
  const found = anchors.find(({ spki }) => spki === anchor.spki || equalBytes(spki, anchor.spki));
  if (found === undefined || found.simulated !== anchor.simulated) return false;
  const [named, kept] = [found.certificate, anchor.certificate]; // its dates count
  return named === kept || (named !== null && kept !== null && equalBytes(named, kept));
}

/**
 * What {@link verifyPckChain} does once the three certificates are told apart.
 * @throws {AttestationError} as {@link verifyPckChain}.
 */
export async function authenticateChain(
  { leaf, issuer, root }: PckCertificates,
  { anchors, now, cache }: PckChainQuestion,
): Promise<PckChain> {
  const extension = leaf.extensions.get(SGX_EXTENSION_OID) as Extension;
  const [path, rootIsSigned] = await inOrder([
    verifyPath({ chain: [leaf, issuer, root], anchors, now, cache }),
    isSelfSigned(root, cache),
  ]);
  const { chain, anchor, notBefore, notAfter } = path;
  if (chain.length !== 2 || !equalBytes(root.spki, anchor.spki)) {
    throw invalid('expected the root, and only it, to carry a pinned key');
  }
  if (!rootIsSigned) throw invalid('expected a root that signs itself, got a bad signature');
  if (now < root.notBefore || now > root.notAfter) throw invalid('expected a root in force, got one out of date');
  return {
    leaf,
    issuer,
    root,
    anchor,
    anchorDigest: anchorDigest(anchor),
    extensions: parsePckExtensions(extension.value),
    notBefore: Math.max(notBefore, root.notBefore),
    notAfter: Math.min(notAfter, root.notAfter),
    check: pass('dcap.pck-chain', 'Intel PCK certificate profile §1.3', 'chains to a pinned root'),
  };
}

/** Provisioning services have written the three in more than one order; each is known by what it is, as in Intel's library. */
function sortChain(certificates: readonly Certificate[]): PckCertificates {
  const leaf = certificates.find(isPckCertificate);
  const root = certificates.find(({ subject, issuer }) => equalBytes(subject, issuer));
  const issuer = certificates.find((each) => each !== leaf && each !== root);
  if (leaf !== undefined && root !== undefined && issuer !== undefined && certificates.length === 3)
    return { leaf, issuer, root };
  const got = certificates.map(({ subjectText }) => subjectText).join('; ');
  throw invalid(`expected a PCK certificate with Intel's SGX extension, its CA and the root, got ${got}`);
}

/** A leaf with Intel's SGX extension. */
export function isPckCertificate({ extensions, basicConstraints }: Certificate): boolean {
  return extensions.has(SGX_EXTENSION_OID) && basicConstraints?.ca !== true;
}

/** The pinned key settles trust; its own signature settles that the rest of the certificate is as it was issued. */
function isSelfSigned(root: Certificate, cache: VerificationCache | undefined): Promise<boolean> {
  const { spki, signatureAlgorithm: algorithm, signature, tbs: message } = root;
  return verifySignature({ spki, algorithm, signature, message, remember: true, cache });
}

function readCertificates(data: Uint8Array, cache: VerificationCache | undefined): readonly Certificate[] {
  if (data.length > MAX_CHAIN_LENGTH)
    throw invalid(`expected a chain of at most ${MAX_CHAIN_LENGTH} bytes, got ${data.length}`);
  return pemBlocks(data).flatMap((block) => readBlock(block, cache));
}

/** The CA and the root of a new platform are those of the others, letter by letter. */
function readBlock(block: Uint8Array, cache: VerificationCache | undefined): readonly Certificate[] {
  const known = cache?.room(blockMemory);
  const before = known?.get(block);
  if (before !== undefined) return before;
  const certificates = pemIn(block).map(({ der }) => readOwnCertificate(der, cache));
  // The platform's own is remembered with its whole chain.
  if (!certificates.some(isPckCertificate)) known?.set(block, certificates);
  return certificates;
}

function pemIn(block: Uint8Array): ReturnType<typeof decodePem> {
  try {
    return decodePem(decodeUtf8(block));
  } catch (cause) {
    const why = EncodingError.is(cause) ? `: ${cause.message}` : '';
    throw invalid(`expected a PEM certificate chain, got something else${why}`, cause);
  }
}

function invalid(message: string, cause?: unknown): AttestationError {
  return new AttestationError('dcap/pck-chain-invalid', `${message}; do not trust this quote`, { cause });
}
