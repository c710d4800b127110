/**
 * Tinfoil's enclaves and others that serve `/.well-known/tinfoil-attestation?nonce=` (tinfoilsh/cvmimage, tinfoil/cmd/shim): the document
 * binds the enclave's TLS key and its HPKE key, for a nonce made here.
 *
 * Not proved: which model answered, and what stands behind a router: the keys are those of the enclave that connections end in.
 */

import type { NamedClaims } from '@assay/attestation/model/claims';
import { encodeHex } from '@assay/encoding/hex';
import { type AttestedService, type FreshEvidence, originOf, verifyFresh } from '../attested-service.ts';
import { UpstreamError } from '../errors.ts';

/** Usable only when `result.outcome` is `accepted`. */
export interface EnclaveAttestation extends FreshEvidence {
  /** Hex SHA-256 of the SPKI that the enclave serves TLS with. Empty unless accepted. */
  readonly tlsKey: string;
  /** Hex of the X25519 key of its HPKE, 32 bytes. Empty unless accepted. */
  readonly hpkeKey: string;
}

const PATH = '/.well-known/tinfoil-attestation';

/**
 * Fetches the enclave's document for a fresh nonce and verifies it. No prompt and no API key is part of this.
 * @throws {UpstreamError} `service/unreachable`, `service/refused`, `service/keys-missing`; {AttestationError} `endorsements/…`.
 */
export async function verifyEnclave(service: AttestedService): Promise<EnclaveAttestation> {
  const nonce = encodeHex(crypto.getRandomValues(new Uint8Array(32)));
  const origin = originOf(service);
  const verified = await verifyFresh({ ...service, base: origin, apiKey: null }, `${PATH}?nonce=${nonce}`, nonce);
  const claims: NamedClaims | undefined = verified.result.claims;
  const { 'tls-key-fingerprint': tlsKey = '', 'hpke-key': hpkeKey = '' } = claims?.identity ?? {};
  if (verified.result.outcome === 'accepted' && (tlsKey === '' || hpkeKey === '')) {
    throw new UpstreamError(
      'service/keys-missing',
      `expected a document that binds a TLS key and an HPKE key, got one that does not; nothing can be sealed to ${origin}`,
    );
  }
  return { ...verified, tlsKey, hpkeKey };
}
