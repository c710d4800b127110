/** Receipts as a list shows them. */

import { z } from 'zod';
import { taskStatusSchema } from './work.ts';

export const receiptListSchema = z.object({
  receipts: z.array(
    z.object({
      receipt_id: z.string(),
      task_id: z.string(),
      task: z.string().describe('kind of work'),
      title: z.string().describe('one line, from the request'),
      outcome: taskStatusSchema,
      served_at: z.number().int().describe('epoch seconds'),
      log_index: z.number().int().nullable(),
      state: z.enum(['running', 'sealed', 'interrupted']),
      complete: z.boolean(),
      cursor: z.number().int(),
      bundle_url: z.string().nullable(),
    }),
  ),
  next: z.number().int().nullable().describe('cursor of the next page, for before'),
});
