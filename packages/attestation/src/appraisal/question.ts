/**
 * A question: one pure function from verified claims and the caller's wishes to checks. One file each; `appraise.ts` lists them.
 * A question about a part is put to the whole and to every submodule; a question about the whole is put once, to all nodes.
 */

import type { Check } from '../model/check.ts';
import type { NamedClaims } from '../model/claims.ts';
import type { Expected, Policy } from '../model/policy.ts';

export interface AppraisalContext {
  readonly policy: Policy;
  readonly expected: Expected;
  /** Epoch milliseconds at which the question is put. */
  readonly now: number;
}

/** One set of claims with its place: `''` for the whole, `gpu-0/`, `gateway/gpu-0/` … for parts. */
export interface ClaimsNode {
  readonly prefix: string;
  readonly claims: NamedClaims;
}

/** The whole and every part below it, the whole first. */
export function listNodes(claims: NamedClaims, prefix = ''): readonly ClaimsNode[] {
  const parts = Object.entries(claims.submodules).flatMap(([name, part]) => listNodes(part, `${prefix}${name}/`));
  return [{ prefix, claims }, ...parts];
}

export type PartQuestion = (claims: NamedClaims, context: AppraisalContext) => readonly Check[];
export type WholeQuestion = (nodes: readonly ClaimsNode[], context: AppraisalContext) => readonly Check[];

/** The section every policy check refers to. */
export const POLICY_SPEC = 'spec/policy.md';

/** The same check, named after the part it is about. */
export function located(prefix: string, check: Check): Check {
  return prefix === '' ? check : { ...check, id: `${prefix}${check.id}` };
}
