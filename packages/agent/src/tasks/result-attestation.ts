/** The TEE's word for one result, for the `attestationQuote` member of builds and audits (spec/keyset.md §2a). */

import { isCoded } from '@assay/encoding/coded-error';
import type { Digest } from '@assay/receipt';
import { z } from 'zod';
import type { TaskContext } from './task.ts';

const quotedSchema = z.object({
  purpose: z.literal('assay.result.v1'),
  result: z.string(),
  nonce: z.string().nullable(),
  statement: z.string().describe('the exact text that the TEE quoted the SHA-256 of'),
  tee_type: z.string(),
  attester: z.string(),
  simulated: z.boolean(),
  workload_keyset_digest: z.string(),
  workload_keyset: z.record(z.string(), z.unknown()),
  report_data: z.string(),
  evidence: z.record(z.string(), z.unknown()),
});

export const resultAttestationSchema = z.union([
  quotedSchema,
  z.object({ error: z.string(), code: z.string() }).describe('why the TEE gave no evidence'),
]);

export type ResultAttestationMember = z.infer<typeof resultAttestationSchema>;

/**
 * Has the TEE quote the statement about `result`. If it does not answer, the result is still returned, with the reason here.
 * @throws errors without a code, which are defects.
 */
export async function attestResult({ ports, nonce }: TaskContext, result: Digest): Promise<ResultAttestationMember> {
  try {
    const attested = await ports.attestResult(result, nonce);
    return JSON.parse(JSON.stringify(attested)) as z.infer<typeof quotedSchema>;
  } catch (error) {
    if (!isCoded(error)) throw error;
    return { error: error.message, code: error.code };
  }
}

/** The provider of the TEE, in the origin's words where it has one: dstack's machines are Phala's. Never one that did not vouch. */
export function teeProviderOf(member: ResultAttestationMember): string {
  if ('error' in member) return 'none';
  if (member.simulated) return 'simulated';
  return /^(?:dstack|tappd)/.test(member.attester) ? 'phala' : member.attester;
}
