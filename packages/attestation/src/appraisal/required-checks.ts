/** Was a verification step made that the policy insists on? A skipped step is no pass. */

import { fail, pass } from '../model/check.ts';
import { POLICY_SPEC, type WholeQuestion } from './question.ts';

export const askRequiredChecks: WholeQuestion = (nodes, { policy }) =>
  (policy.requiredChecks ?? []).map((wanted) => {
    const id = `policy.required.${wanted}`;
    const spec = `${POLICY_SPEC} requiredChecks`;
    const made = nodes.flatMap(({ claims }) => claims.checks.filter((check) => check.id === wanted));
    const open = made.find(({ outcome }) => outcome !== 'pass');
    if (made.length === 0) return fail(id, spec, 'pass', 'no such step for this evidence');
    return open === undefined ? pass(id, spec, 'pass') : fail(id, spec, 'pass', open.outcome);
  });
