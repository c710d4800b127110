/** The `attestation` member of a task's answer. */

import { isCoded } from '@assay/encoding/coded-error';
import type { JsonObject } from '@assay/encoding/json';
import type { Inference } from './task.ts';
import type { Work } from './task-answer.ts';

/** An `attestation` member, with the keyset that it attests. */
export interface AnswerAttestation {
  readonly keysetDigest: string;
  readonly member: JsonObject;
}

/** Makes the `attestation` member of an answer, bound to this agent's keyset and to the nonce. */
export type Attest = (inference: Inference | null, nonce: string | null) => Promise<AnswerAttestation>;

export interface AttestationOptions {
  readonly attest: Attest;
  /** Digest of the keyset that seals now. */
  readonly keysetInForce: () => string;
}

/**
 * The `attestation` member. The keyset may be replaced while the TEE answers: the report in the answer must be of the keyset that
 * seals it. Work that is done is not lost because the TEE did not answer; the member then says why it is empty.
 */
export async function attestationOf(work: Work, nonce: string | null, options: AttestationOptions): Promise<JsonObject> {
  const inference = work.kind === 'done' ? (work.result.inference ?? null) : null;
  try {
    for (;;) {
      const { keysetDigest, member } = await options.attest(inference, nonce);
      if (keysetDigest === options.keysetInForce()) return member;
    }
  } catch (error) {
    if (!isCoded(error)) throw error;
    return { error: error.message, code: error.code };
  }
}
