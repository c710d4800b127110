/** What goes with a `SetVariable` that owners hand on (spec/operator.md §4): shown to an owner only when it is what the message commits to. */

import { z } from 'zod';
import { OperatorError } from './errors.ts';
import { type Hex, hash32Schema } from './hex.ts';
import type { OwnerFields } from './owner-message.ts';
import { matchValue } from './variables.ts';

/** What goes with a `SetVariable` in a file, as it was parsed from JSON. */
export interface GivenContent {
  readonly value?: unknown;
  readonly salt?: unknown;
  readonly sealed?: unknown;
}

/** What a signature sets: a value that was compared with its commitment, or one that only the agent can open. */
export type MatchedContent =
  | { readonly form: 'clear'; readonly value: string; readonly salt: Hex }
  | { readonly form: 'sealed'; readonly sealed: { readonly encapsulated: string; readonly ciphertext: string } };

const clearSchema = z.object({ value: z.string(), salt: hash32Schema, sealed: z.undefined().optional() });
const sealedSchema = z.object({
  value: z.undefined().optional(),
  sealed: z.strictObject({ encapsulated: z.string(), ciphertext: z.string() }),
});

/**
 * Holds what goes with a message against the commitment that is signed: a value with its salt, or a sealed value, which only the agent can
 * open and compare. One of them, for a signature serves for whatever is sent with it.
 * @throws {OperatorError} `operator/value-mismatch` for another value, for both or neither, and for a hidden variable in clear.
 * @example matchContent(message.fields, { value: 'hello', salt }).form // 'clear'
 */
export function matchContent(fields: OwnerFields<'SetVariable'>, given: GivenContent): MatchedContent {
  const sealed = sealedSchema.safeParse(given);
  if (sealed.success) return { form: 'sealed', sealed: sealed.data.sealed };
  const clear = clearSchema.safeParse(given);
  if (!clear.success || fields.visibility === 'hidden')
    throw new OperatorError(
      'operator/value-mismatch',
      `${fields.name}: expected ${fields.visibility === 'hidden' ? 'a sealed value' : 'a value with its salt, or a sealed value'}, got ${clear.success ? 'one in clear' : 'something else'}; ask for the change again`,
    );
  const { value, salt } = clear.data;
  matchValue(fields, salt, value);
  return { form: 'clear', value, salt };
}
