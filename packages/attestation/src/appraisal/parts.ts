/** Are all parts there? Evidence of several parts could otherwise pass by leaving the one out that would be refused. */

import { fail, pass } from '../model/check.ts';
import type { EvidenceType } from '../model/claims.ts';
import { type ClaimsNode, POLICY_SPEC, type WholeQuestion } from './question.ts';

const SPEC = `${POLICY_SPEC} parts`;

export const askParts: WholeQuestion = (nodes, { policy }) =>
  Object.entries(policy.parts ?? {}).map(([type, minimum]) => {
    const found = partsOfType(nodes, type as EvidenceType).length;
    const expected = `at least ${minimum}`;
    const id = `policy.parts.${type}`;
    return found >= minimum ? pass(id, SPEC, String(found), expected) : fail(id, SPEC, expected, String(found));
  });

/**
 * Parts of this type themselves; what only holds several of them (a file with two GPUs) is none. A token over other tokens is one: it
 * is signed by itself.
 */
export function partsOfType(nodes: readonly ClaimsNode[], type: EvidenceType): readonly ClaimsNode[] {
  if (type === 'token') return nodes.filter(({ claims }) => claims.type === type);
  return nodes.filter(
    ({ claims }) => claims.type === type && !Object.values(claims.submodules).some((part) => part.type === type),
  );
}
