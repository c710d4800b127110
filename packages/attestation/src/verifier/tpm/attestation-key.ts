/**
 * Which attestation key (AK) signed a quote, and who vouches for it. In order:
 *   1. keys named by the caller: anchors without a certificate (`--root ak.pub.pem`)
 *   2. certificates that came with the quote or beside it; the one that signed must lead to an anchor of the caller
 * A bare public key that lies in the file or beside it is a hint and no more: it makes the error say what is missing.
 */

import { bufferSource, concatBytes } from '@assay/encoding/bytes';
import { encodeHex } from '@assay/encoding/hex';
import { COORDINATE_BYTES, publicKeyAlgorithm, type SignatureAlgorithm } from '../../certificates/algorithms.ts';
import { chainFrom } from '../../certificates/chain.ts';
import { verifyPath } from '../../certificates/path.ts';
import { verifySignature } from '../../certificates/signature.ts';
import { resolveTrust } from '../../certificates/trust.ts';
import { type Certificate, parseCertificate } from '../../certificates/x509.ts';
import { AttestationError } from '../../errors.ts';
import { spkiOfPublicArea } from '../../evidence/tpm/public-area.ts';
import type { TpmQuote, TpmSignature } from '../../evidence/tpm/quote.ts';
import type { Claims } from '../../model/claims.ts';
import type { Endorsements } from '../../model/endorsements.ts';
import type { TrustAnchor, VerifyOptions } from '../../model/verification.ts';
import { valueOr } from '../../value-or.ts';
import { foreignCompanion, withCompanion } from '../companion-fault.ts';

const EXTENDED_KEY_USAGE = '2.5.29.37';
const MAX_CANDIDATES = 32;
/** A key without a certificate has no end: 9999-12-31, epoch milliseconds. */
const NO_END = 253_402_300_799_000;

/** A key and who vouches for it. */
export interface AttestationKey extends Pick<Claims, 'root' | 'simulated' | 'submodules'> {
  /** DER. */
  readonly spki: Uint8Array;
  readonly source: string;
  readonly notBefore: number;
  readonly notAfter: number;
}

/**
 * The key that signed `quote`, with the one who vouches for it.
 * @throws {AttestationError} `tpm/key-missing` when no key is at hand or nothing vouches for it, `tpm/signature-invalid` when keys that came
 * with the quote or that the caller named did not sign it, `endorsements/…` for companions, `certificate/…` of the path.
 */
export async function attestationKey(quote: TpmQuote, options: VerifyOptions): Promise<AttestationKey> {
  const { endorsements = [], trust } = options;
  const named = resolveTrust(trust).anchors.filter(({ certificate }) => certificate === null);
  for (const anchor of named) if (await isSignedBy(quote, anchor.spki)) return namedKey(anchor);
  const [own, beside] = [quote.certificates.map(parseCertificate), certificatesBeside(endorsements)];
  const leaves = [...own, ...beside].slice(0, MAX_CANDIDATES);
  for (const leaf of leaves) {
    if (!(await isSignedBy(quote, leaf.spki, leaves.length))) continue;
    const certified = (): Promise<AttestationKey> => certifiedKey(chainFrom(leaf, [...own, ...beside]), options);
    return own.includes(leaf) ? certified() : withCompanion('the certificate of the attestation key', certified);
  }
  const bare = [...(quote.publicKey === null ? [] : [quote.publicKey]), ...keysBeside(endorsements)];
  for (const spki of bare.slice(0, MAX_CANDIDATES))
    if (await isSignedBy(quote, spki, bare.length)) throw unvouched(await fingerprint(spki));
  if (own.length > 0 || named.length > 0)
    throw new AttestationError(
      'tpm/signature-invalid',
      'expected a quote signed by the attestation key, got a bad signature; the quote was changed, or the key is another',
    );
  if (beside.length + bare.length > 0)
    throw foreignCompanion(
      'the attestation key',
      'the key that signed the quote',
      'keys that did not, or a quote that was changed',
    );
  throw new AttestationError(
    'tpm/key-missing',
    "expected the attestation key's certificate, got none; supply it and its issuers, or name the public key with --root",
  );
}

