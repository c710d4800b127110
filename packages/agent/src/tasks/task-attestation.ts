/** The `attestation` member of a task's answer. */

import { isCoded } from '@assay/encoding/coded-error';
import { z } from 'zod';
import type { Inference } from './task.ts';
import { tokenUsageSchema } from './token-usage.ts';

/** A TEE, in the shape that the seed shows. */
const teeSchema = z.object({
  type: z.string().describe('aws_nitro, intel_tdx, …, or simulated; never a TEE that did not sign'),
  simulated: z.boolean(),
  measurements: z.record(z.string(), z.string()),
  signature: z.object({ algorithm: z.string().nullable(), value: z.string().nullable(), covers: z.string() }),
});

const madeSchema = teeSchema.extend({
  agent: teeSchema.describe("the agent's own TEE; the members beside it are the model's where that was attested"),
  timestamp: z.string(),
  nonce: z.string(),
  inference: z
    .object({
      model: z.string(),
      prompt_hash: z.string(),
      response_hash: z.string(),
      timestamp: z.number().int(),
      usage: tokenUsageSchema,
    })
    .nullable(),
  verification: z.object({
    nonce: z.string(),
    nonce_source: z.enum(['agent', 'client']),
    fetched_at: z.string(),
    inference_timestamp: z.number().int().nullable(),
    session_id: z.string().optional(),
    upstream_nonce: z.string().optional(),
    upstream_verified_at: z.string().optional(),
  }),
  report: z.record(z.string(), z.unknown()).describe('the whole aci/1 report for the nonce'),
});

const refusedSchema = z.object({ error: z.string(), code: z.string() }).describe('why the TEE gave no evidence');

export const attestationSchema = z.union([madeSchema, refusedSchema]);

export type AttestationMember = z.infer<typeof attestationSchema>;

/** An `attestation` member, with the keyset that it attests. */
export interface AnswerAttestation {
  readonly keysetDigest: string;
  readonly member: z.infer<typeof madeSchema>;
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
 * @throws errors without a code, which are defects.
 */
export async function attestationOf(
  inference: Inference | null,
  nonce: string | null,
  { attest, keysetInForce }: AttestationOptions,
): Promise<AttestationMember> {
  try {
    for (;;) {
      const { keysetDigest, member } = await attest(inference, nonce);
      if (keysetDigest === keysetInForce()) return member;
    }
  } catch (error) {
    if (!isCoded(error)) throw error;
    return { error: error.message, code: error.code };
  }
}
