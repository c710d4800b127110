/**
 * The one interface a TEE plugs into. `recognise` looks at bytes and parses them; `verify` decides whether they are authentic.
 */

import type { VerificationCache } from '../certificates/verification-cache.ts';
import type { Claims, EvidenceType, VerifiedClaims } from './claims.ts';
import type { Endorsements } from './endorsements.ts';

/** A root of trust: the SubjectPublicKeyInfo is pinned, because one key can live in several certificates. */
export interface TrustAnchor {
  readonly name: string;
  /** DER SubjectPublicKeyInfo. */
  readonly spki: Uint8Array;
  /** DER of a certificate that carries the key, when one is needed for its names. */
  readonly certificate: Uint8Array | null;
  /** A simulator's root. Claims under it are marked `simulated` for ever. */
  readonly simulated: boolean;
}

/**
 * A root: X.509 certificates or SubjectPublicKeyInfo keys. PEM (one or several blocks, text around them is ignored) or DER; DER as bytes,
 * or as text in base64 or hex. An anchor that is resolved already stays as it is.
 */
export type Root = string | Uint8Array | TrustAnchor;

/** The roots a relying party trusts in addition to the vendors' pinned ones. */
export interface Trust {
  /** One simulator's root. Its evidence is accepted by every policy that does not refuse simulators (`strict` does), and stays marked as simulated. */
  readonly simulatedRoot?: Root | undefined;
  /** Roots of private authorities, vendors' commitment keys, TPM attestation keys. */
  readonly roots?: readonly Root[] | undefined;
}

export interface VerifyOptions {
  /** The instant at which certificates and collateral must be valid, epoch milliseconds. Never read from a clock here. */
  readonly now: number;
  /** Vendor and operator companions. */
  readonly endorsements?: Endorsements | undefined;
  /** Roots in addition to the vendors' pinned ones. */
  readonly trust?: Trust | undefined;
  /** What the verifier remembers; without one every check is made. */
  readonly cache?: VerificationCache | undefined;
}

/** Parsed evidence of some type: what bytes claim, not yet authentic. `value` is the type's own parsed form. */
export interface ParsedEvidence<Value = unknown> {
  readonly type: EvidenceType;
  readonly value: Value;
}

/** One TEE's plug. Registered in `verifier/registry.ts`, one line each. */
export interface TeeVerifier<Value = unknown, Of extends Claims = Claims> {
  readonly type: EvidenceType;
  /** Looks for evidence anywhere in a file: asked when no reader of a format knows the file or what lies in its usual members. */
  readonly searches?: true;
  /**
   * The parsed form when `bytes` are evidence of this type in any of its file conventions (binary, base64, hex, JSON), `null`
   * when they are something else.
   * @throws {AttestationError} kind `malformed` when the bytes are of this type and broken.
   */
  recognise(bytes: Uint8Array): ParsedEvidence<Value> | null;
  /**
   * Authenticates parsed evidence.
   * @throws {AttestationError} `malformed`, `untrusted`, or `unavailable` when endorsements it needs are missing.
   */
  verify(evidence: ParsedEvidence<Value>, options: VerifyOptions): Promise<VerifiedClaims<Of>>;
}