async function namedKey({ name, spki, simulated }: TrustAnchor): Promise<AttestationKey> {
  const root = await fingerprint(spki);
  return { spki, root, simulated, submodules: {}, source: `${name}, named by the caller`, notBefore: 0, notAfter: NO_END };
}

async function certifiedKey(chain: readonly Certificate[], options: VerifyOptions): Promise<AttestationKey> {
  const path = await verifyPath({
    chain,
    anchors: resolveTrust(options.trust).anchors,
    now: options.now,
    knownCriticalExtensions: [EXTENDED_KEY_USAGE],
    cache: options.cache,
  });
  const { anchor, notBefore, notAfter } = path;
  return {
    spki: (path.chain[0] ?? anchor).spki,
    root: await fingerprint(anchor.spki),
    simulated: anchor.simulated,
    submodules: {},
    source: `chain to ${anchor.name}`,
    notBefore,
    notAfter,
  };
}

/** Companions hold certificates of all vendors; one that cannot be read is not the one looked for. */
function certificatesBeside(endorsements: Endorsements): readonly Certificate[] {
  return endorsements.flatMap((each) => (each.kind === 'certificate' ? valueOr(() => [parseCertificate(each.der)], []) : []));
}

/** Public keys among the companions: SubjectPublicKeyInfo, or a public area of a TPM. */
function keysBeside(endorsements: Endorsements): readonly Uint8Array[] {
  return endorsements.flatMap((each) => {
    if (each.kind !== 'bytes') return [];
    const spki = spkiOfPublicArea(each.bytes) ?? each.bytes;
    return isPublicKey(spki) ? [spki] : [];
  });
}

function isPublicKey(bytes: Uint8Array): boolean {
  try {
    return bytes[0] === 0x30 && publicKeyAlgorithm(bytes) !== null;
  } catch {
    return false;
  }
}

function unvouched(digest: string): AttestationError {
  return new AttestationError(
    'tpm/key-missing',
    `the quote is signed by the public key given (sha-256 ${digest}), for which nothing vouches; ` +
      "supply the key's certificate with its issuers, or name the key with --root if you know whose it is",
    { details: { key: digest } },
  );
}

/**
 * Whether the quote's signature is by the key `spki` (DER); false also where the key cannot carry the scheme.
 * @param candidates how many keys are tried for this quote.
 */
export async function isSignedBy(
  { signature, message }: Pick<TpmQuote, 'signature' | 'message'>,
  spki: Uint8Array,
  candidates = 1,
): Promise<boolean> {
  const kind = publicKeyAlgorithm(spki);
  if ((kind === 'RSA') === (signature.scheme === 'ecdsa') || kind === 'Ed25519') return false;
  return verifySignature({ ...signatureInput(signature, spki), message, candidates });
}

/** The signature as the certificate verifier takes it; ECDSA at the width of the curve. */
export function signatureInput(signature: TpmSignature, spki: Uint8Array) {
  if (signature.scheme !== 'ecdsa') {
    const { hash } = signature;
    const algorithm: SignatureAlgorithm =
      signature.scheme === 'rsassa'
        ? { name: 'RSASSA-PKCS1-v1_5', hash }
        : { name: 'RSA-PSS', hash, saltLength: Number(hash.slice(4)) / 8 };
    return { spki, algorithm, signature: signature.signature };
  }
  const kind = publicKeyAlgorithm(spki);
  const width = kind === 'RSA' || kind === 'Ed25519' ? 0 : COORDINATE_BYTES[kind];
  const raw = concatBytes(padded(signature.r, width), padded(signature.s, width));
  return { spki, algorithm: { name: 'ECDSA', hash: signature.hash } as const, signature: raw, signatureForm: 'raw' as const };
}

function padded(integer: Uint8Array, width: number): Uint8Array {
  if (integer.length >= width) return integer;
  return concatBytes(new Uint8Array(width - integer.length), integer);
}

/** SHA-256 of a DER SubjectPublicKeyInfo, lower-case hex. */
export async function fingerprint(spki: Uint8Array): Promise<string> {
  return encodeHex(new Uint8Array(await crypto.subtle.digest('SHA-256', bufferSource(spki))));
}
