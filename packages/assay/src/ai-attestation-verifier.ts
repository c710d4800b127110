/**
 * The verifier of AI results under the names that the original script has, with what that script lacked: signatures. Structure,
 * nonce, age, TEE type and inference metadata are asked as there; a result that no receipt vouches for is refused.
 */

import { DEFAULT_POLICY } from '@assay/attestation';
import { utf8 } from '@assay/encoding/bytes';
import { canonicalJson, type Json } from '@assay/encoding/json';
import { sha256Hex } from './judgement/digest.ts';
import type { JudgeRequest } from './judgement/request.ts';
import { judgeResultFile } from './judgement/result-file.ts';
import type { Verdict } from './judgement/verdict.ts';

export interface AIAttestationVerifierOptions extends Omit<JudgeRequest, 'now'> {
  /** Epoch milliseconds; the clock unless told. */
  readonly now?: () => number;
  /** Oldest accepted result, seconds; 600 unless told. */
  readonly maxAgeSeconds?: number;
}

/**
 * @example
 * const verifier = new AIAttestationVerifier({ additionalAnchors: [], endorsements: collectEndorsements([{ name: 'bundle', bytes }]) });
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
  async examine(result: unknown): Promise<Verdict> {
    const { now = Date.now, maxAgeSeconds, policy = DEFAULT_POLICY, ...request } = this.#options;
    const freshness = maxAgeSeconds === undefined ? {} : { freshness: { skewSeconds: 60, required: false, maxAgeSeconds } };
    return judgeResultFile(plain(result), { ...request, now: now(), policy: { ...policy, ...freshness } });
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
