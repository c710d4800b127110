/**
 * What a verifier remembers between pieces of evidence: imported keys, signatures found good, parsed certificates, and what single TEEs
 * keep of platforms and collateral. Hits are exact to the last byte, whatever an attacker feeds it. Dates, revocation and trust are never
 * remembered: they are asked every time. Entries are bounded, the oldest leave first.
 */

import type { PublicKeyAlgorithm } from './algorithms.ts';
import { BytesCache } from './bytes-cache.ts';
import type { NativeEcdsaKey } from './native-ecdsa.ts';
import { type Certificate, parseCertificate } from './x509.ts';

/** What a signature was found good for; compared to the last byte. */
export interface GoodSignature {
  readonly label: string;
  readonly spki: Uint8Array;
  readonly message: Uint8Array;
}

/** A public key and what it was imported for, by algorithm. */
export interface KnownKey {
  readonly kind: PublicKeyAlgorithm;
  readonly imported: Map<string, Promise<CryptoKey>>;
  /** Node's own form of it, once asked for. */
  native?: { readonly key: NativeEcdsaKey | null };
}

/** One verifier's memory. Verifiers with different roots may share one; a new one starts cold. */
export class VerificationCache {
  /** By SubjectPublicKeyInfo. */
  readonly keys: BytesCache<KnownKey> = new BytesCache(256);
  /** By signature. */
  readonly good: BytesCache<GoodSignature> = new BytesCache(1024);
  /** By DER. */
  readonly certificates: BytesCache<Certificate> = new BytesCache(256);
  readonly #rooms = new Map<() => unknown, unknown>();

  /**
   * A module's own part of the memory, made at first use; `make` is its key.
   * @example const { chains } = cache.room(platformMemory);
   */
  room<Value>(make: () => Value): Value {
    if (!this.#rooms.has(make)) this.#rooms.set(make, make());
    return this.#rooms.get(make) as Value;
  }
}

/**
 * {@link parseCertificate}, once for the same bytes. A remembered certificate views a copy, so later changes to `der` change nothing.
 * @throws {AttestationError} `certificate/malformed`, `certificate/unsupported-algorithm`.
 */
export function readCertificate(der: Uint8Array, cache: VerificationCache | undefined): Certificate {
  if (cache === undefined) return parseCertificate(der);
  const found = cache.certificates.get(der);
  if (found !== undefined) return found;
  return keep(parseCertificate(der.slice()), cache);
}

/** As {@link readCertificate} for bytes that are the caller's own and never change, such as decoded text. */
export function readOwnCertificate(der: Uint8Array, cache: VerificationCache | undefined): Certificate {
  return cache?.certificates.get(der) ?? keep(parseCertificate(der), cache);
}

function keep(certificate: Certificate, cache: VerificationCache | undefined): Certificate {
  cache?.certificates.keep(certificate.der, certificate);
  return certificate;
}
