/** API keys and what they used, as routes take and give them. */

import { KEY_SCOPES } from '@assay/ledger';
import { z } from 'zod';

const amount = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);

export const scopeSchema = z.enum(KEY_SCOPES);

export const quotasSchema = z
  .strictObject({ requests: amount, tasks: amount, tokens: amount, bytes: amount })
  .partial()
  .describe('the most of each in one UTC day; what is left out has no limit');

export const newKeySchema = z.strictObject({
  name: z.string().describe('1 to 64 lower-case letters, digits, ".", "_" and "-"; never given twice'),
  scopes: z.array(scopeSchema).min(1).optional().describe('read, work and infer when left out'),
  quotas: quotasSchema.optional(),
});

const keyMembers = {
  name: z.string(),
  scopes: z.array(scopeSchema),
  quotas: quotasSchema,
  created_at: z.string(),
  revoked_at: z.string().nullable(),
};

export const addedKeySchema = z.object({ ...keyMembers, key: z.string().describe('told this once; the agent keeps its hash') });

export const keySchema = z.object(keyMembers);

export const keyListSchema = z.object({ keys: z.array(keySchema) });

const usageMembers = { requests: amount, tasks: amount, tokens: amount, bytes: amount };

export const usageSchema = z.object({
  name: z.string(),
  scopes: z.array(scopeSchema),
  quotas: quotasSchema,
  days: z.array(z.object({ day: z.string(), ...usageMembers })).describe('newest first; days without use are left out'),
});

export const usageReportSchema = z.object({
  usage: z
    .array(z.object({ day: z.string(), name: z.string().nullable().describe('null: a former ASSAY_API_KEY'), ...usageMembers }))
    .describe('newest day first'),
});
