/** Errors as clients get them. */

import { z } from 'zod';

/** RFC 9457, with this agent's own members. */
export const problemSchema = z
  .looseObject({
    type: z.string(),
    title: z.string(),
    status: z.number().int(),
    detail: z.string(),
    code: z.string().describe('docs/errors.md lists them'),
    success: z.literal(false),
    error: z.string().describe('the same as detail, for clients of the origin'),
    errors: z
      .array(z.object({ path: z.string(), message: z.string() }))
      .optional()
      .describe('every member of the request that is wrong'),
    request_id: z.string().optional(),
  })
  .meta({ id: 'Problem' });

/** Errors below `/v1/`. */
export const openAiErrorSchema = z
  .object({
    error: z.looseObject({
      message: z.string(),
      type: z.string().nullish(),
      param: z.string().nullish(),
      code: z.union([z.string(), z.number()]).nullish(),
    }),
    request_id: z.string().optional(),
  })
  .meta({ id: 'OpenAiError' });
