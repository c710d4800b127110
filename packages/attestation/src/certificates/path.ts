/**
 * Certification paths (RFC 5280 §6.1), the part that attestation needs. Proves: every certificate was issued by the next one and
 * the last by a pinned key, all in force at `now`. In order:
 *   1. at most 10 certificates; everything after the first one that carries a pinned key is cut off
 *   2. issuer name = subject name of the next
 *   3. signature of each by the next, the last by an anchor found by its key, never by a certificate in the evidence
 *   4. notBefore ≤ now ≤ notAfter
 *   5. issuers: version 3, basicConstraints CA, path length, keyCertSign where keyUsage stands; leaf: digitalSignature likewise
 *   6. no critical extension beyond basicConstraints, keyUsage and those the caller knows
 *   7. revocation, where CRLs are given
 * Not done: path building (the order is the sender's), policies, name constraints (critical ones are refused by 6).
 */

import { equalBytes } from '@assay/encoding/bytes';
import { AttestationError, type AttestationErrorCode } from '../errors.ts';
import type { TrustAnchor } from '../model/verification.ts';
import { MAX_CHAIN } from './chain.ts';
import type { CertificateList } from './crl.ts';
import { checkRevocation, type Revocation } from './revocation.ts';
import { verifySignature } from './signature.ts';
import { readCertificate, type VerificationCache } from './verification-cache.ts';
import { type Certificate, EXTENSION, KEY_USAGE } from './x509.ts';

export interface VerifyPathInput {
  /** Leaf first, each followed by its issuer; the root may be there or not. */
  readonly chain: readonly Certificate[];
  readonly anchors: readonly TrustAnchor[];
  /** Epoch milliseconds. */
  readonly now: number;
  /** Lists to consult; those of other issuers are ignored. */
  readonly crls?: readonly CertificateList[];
  /** Refuse when a certificate of the path has no list in force. */
  readonly requireCrls?: boolean;
  /** Critical extensions the caller itself understands, dotted. */
  readonly knownCriticalExtensions?: readonly string[];
  /** What was verified before; without one every check is made. */
  readonly cache?: VerificationCache | undefined;
}

export interface VerifiedPath {
  /** Leaf first, without the anchor unless the leaf is the anchor. */
  readonly chain: readonly Certificate[];
  readonly anchor: TrustAnchor;
  /** Window in which all of them are in force, the anchor's own certificate included; epoch milliseconds. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** One per certificate of `chain`. */
  readonly revocation: readonly Revocation[];
}

/**
 * @throws {AttestationError} `certificate/chain-too-long`, `certificate/root-not-trusted`, `certificate/chain-broken`,
 * `certificate/signature-invalid`, `certificate/not-yet-valid`, `certificate/expired`, `certificate/not-a-ca`,
 * `certificate/path-length-exceeded`, `certificate/key-usage`, `certificate/unknown-critical-extension`, and with `crls` those of
 * {@link checkRevocation}.
 * @example const { anchor } = await verifyPath({ chain: [leaf, intermediate], anchors: AWS_NITRO_ROOTS, now });
 */
export async function verifyPath(input: VerifyPathInput): Promise<VerifiedPath> {
  const { now, cache } = input;
  const { chain, anchor, anchorCertificate } = await findAnchor(input);
  const pinned = certificateOf(anchor, cache);
  const dated = pinned === null ? chain : [...chain, pinned];
  const isAnchorItself = chain.length === 1 && equalBytes((chain[0] as Certificate).spki, anchor.spki);
  const known = new Set([EXTENSION.basicConstraints, EXTENSION.keyUsage, ...(input.knownCriticalExtensions ?? [])]);
  const signed = isAnchorItself
    ? []
    : await Promise.all(chain.map((each, index) => signedBy(each, (chain[index + 1] ?? anchor).spki, cache)));
  let intermediatesBelow = 0;
  for (const [index, certificate] of chain.entries()) {
    if (index === 0) checkLeaf(certificate);
    else {
      checkIssuer(certificate, intermediatesBelow);
      if (!equalBytes(certificate.subject, certificate.issuer)) intermediatesBelow++;
    }
    checkCriticalExtensions(certificate, known);
    if (isAnchorItself) continue;
    const issuer = chain[index + 1] ?? anchorCertificate;
    if (issuer !== null && !equalBytes(certificate.issuer, issuer.subject)) {
      throw refusal('certificate/chain-broken', certificate, `an issuer named ${issuer.subjectText}`, certificate.issuerText);
    }
    if (signed[index] !== true) {
      throw refusal('certificate/signature-invalid', certificate, 'a signature by its issuer', 'a bad signature');
    }
  }
  for (const certificate of dated) checkDates(certificate, now);
  const window = {
    notBefore: Math.max(...dated.map(({ notBefore }) => notBefore)),
    notAfter: Math.min(...dated.map(({ notAfter }) => notAfter)),
  };
  const revocation = isAnchorItself
    ? (['not-checked'] as const)
    : await checkRevocation({
        issued: chain.map((certificate, index) => ({
          certificate,
          // The pinned certificate says what the anchor's key may do, never the copy that the sender gave.
          issuer: chain[index + 1] ?? {
            subject: certificate.issuer,
            spki: anchor.spki,
            keyUsage: pinned?.keyUsage ?? null,
          },
        })),
        crls: input.crls ?? [],
        requireCrls: input.requireCrls ?? false,
        now,
        cache,
      });
  return { chain, anchor, ...window, revocation };
}

