/**
 * Is the platform's firmware current enough? The vendor's statuses are taken as they are; exceptions carry a date at which they end.
 * Types without such a standing (Nitro, GPUs) read `not-checked`; Intel evidence without one is refused, and so is any evidence when the
 * policy sets a floor and no part has a standing.
 */

import { type Check, fail, notChecked, pass } from '../model/check.ts';
import type { EvidenceType, TcbStanding } from '../model/claims.ts';
import type { DatedException, TcbRule } from '../model/policy.ts';
import { parseInstant } from './instant.ts';
import { type PartQuestion, POLICY_SPEC, type WholeQuestion } from './question.ts';

const SPEC = `${POLICY_SPEC} tcb`;
/** Types whose verifier always learns a standing from signed collateral. */
const WITH_STANDING: readonly EvidenceType[] = ['sgx', 'tdx'];

export const askTcb: PartQuestion = (claims, { policy, now }) => {
  const rule = policy.tcb;
  if (rule === undefined)
    return [notChecked('policy.tcb-status', SPEC, `the policy asks nothing; ${claims.tcb?.status ?? 'no standing'}`)];
  const { tcb } = claims;
  if (tcb === null) {
    return [
      WITH_STANDING.includes(claims.type)
        ? fail('policy.tcb-status', SPEC, rule.statuses.join(', '), 'no standing')
        : notChecked('policy.tcb-status', SPEC, `${claims.type} evidence carries no vendor status`),
    ];
  }
  return [status(rule, tcb, now), ...advisories(rule, tcb, now), ...evaluation(rule, tcb), ...date(rule, tcb)];
};

const FLOORS = [
  { member: 'advisories', id: 'policy.tcb-advisories' },
  { member: 'minimumEvaluationNumber', id: 'policy.tcb-evaluation' },
  { member: 'minimumDate', id: 'policy.tcb-date' },
] as const;

/** A floor that no part of the evidence can be compared with is not met. */
export const askTcbFloors: WholeQuestion = (nodes, { policy: { tcb: rule } }) => {
  if (rule === undefined || nodes.some(({ claims }) => claims.tcb !== null)) return [];
  return FLOORS.filter(({ member }) => rule[member] !== undefined).map(({ member, id }) =>
    fail(id, SPEC, `a firmware standing to compare with ${member}`, 'no part of this evidence carries one'),
  );
};

function inDate(exceptions: readonly DatedException[] | undefined, id: string, now: number): boolean {
  return exceptions?.some((exception) => exception.id === id && now < (parseInstant(exception.until) ?? 0)) ?? false;
}

function status(rule: TcbRule, tcb: TcbStanding, now: number): Check {
  const grace = rule.grace?.map(({ id, until }) => `${id} until ${until}`) ?? [];
  const expected = [...rule.statuses, ...grace].join(', ');
  return rule.statuses.includes(tcb.status) || inDate(rule.grace, tcb.status, now)
    ? pass('policy.tcb-status', SPEC, tcb.status, expected)
    : fail('policy.tcb-status', SPEC, expected, tcb.reason === undefined ? tcb.status : `${tcb.status}: ${tcb.reason}`);
}

function advisories(rule: TcbRule, tcb: TcbStanding, now: number): readonly Check[] {
  const { advisories: allowed } = rule;
  if (allowed === undefined) {
    const seen = tcb.advisories.length === 0 ? 'none apply' : tcb.advisories.join(', ');
    return [notChecked('policy.tcb-advisories', SPEC, `the policy asks nothing; ${seen}`)];
  }
  const open = tcb.advisories.filter((id) => !inDate(allowed, id, now));
  const expected =
    allowed.length === 0 ? 'none' : `none but ${allowed.map(({ id, until }) => `${id} until ${until}`).join(', ')}`;
  return [
    open.length === 0
      ? pass('policy.tcb-advisories', SPEC, tcb.advisories.join(', ') || 'none', expected)
      : fail('policy.tcb-advisories', SPEC, expected, open.join(', ')),
  ];
}

function evaluation(rule: TcbRule, tcb: TcbStanding): readonly Check[] {
  const floor = rule.minimumEvaluationNumber;
  if (floor === undefined) return [];
  const actual = tcb.evaluationNumber;
  return [
    actual !== null && actual >= floor
      ? pass('policy.tcb-evaluation', SPEC, String(actual), `≥ ${floor}`)
      : fail('policy.tcb-evaluation', SPEC, `≥ ${floor}`, actual === null ? 'none' : String(actual)),
  ];
}

function date(rule: TcbRule, tcb: TcbStanding): readonly Check[] {
  if (rule.minimumDate === undefined) return [];
  const floor = parseInstant(rule.minimumDate);
  const actual = tcb.date === null ? null : parseInstant(tcb.date);
  return [
    floor !== null && actual !== null && actual >= floor
      ? pass('policy.tcb-date', SPEC, tcb.date, `≥ ${rule.minimumDate}`)
      : fail('policy.tcb-date', SPEC, `≥ ${rule.minimumDate}`, tcb.date ?? 'none'),
  ];
}
