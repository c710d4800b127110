/**
 * The verifier of AI results under the names that the original script has, with what that script lacked: signatures. Structure,
 * nonce, age, TEE type and inference metadata are asked as there; a result that no receipt vouches for is refused.
 */

import { utf8 } from '@assay/encoding/bytes';
import { canonicalJson, type Json } from '@assay/encoding/json';
import { sha256Hex } from './verification/digest.ts';
import { resolveOptions, type VerifyOptions } from './verification/options.ts';
import { resultVerdict } from './verification/result-file.ts';
import type { ResultVerdict } from './verification/verdict.ts';

/** Options of an `AIAttestationVerifier`. */
export interface AIAttestationVerifierOptions extends Omit<VerifyOptions, 'now'> {
  /** Epoch milliseconds; the clock by default. */
  readonly now?: (() => number) | undefined;
  /** Oldest accepted result, seconds; 600 by default. */
  readonly maxAgeSeconds?: number | undefined;
}

/**
 * @example
 * const verifier = new AIAttestationVerifier({ collateral: collectEndorsements([{ name: 'bundle', bytes }]) });
 * if (await verifier.verifyAttestation(answer)) await verifier.verifyCodeHash(answer.generated_code, answer.attestation.inference.response_hash);
 */
export class AIAttestationVerifier {
  readonly #options: AIAttestationVerifierOptions;

  constructor(options: AIAttestationVerifierOptions = {}) {
    this.#options = options;
  }

  /**
   * True when the result is authentic and nothing it says of itself failed.
   * @param result the agent's whole answer, or its `attestation` member.
   */
  async verifyAttestation(result: unknown): Promise<boolean> {
    return (await this.examine(result)).outcome === 'accepted';
  }

  /** {@link verifyAttestation} with every check and the error. */
  async examine(result: unknown): Promise<ResultVerdict> {
    const { now = Date.now, maxAgeSeconds, ...options } = this.#options;
    const resolved = resolveOptions({ ...options, now: now() });
    const { policy } = resolved;
    const freshness = maxAgeSeconds === undefined ? policy.freshness : { skewSeconds: 60, required: false, maxAgeSeconds };
    return resultVerdict(plain(result), freshness === undefined ? resolved : { ...resolved, policy: { ...policy, freshness } });
  }

  /**
   * True when `code` is what `hash` names.
   * @param code text (hashed as UTF-8) or bytes.
   * @param hash SHA-256 in hex, either case, with or without `sha256:` or `0x` in front.
   */
  async verifyCodeHash(code: string | Uint8Array, hash: string): Promise<boolean> {
    const wanted = /^(?:sha256:|0x)?([0-9a-f]{64})$/i.exec(hash)?.[1]?.toLowerCase();
    return wanted !== undefined && (await sha256Hex(typeof code === 'string' ? utf8(code) : code)) === wanted;
  }
}

/** The value as JSON, whatever prototypes it came with; what JSON cannot say is no result file. */
function plain(value: unknown): Json {
  try {
    return JSON.parse(canonicalJson(value)) as Json;
  } catch {
    return null;
  }
}