interface Anchored {
  readonly chain: readonly Certificate[];
  readonly anchor: TrustAnchor;
  /** The certificate that lends the anchor its name: the sender's if it sent one with the pinned key, else the pinned one. */
  readonly anchorCertificate: Certificate | null;
}

async function findAnchor({ chain, anchors, cache }: VerifyPathInput): Promise<Anchored> {
  const [leaf] = chain;
  const last = chain.at(-1);
  if (leaf === undefined || last === undefined) {
    throw new AttestationError('certificate/chain-broken', 'expected at least one certificate, got none');
  }
  if (chain.length > MAX_CHAIN) {
    throw new AttestationError('certificate/chain-too-long', `expected at most ${MAX_CHAIN} certificates, got ${chain.length}`);
  }
  for (const [index, certificate] of chain.entries()) {
    const anchor = anchors.find(({ spki }) => equalBytes(spki, certificate.spki));
    if (anchor === undefined) continue;
    if (index === 0) return { chain: [leaf], anchor, anchorCertificate: null };
    return { chain: chain.slice(0, index), anchor, anchorCertificate: certificate };
  }
  for (const anchor of anchors) {
    const certificate = certificateOf(anchor, cache);
    if (certificate !== null && !equalBytes(certificate.subject, last.issuer)) continue;
    if (await signedBy(last, anchor.spki, cache)) return { chain, anchor, anchorCertificate: certificate };
  }
  throw new AttestationError(
    'certificate/root-not-trusted',
    `expected a chain to a pinned root, got one ending at ${last.issuerText}`,
    {
      details: { subject: last.subjectText, issuer: last.issuerText, anchors: anchors.map(({ name }) => name) },
    },
  );
}

/** The anchor's own certificate. */
function certificateOf({ certificate }: TrustAnchor, cache: VerificationCache | undefined): Certificate | null {
  return certificate === null ? null : readCertificate(certificate, cache);
}

/** False also where the key cannot carry the algorithm: another issuer's key is no error of its own. */
async function signedBy(certificate: Certificate, spki: Uint8Array, cache: VerificationCache | undefined): Promise<boolean> {
  const { signatureAlgorithm: algorithm, signature, tbs: message } = certificate;
  try {
    return await verifySignature({ spki, algorithm, signature, message, remember: true, cache });
  } catch {
    return false;
  }
}

function checkLeaf(leaf: Certificate): void {
  if (leaf.basicConstraints?.ca === true || leaf.keyUsage === null) return;
  if ((leaf.keyUsage & KEY_USAGE.digitalSignature) === 0) {
    throw refusal('certificate/key-usage', leaf, 'key usage digital signature on the leaf', 'none');
  }
}

function checkIssuer(issuer: Certificate, intermediatesBelow: number): void {
  const { basicConstraints, keyUsage } = issuer;
  if (issuer.version !== 3 || basicConstraints?.ca !== true) {
    throw refusal('certificate/not-a-ca', issuer, 'a version 3 ca certificate as issuer', 'another one');
  }
  if (basicConstraints.pathLength !== null && intermediatesBelow > basicConstraints.pathLength) {
    const allowed = `at most ${basicConstraints.pathLength} intermediates below`;
    throw refusal('certificate/path-length-exceeded', issuer, allowed, String(intermediatesBelow));
  }
  if (keyUsage !== null && (keyUsage & KEY_USAGE.keyCertSign) === 0) {
    throw refusal('certificate/key-usage', issuer, 'key usage certificate sign on an issuer', 'none');
  }
}

function checkCriticalExtensions(certificate: Certificate, known: ReadonlySet<string>): void {
  for (const [oid, { critical }] of certificate.extensions) {
    if (critical && !known.has(oid)) {
      throw refusal('certificate/unknown-critical-extension', certificate, 'only known critical extensions', oid);
    }
  }
}

function checkDates(certificate: Certificate, now: number): void {
  const { notBefore, notAfter } = certificate;
  if (!(now >= notBefore))
    throw refusal('certificate/not-yet-valid', certificate, `a time from ${isoTime(notBefore)}`, isoTime(now));
  if (!(now <= notAfter)) throw refusal('certificate/expired', certificate, `a time until ${isoTime(notAfter)}`, isoTime(now));
}

function isoTime(milliseconds: number): string {
  return Number.isFinite(milliseconds) ? new Date(milliseconds).toISOString() : String(milliseconds);
}

function refusal(
  code: AttestationErrorCode,
  certificate: Pick<Certificate, 'subjectText' | 'serial'>,
  expected: string,
  got: string,
): AttestationError {
  const { subjectText: subject, serial } = certificate;
  return new AttestationError(code, `expected ${expected}, got ${got} (certificate ${subject})`, {
    details: { subject, serial, expected, got },
  });
}
