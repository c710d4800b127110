/** Parameters of queries: text as it was sent, read strictly. */

import { z } from '@hono/zod-openapi';

export interface WholeParameter {
  readonly least: number;
  readonly most: number;
  /** The refusal, given the text as JSON. */
  readonly refuse: (given: string) => string;
}

/** A whole number in decimal digits; may be left out. */
export function wholeParameter({ least, most, refuse }: WholeParameter) {
  return z
    .string()
    .transform((text, context) => {
      const value = /^[0-9]{1,16}$/.test(text) ? Number(text) : Number.NaN;
      if (value >= least && value <= most) return value;
      context.addIssue({ code: 'custom', message: refuse(JSON.stringify(text.slice(0, 40))) });
      return z.NEVER;
    })
    .optional()
    .openapi({ type: 'integer', minimum: least, maximum: most });
}

/** `1` or `true` is yes; everything else, and nothing, is no. */
export const flagParameter = z
  .string()
  .optional()
  .transform((text) => text === '1' || text === 'true')
  .openapi({ type: 'string' });

/** Names, joined by commas; may be left out. */
export const namesParameter = <Name extends z.ZodType<string, string>>(name: Name) =>
  z
    .string()
    .max(400)
    .transform((text) => text.split(','))
    .pipe(z.array(name).max(16))
    .optional()
    .openapi({ type: 'string' });

/** One page of a list, newest first: words that are searched for in `fields`, how many entries, and where the page begins. */
export const pageParameters = (fields: string) => ({
  search: z.string().max(200).optional().describe(`text in ${fields}, whatever its case`),
  limit: wholeParameter({
    least: 1,
    most: 200,
    refuse: (given) => `expected limit from 1 to 200, got ${given}; leave it out for 50`,
  }),
  before: wholeParameter({
    least: 0,
    most: Number.MAX_SAFE_INTEGER,
    refuse: (given) => `expected a cursor, got ${given}; take "next" of the page before`,
  }).describe('cursor of an earlier page'),
});
