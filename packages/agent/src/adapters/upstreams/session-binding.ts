/**
 * What was enforced on the way to an upstream (ACI §8.2), and the claim that rests on it: `tee_attested` is about where the channel ends
 * (§8.3), so it is asserted only when a key of that TEE was pinned or sealed to.
 */

import { createHash } from 'node:crypto';
import { decodeHex } from '@assay/encoding/hex';
import type { JsonObject } from '@assay/encoding/json';

export interface ChannelBinding {
  readonly entry: JsonObject;
  /** What it means for the prompt, for people. */
  readonly reason: string;
}

/** @param spkiSha256 hex, bound by the report data, and pinned on every connection that carries a prompt. */
export function tlsBinding(origin: string, spkiSha256: string): ChannelBinding {
  return {
    entry: { type: 'tls_spki_sha256', origin, spki_sha256: spkiSha256 },
    reason: 'every connection shows the TLS key that the report data commits to',
  };
}

/** @param publicKey hex: the attested key that prompts are encrypted to. */
export function sealedBinding(provider: string, algorithm: string, publicKey: string): ChannelBinding {
  const public_key_sha256 = createHash('sha256').update(decodeHex(publicKey)).digest('hex');
  return {
    entry: { type: 'e2ee_public_key_sha256', provider, algorithm, public_key_sha256 },
    reason: 'prompts are encrypted to the key that the report data commits to',
  };
}

/** The claim `tee_attested` that bindings to a genuine TEE support. */
export function teeAttested(bindings: readonly ChannelBinding[], simulated: boolean): JsonObject {
  if (simulated || bindings.length === 0) return { status: 'unknown' };
  return { status: 'asserted', source: 'hardware_proven', reason: bindings.map(({ reason }) => reason).join('; ') };
}
