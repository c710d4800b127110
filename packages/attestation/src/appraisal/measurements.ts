/**
 * Is this the software the policy wants? Of the rules that speak of a part any match will do. A rule that speaks of no part of the
 * evidence refuses, so that evidence cannot pass by leaving the measured part out; unless the rule says that its part is optional, and
 * then at least one rule must have been compared.
 */

import { type Check, fail, notChecked, pass } from '../model/check.ts';
import type { NamedClaims } from '../model/claims.ts';
import type { MeasurementRule, SignedMeasurements } from '../model/policy.ts';
import { located, POLICY_SPEC, type WholeQuestion } from './question.ts';
import { SIGNER_SLOTS } from './signer-slots.ts';

type MeasuredValues = Readonly<Record<string, readonly string[]>>;

const ID = 'policy.measurements';
const SPEC = `${POLICY_SPEC} measurements`;

export const askMeasurements: WholeQuestion = (nodes, { policy }) => {
  const rules = policy.measurements;
  if (rules === undefined) return [notChecked(ID, SPEC, 'no reference values given')];
  const checks = nodes.flatMap(({ prefix, claims }) => {
    const applicable = rules.filter((rule) => applies(rule, claims));
    return applicable.length === 0 ? [] : [located(prefix, compare(applicable, claims))];
  });
  const unmet = rules.filter((rule) => rule.presence !== 'optional' && !nodes.some(({ claims }) => applies(rule, claims)));
  const missing = unmet.map((rule) => fail(ID, SPEC, describe([rule]), `no ${subjectOf(rule)} in this evidence`));
  if (checks.length + missing.length > 0) return [...missing, ...checks];
  return [fail(ID, SPEC, describe(rules), 'nothing in this evidence that these rules speak of')];
};

/** What a rule speaks of: `tpm`, or the measurements it names. */
function subjectOf(rule: MeasurementRule): string {
  return rule.type ?? ('values' in rule ? Object.keys(rule.values).join(', ') : 'such part');
}

function applies(rule: MeasurementRule, claims: NamedClaims): boolean {
  if (rule.type !== undefined) return rule.type === claims.type;
  return 'values' in rule && Object.keys(rule.values).some((name) => claims.measurements[name] !== undefined);
}

function compare(rules: readonly MeasurementRule[], claims: NamedClaims): Check {
  const matched = rules.find((rule) =>
    'values' in rule ? mismatches(rule.values, claims).length === 0 : signedBy(rule, claims),
  );
  if (matched !== undefined) return pass(ID, SPEC, matched.name ?? describe([matched]), describe(rules));
  const differing = rules.map((rule) => ('values' in rule ? { ...rule, values: differencesOf(rule.values, claims) } : rule));
  const named = new Set(differing.flatMap((rule) => ('values' in rule ? Object.keys(rule.values) : [])));
  const shown = rules.every((rule) => 'values' in rule) ? [...named] : Object.keys(claims.measurements);
  const actual = shown.map((name) => `${name} ${claims.measurements[name] ?? 'absent'}`);
  return fail(ID, SPEC, describe(differing), actual.join(', ') || 'no measurements');
}

/** Those of the wanted values that the claims do not have: what agrees says nothing about why a rule refuses. */
function differencesOf(values: MeasuredValues, claims: NamedClaims): MeasuredValues {
  return Object.fromEntries(mismatches(values, claims).map((name) => [name, values[name] ?? []]));
}

function mismatches(values: MeasuredValues, claims: NamedClaims): readonly string[] {
  return Object.entries(values).flatMap(([name, accepted]) => {
    const actual = claims.measurements[name];
    return actual !== undefined && accepted.includes(actual) ? [] : [name];
  });
}

function signedBy(rule: SignedMeasurements, claims: NamedClaims): boolean {
  const slots = SIGNER_SLOTS[rule.type];
  if (slots === undefined || !slots.signer.some((name) => claims.measurements[name] === rule.signer.value)) return false;
  const { product, minimumVersion } = rule.signer;
  if (product !== undefined && number(slots.product?.(claims)) !== product) return false;
  return minimumVersion === undefined || number(slots.version?.(claims)) >= minimumVersion;
}

/** A number claimed as such or in decimal digits; NaN, which compares false with everything, for anything else. */
function number(value: unknown): number {
  if (typeof value === 'number') return value;
  return typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : Number.NaN;
}

function describe(rules: readonly MeasurementRule[]): string {
  return rules
    .map((rule) => {
      const type = rule.type === undefined ? '' : `${rule.type} `;
      if ('values' in rule) {
        const wanted = Object.entries(rule.values).map(([name, values]) => `${name} ${values.join(' or ')}`);
        return `${rule.name === undefined ? '' : `${rule.name}: `}${type}${wanted.join(', ')}`;
      }
      const { value, product, minimumVersion } = rule.signer;
      const productText = product === undefined ? '' : `, product ${product}`;
      const version = minimumVersion === undefined ? '' : `, version ≥ ${minimumVersion}`;
      return `${rule.name === undefined ? '' : `${rule.name}: `}${type}signed by ${value}${productText}${version}`;
    })
    .join('; or ');
}
