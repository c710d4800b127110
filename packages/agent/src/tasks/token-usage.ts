/** Tokens of one reply, as the provider counts them. */

import { z } from 'zod';

const countSchema = z.number().int().nullable();

export const tokenUsageSchema = z.object({
  prompt_tokens: countSchema,
  completion_tokens: countSchema,
  total_tokens: countSchema,
});

export type TokenUsage = Readonly<z.infer<typeof tokenUsageSchema>>;
