/** Is this one of the machines, apps or issuers the policy knows? A quote proves a key, not a place: lists of known chips add the place. */

import { fail, pass } from '../model/check.ts';
import { type AppraisalContext, type ClaimsNode, located, POLICY_SPEC, type WholeQuestion } from './question.ts';

export const askIdentity: WholeQuestion = (nodes, context) => [...askLists(nodes, context), ...askTokenIssuers(nodes, context)];

function askLists(nodes: readonly ClaimsNode[], { policy }: AppraisalContext) {
  return Object.entries(policy.identity ?? {}).flatMap(([name, accepted]) => {
    const id = `policy.identity.${name}`;
    const spec = `${POLICY_SPEC} identity`;
    const expected = accepted.join(', ');
    const checks = nodes.flatMap(({ prefix, claims }) => {
      const actual = claims.identity[name];
      if (actual === undefined) return [];
      return [located(prefix, accepted.includes(actual) ? pass(id, spec, actual, expected) : fail(id, spec, expected, actual))];
    });
    return checks.length > 0 ? checks : [fail(id, spec, expected, `the evidence names no ${name}`)];
  });
}

function askTokenIssuers(nodes: readonly ClaimsNode[], { policy }: AppraisalContext) {
  const accepted = policy.tokenIssuers;
  if (accepted === undefined) return [];
  const id = 'policy.token-issuer';
  const spec = `${POLICY_SPEC} tokenIssuers`;
  const tokens = nodes.filter(({ claims }) => claims.type === 'token');
  if (tokens.length === 0) return [fail(id, spec, accepted.join(', '), 'no token in this evidence')];
  return tokens.map(({ prefix, claims }) => {
    const actual = claims.identity.issuer ?? 'none';
    return located(
      prefix,
      accepted.includes(actual) ? pass(id, spec, actual, accepted.join(', ')) : fail(id, spec, accepted.join(', '), actual),
    );
  });
}
