/** Tokens of one reply, as the provider counts them. */

import { z } from 'zod';

const countSchema = z.number().int().nullable();

export const tokenUsageSchema = z.object({
  prompt_tokens: countSchema,
  completion_tokens: countSchema,
  total_tokens: countSchema,
});

export type TokenUsage = Readonly<z.infer<typeof tokenUsageSchema>>;

/** Bytes of text that one token stands for, where a provider counts none. */
const BYTES_PER_TOKEN = 4;

/** Tokens of so many bytes, for quotas: an estimate. */
export function estimatedTokens(bytes: number): number {
  return Math.ceil(bytes / BYTES_PER_TOKEN);
}
