/** Trust anchors from certificates and keys. What is pinned is the public key; the certificate only lends its names and dates. */

import { decodeBase64 } from '@assay/encoding/base64';
import { encodeHex } from '@assay/encoding/hex';
import { sha256 } from '@noble/hashes/sha2.js';
import type { TrustAnchor } from '../model/verification.ts';
import { parseCertificate } from './x509.ts';

export interface TrustAnchorOptions {
  /** Marks everything under this anchor as simulated, for ever. Default: false. */
  readonly simulated?: boolean;
}

/**
 * The anchor that pins the key of a DER certificate. The certificate's own signature is not looked at: it is trusted by choice.
 * @throws {AttestationError} `certificate/malformed`, `certificate/unsupported-algorithm`.
 * @example
 * const [root] = decodePem(text);
 * if (root !== undefined) trustAnchor('our simulator', root.der, { simulated: true });
 */
export function trustAnchor(name: string, certificate: Uint8Array, options: TrustAnchorOptions = {}): TrustAnchor {
  return { name, spki: parseCertificate(certificate).spki, certificate, simulated: options.simulated ?? false };
}

/** {@link trustAnchor} of a certificate in padded base64; for the constants in roots/. */
export function pinnedAnchor(name: string, certificate: string): TrustAnchor {
  return trustAnchor(name, decodeBase64(certificate));
}

/** SHA-256 of the anchor's DER SubjectPublicKeyInfo, lower-case hex: what claims name as their root. */
export function anchorDigest({ spki }: Pick<TrustAnchor, 'spki'>): string {
  return encodeHex(sha256(spki));
}
