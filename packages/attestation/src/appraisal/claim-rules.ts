/** Rules over any claim by its path, for what the policy format has no word for. */

import { type Check, fail, pass } from '../model/check.ts';
import type { NamedClaims } from '../model/claims.ts';
import type { ClaimRule } from '../model/policy.ts';
import { located, POLICY_SPEC, type WholeQuestion } from './question.ts';

const SPEC = `${POLICY_SPEC} claims`;

export const askClaimRules: WholeQuestion = (nodes, { policy }) =>
  (policy.claims ?? []).flatMap((rule) => {
    const asked = rule.type === undefined ? nodes.slice(0, 1) : nodes.filter(({ claims }) => claims.type === rule.type);
    if (asked.length === 0)
      return [fail(`policy.claim.${rule.path}`, SPEC, describe(rule), `no ${rule.type} in this evidence`)];
    return asked.map(({ prefix, claims }) => located(prefix, compare(rule, claims)));
  });

function compare(rule: ClaimRule, claims: NamedClaims): Check {
  const actual = valueAt(claims, rule.path);
  const shown = actual === undefined ? 'absent' : String(JSON.stringify(actual));
  const id = `policy.claim.${rule.path}`;
  if (holds(rule, actual)) return pass(id, SPEC, shown, describe(rule));
  return fail(id, SPEC, describe(rule), `${shown}${raisedBy(rule, actual)}`);
}

/** What raises a security level of SEV-SNP firmware. Source: AMD 56860 §2.2, TCB_VERSION. */
const SNP_LEVELS: Readonly<Record<string, string>> = {
  fmc: "the machine's BIOS (firmware of the management controller)",
  bootloader: "the machine's BIOS (boot loader of the security processor)",
  tee: "the machine's BIOS (operating system of the security processor)",
  snp: 'the SEV firmware, by the BIOS or the host',
  microcode: 'the CPU microcode, by the BIOS or the host',
};

function raisedBy({ path, atLeast }: ClaimRule, actual: unknown): string {
  const [, , , level = ''] = /^(details)\.(tcb)\.\w+\.(\w+)$/.exec(path) ?? [];
  const source = SNP_LEVELS[level];
  return source === undefined || atLeast === undefined || typeof actual !== 'number'
    ? ''
    : `, raised by an update of ${source}`;
}

function holds(rule: ClaimRule, actual: unknown): boolean {
  if (rule.equals !== undefined) return actual === rule.equals;
  if (rule.oneOf !== undefined) return rule.oneOf.includes(actual as string);
  if (typeof actual !== 'number') return false;
  if (rule.atLeast !== undefined) return actual >= rule.atLeast;
  return rule.atMost !== undefined && actual <= rule.atMost;
}

/** Own members only: a path cannot reach what the claims do not state. */
function valueAt(from: unknown, path: string): unknown {
  let value = from;
  for (const name of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Readonly<Record<string, unknown>>)[name];
  }
  return value;
}

function describe(rule: ClaimRule): string {
  if (rule.equals !== undefined) return JSON.stringify(rule.equals);
  if (rule.oneOf !== undefined) return rule.oneOf.map((value) => JSON.stringify(value)).join(' or ');
  return rule.atLeast !== undefined ? `≥ ${rule.atLeast}` : `≤ ${rule.atMost}`;
}
