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
import { readCertificate, type VerificationCache } from '../../certificates/verification-cache.ts';
import type { Certificate, Extension } from '../../certificates/x509.ts';
import { AttestationError } from '../../errors.ts';
import { type PckExtensions, parsePckExtensions, SGX_EXTENSION_OID } from '../../evidence/dcap/pck-extensions.ts';
import { type CertificationData, PCK_CHAIN_DATA } from '../../evidence/dcap/quote.ts';
import type { TrustAnchor } from '../../model/verification.ts';

export interface PckChain {
  readonly leaf: Certificate;
  readonly issuer: Certificate;
  readonly root: Certificate;
  readonly anchor: TrustAnchor;
  /** SHA-256 of the anchor's key, lower-case hex. */
  readonly anchorDigest: string;
  readonly extensions: PckExtensions;
  /** Window in which all certificates are valid, epoch milliseconds. */
  readonly notBefore: number;
  readonly notAfter: number;
}

/** A verifier sees few platforms at a time; a chain takes about 20 KiB. */
const CHAINS_KEPT = 256;
/** Genuine chains have about 3,700 bytes. */
const MAX_CHAIN_LENGTH = 1 << 16;

/** Chains by their exact bytes. */
const platformMemory = (): BytesCache<PckChain> => new BytesCache(CHAINS_KEPT);

/**
 * Authenticates certification data that is a chain; companion-pck.ts looks for the certificate where a quote only names it.
 * @param anchors roots to accept.
 * @param now epoch milliseconds.
 * @throws {AttestationError} `dcap/certification-data-unsupported`, `dcap/pck-chain-invalid`, `dcap/pck-extensions-malformed`,
 * and the `certificate/` codes of path validation.
 */
export async function verifyPckChain(
  certification: CertificationData,
  anchors: readonly TrustAnchor[],
  now: number,
  cache: VerificationCache | undefined,
): Promise<PckChain> {
  if (certification.type !== PCK_CHAIN_DATA) {
    throw new AttestationError(
      'dcap/certification-data-unsupported',
      `expected certification data type 1 to 5 or 7, got type ${certification.type}; have the platform quote with its PCK chain`,
      { details: { type: certification.type } },
    );
  }
  const known = cache?.room(platformMemory);
  const before = known?.get(certification.data);
  if (before !== undefined && now >= before.notBefore && now <= before.notAfter && isAccepted(before.anchor, anchors))
    return before;
  const chain = await authenticateChain(sortChain(readCertificates(certification.data, cache)), anchors, now, cache);
  known?.set(certification.data, chain);
  return chain;
}

/** The anchor that a chain was found to lead to is the one that these anchors would find for it. */
function isAccepted(anchor: TrustAnchor, anchors: readonly TrustAnchor[]): boolean {
  const found = anchors.find(({ spki }) => spki === anchor.spki || equalBytes(spki, anchor.spki));
  return found?.simulated === anchor.simulated;
}

/** What {@link verifyPckChain} does once the three certificates are told apart. */
export async function authenticateChain(
  { leaf, issuer, root }: Pick<PckChain, 'leaf' | 'issuer' | 'root'>,
  anchors: readonly TrustAnchor[],
  now: number,
  cache: VerificationCache | undefined,
): Promise<PckChain> {
  const extension = leaf.extensions.get(SGX_EXTENSION_OID) as Extension;
  const { chain, anchor, notBefore, notAfter } = await verifyPath({
    chain: [leaf, issuer, root],
    anchors,
    now,
    cache,
  });
  if (chain.length !== 2 || !equalBytes(root.spki, anchor.spki)) {
    throw invalid('expected the root, and only it, to carry a pinned key');
  }
  await verifyRoot(root, now, cache);
  return {
    leaf,
    issuer,
    root,
    anchor,
    anchorDigest: anchorDigest(anchor),
    extensions: parsePckExtensions(extension.value),
    notBefore: Math.max(notBefore, root.notBefore),
    notAfter: Math.min(notAfter, root.notAfter),
  };
}

/** Provisioning services have written the three in more than one order; each is known by what it is, as in Intel's library. */
function sortChain(certificates: readonly Certificate[]): Pick<PckChain, 'leaf' | 'issuer' | 'root'> {
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
async function verifyRoot(root: Certificate, now: number, cache: VerificationCache | undefined): Promise<void> {
  const { spki, signatureAlgorithm: algorithm, signature, tbs: message } = root;
  if (!(await verifySignature({ spki, algorithm, signature, message, remember: true, cache }))) {
    throw invalid('expected a root that signs itself, got a bad signature');
  }
  if (now < root.notBefore || now > root.notAfter) throw invalid('expected a root in force, got one out of date');
}

function readCertificates(data: Uint8Array, cache: VerificationCache | undefined): readonly Certificate[] {
  if (data.length > MAX_CHAIN_LENGTH)
    throw invalid(`expected a chain of at most ${MAX_CHAIN_LENGTH} bytes, got ${data.length}`);
  try {
    return decodePem(decodeUtf8(data)).map(({ der }) => readCertificate(der, cache));
  } catch (error) {
    if (!EncodingError.is(error)) throw error;
    throw invalid(`expected a PEM certificate chain, got something else: ${error.message}`, error);
  }
}

function invalid(message: string, cause?: unknown): AttestationError {
  return new AttestationError('dcap/pck-chain-invalid', `${message}; do not trust this quote`, { cause });
}
