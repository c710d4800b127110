/** The findings in a model's reply. Whatever the model wrote is a claim; shapes and sizes are bounded before anything is done with it. */

import { INVARIANTS } from '@assay/contracts';
import { parseLooseJson } from '@assay/encoding/json';
import { z } from 'zod';

/** Findings that are read of one reply. */
const MOST_CLAIMS = 8;
const MOST_CALLS = 24;
const MOST_REPLY = 512 * 1024;

const wei = z.string().regex(/^[0-9]{1,30}$/);
const values = z.array(z.unknown()).max(16).default([]);
const signature = z.string().regex(/^[A-Za-z_$][\w$]{0,100}\([\w$,[\]() ]{0,400}\)$/);

const honestCall = z.object({
  from: z.enum(['deployer', 'alice', 'bob']),
  function: signature,
  args: values,
  value: wei.default('0'),
});

const attackerCall = z.object({
  to: z.enum(['target', 'attack']),
  function: signature,
  args: values,
  value: wei.default('0'),
  wait: z.number().int().min(0).max(315_360_000).default(1),
});

const exploitSchema = z.object({
  invariant: z.enum(INVARIANTS),
  target: z.string().min(1).max(600),
  constructor_args: values,
  constructor_value: wei.default('0'),
  /** Name of the view function that tells one account's deposit. */
  deposit_getter: z
    .string()
    .regex(/^[A-Za-z_$][\w$]{0,100}$/)
    .optional(),
  honest: z.array(honestCall).max(MOST_CALLS).default([]),
  attack_source: z
    .string()
    .max(64 * 1024)
    .nullish(),
  attack_value: wei.default('0'),
  exploit: z.array(attackerCall).max(MOST_CALLS).default([]),
});

const claimSchema = z.object({
  title: z.string().min(1).max(200),
  description: z.string().max(4000).default(''),
  source: z.string().max(512).nullish(),
  line: z.number().int().positive().nullish(),
  exploit: z.unknown().optional(),
});

export type ClaimedExploit = z.infer<typeof exploitSchema>;

export interface Claim {
  readonly title: string;
  readonly description: string;
  /** One of the audited sources, or `null`. */
  readonly source: string | null;
  readonly line: number | null;
  /** `null` when the model gave none; a text says what is wrong with the one that it gave. */
  readonly exploit: ClaimedExploit | string | null;
}

/**
 * The claims of a reply: the members of `findings` of the JSON object in it. `null` when there is no such object.
 * @example claimsIn('{"findings":[{"title":"anyone can withdraw"}]}', sources)?.length // 1
 */
export function claimsIn(text: string, sources: Readonly<Record<string, unknown>>): readonly Claim[] | null {
  const [from, to] = [text.indexOf('{'), text.lastIndexOf('}')];
  if (from < 0 || to < from || to - from > MOST_REPLY) return null;
  let found: unknown;
  try {
    found = (parseLooseJson(text.slice(from, to + 1), 50_000) as { findings?: unknown } | null)?.findings;
  } catch {
    return null;
  }
  if (!Array.isArray(found)) return null;
  return found.slice(0, MOST_CLAIMS).flatMap((each) => {
    const read = claimSchema.safeParse(each);
    return read.success ? [claimOf(read.data, sources)] : [];
  });
}

function claimOf({ exploit, ...claim }: z.infer<typeof claimSchema>, sources: Readonly<Record<string, unknown>>): Claim {
  const source = claim.source != null && Object.hasOwn(sources, claim.source) ? claim.source : null;
  const { title, description } = claim;
  return { title, description, source, line: source === null ? null : (claim.line ?? null), exploit: exploitOf(exploit) };
}

function exploitOf(given: unknown): Claim['exploit'] {
  if (given === undefined || given === null) return null;
  const read = exploitSchema.safeParse(given);
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  return `its exploit is not of the form: ${issue?.path.join('.')}: ${issue?.message}`.slice(0, 300);
}
