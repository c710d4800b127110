/**
 * The verifier of vendor commitments. Proves: a vendor whose key the caller named signed this promise, and it is in force at `now`.
 * Not proved: anything about hardware or about what really runs. No vendor key is pinned: they come as additional anchors.
 */

import { bufferSource } from '@assay/encoding/bytes';
import { encodeHex } from '@assay/encoding/hex';
import { verifySignature } from '../../certificates/signature.ts';
import { resolveTrust } from '../../certificates/trust.ts';
import { AttestationError } from '../../errors.ts';
import { commitmentOf, type VendorCommitment } from '../../evidence/vendor/commitment.ts';
import { type Check, notChecked, pass } from '../../model/check.ts';
import type { VendorCommitmentClaims, VerifiedClaims } from '../../model/claims.ts';
import type { TeeVerifier, TrustAnchor, VerifyOptions } from '../../model/verification.ts';
import { mint } from '../mint.ts';

const SPEC = 'spec/vendor-commitment.md';

/** The plug for vendor commitments. */
export const vendorVerifier: TeeVerifier<VendorCommitment, VendorCommitmentClaims> = {
  type: 'vendor-commitment',
  recognise(bytes) {
    const value = commitmentOf(bytes);
    return value === null ? null : { type: 'vendor-commitment', value };
  },
  verify: ({ value }, options) => verifyCommitment(value, options),
};

/**
 * @throws {AttestationError} `vendor/key-not-trusted`, `vendor/signature-invalid`, `vendor/expired`, `vendor/not-yet-valid`.
 * @example await verifyCommitment(commitment, { now, trust: { roots: [{ name: 'acme', spki, certificate: null, simulated: false }] } });
 */
export async function verifyCommitment(
  commitment: VendorCommitment,
  options: VerifyOptions,
): Promise<VerifiedClaims<VendorCommitmentClaims>> {
  const { issuedAt, expiresAt, keyId } = commitment;
  const anchor = await anchorOf(keyId, resolveTrust(options.trust).anchors);
  const signature = await checkSignature(commitment, anchor);
  if (options.now < issuedAt)
    throw new AttestationError('vendor/not-yet-valid', 'expected a promise in force, got a later one');
  if (options.now >= expiresAt) throw new AttestationError('vendor/expired', 'expected a promise in force, got one that ended');
  return mint({
    type: 'vendor-commitment',
    simulated: anchor.simulated,
    debug: null,
    measurements: commitment.measurements,
    bindings: { reportData: commitment.reportData, nonce: commitment.nonce, userData: null, publicKey: null },
    identity: { vendor: commitment.vendor, 'vendor-key': keyId },
    tcb: null,
    issuedAt,
    validity: { notBefore: issuedAt, notAfter: expiresAt },
    root: keyId,
    checks: [signature, notChecked('vendor.hardware', SPEC, 'no hardware speaks here: this is a promise with a signature')],
    submodules: {},
    details: { model: commitment.model, terms: commitment.terms, assurance: 'low' },
  });
}

async function checkSignature({ algorithm, signature, signed }: VendorCommitment, { spki, name }: TrustAnchor): Promise<Check> {
  const good = await verifySignature({
    spki,
    algorithm: algorithm === 'Ed25519' ? { name: 'Ed25519' } : { name: 'ECDSA', hash: 'SHA-256' },
    signature,
    message: signed,
    signatureForm: 'raw',
  });
  if (!good)
    throw new AttestationError(
      'vendor/signature-invalid',
      'expected a promise signed by the vendor, got a bad signature; it was changed',
    );
  return pass('vendor.signature', SPEC, `${algorithm} by ${name}`);
}

async function anchorOf(keyId: string, anchors: readonly TrustAnchor[]): Promise<TrustAnchor> {
  for (const anchor of anchors) {
    const digest = encodeHex(new Uint8Array(await crypto.subtle.digest('SHA-256', bufferSource(anchor.spki))));
    if (digest === keyId) return anchor;
  }
  throw new AttestationError(
    'vendor/key-not-trusted',
    `expected a vendor key among the anchors given, got ${keyId}; add the vendor's key if you trust its word`,
  );
}
