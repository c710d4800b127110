/** A policy in plain sentences, for the person who approves it: what it demands, and what it leaves open. */

import type { EvidenceType } from '../model/claims.ts';
import type { DatedException, MeasurementRule, Policy } from '../model/policy.ts';
import { typeName } from './scope.ts';

/**
 * One sentence a rule, in the order of the questions; rules that are left out are named at the end.
 *
 * @example
 * explainPolicy(STRICT_POLICY).join('\n');
 */
export function explainPolicy(policy: Policy): readonly string[] {
  const lines: string[] = [];
  const open: string[] = [];
  const say = (asked: boolean, sentence: () => string, missing: string): void => {
    if (asked) lines.push(sentence());
    else open.push(missing);
  };
  say(policy.types !== undefined, () => `Accepts only: ${policy.types?.map(typeName).join(', ')}.`, 'the kind of evidence');
  say(
    policy.roots !== undefined,
    () => `Accepts only these roots: ${policy.roots?.join(', ')}.`,
    'which of the pinned roots signed',
  );
  lines.push(
    policy.simulatedRoots === undefined || policy.simulatedRoots.length === 0
      ? `Refuses simulated evidence${policy.simulated === 'refuse' ? ', also of a simulator that the caller names' : ''}.`
      : `Accepts SIMULATED evidence under ${policy.simulatedRoots.join(', ')}.`,
  );
  lines.push(
    policy.debug === 'allow' ? 'Accepts debuggable environments, WHICH KEEP NO SECRET.' : 'Refuses debuggable environments.',
  );
  if (policy.hostRequested === 'refuse') lines.push('Refuses SEV-SNP reports that the host asked for.');
  for (const [type, count] of Object.entries(policy.parts ?? {}))
    lines.push(`Demands at least ${count} verified part${count === 1 ? '' : 's'} of type ${typeName(type as EvidenceType)}.`);
  say(
    policy.measurements !== undefined,
    () => `Accepts software that is ${policy.measurements?.map(describeRule).join('; or ')}. ${presenceOf(policy)}`,
    'measurements',
  );
  explainTcb(policy, say);
  say(
    policy.freshness !== undefined,
    () =>
      `Refuses evidence older than ${policy.freshness?.maxAgeSeconds} s or more than ${policy.freshness?.skewSeconds} s in the future` +
      `${policy.freshness?.required === true ? ', and evidence that shows neither time nor nonce' : ''}.`,
    'age',
  );
  lines.push(
    policy.nonce === 'required'
      ? 'Demands a nonce of the caller and compares it.'
      : 'Compares the nonce when the caller gives one.',
  );
  const bindings = Object.entries(policy.bindings ?? {});
  say(
    bindings.length > 0,
    () => `Demands ${bindings.map(([slot, values]) => `${slot} ${(values as readonly string[]).join(' or ')}`).join(' and ')}.`,
    'bound keys beyond those the caller expects',
  );
  if (policy.gpu !== undefined) {
    const { minimumCount, architectures, referenceManifests } = policy.gpu;
    lines.push(
      `Demands at least ${minimumCount} genuine GPU${minimumCount === 1 ? '' : 's'}` +
        `${architectures === undefined ? '' : ` of ${architectures.join(' or ')}`}` +
        `${referenceManifests === 'required' ? ', measured equal to signed manifests' : ''}.`,
    );
  }
  if (policy.refusedProducts !== undefined && policy.refusedProducts.length > 0)
    lines.push(`Refuses ${policy.refusedProducts.join(', ')}.`);
  for (const [name, values] of Object.entries(policy.identity ?? {}))
    lines.push(`Accepts only ${name} ${values.join(' or ')}.`);
  if (policy.tokenIssuers !== undefined) lines.push(`Accepts tokens only of ${policy.tokenIssuers.join(', ')}.`);
  for (const check of policy.requiredChecks ?? []) lines.push(`Refuses when the step ${check} was skipped.`);
  for (const { path, type } of policy.claims ?? [])
    lines.push(`Compares the claim ${path}${type === undefined ? '' : ` of ${type}`}.`);
  if (open.length > 0) lines.push(`Leaves open: ${open.join(', ')}.`);
  return lines;
}

function explainTcb({ tcb }: Policy, say: (asked: boolean, sentence: () => string, missing: string) => void): void {
  say(
    tcb !== undefined,
    () => `Accepts firmware standing ${tcb?.statuses.join(', ')}${until(tcb?.grace)}; Intel evidence only, others have none.`,
    'firmware standing',
  );
  if (tcb?.advisories !== undefined) {
    say(
      true,
      () =>
        tcb.advisories?.length === 0 ? 'Accepts no open advisory.' : `Accepts open advisories only:${until(tcb.advisories)}.`,
      '',
    );
  }
  if (tcb?.minimumEvaluationNumber !== undefined)
    say(true, () => `Demands TCB evaluation ${tcb.minimumEvaluationNumber} or later.`, '');
  if (tcb?.minimumDate !== undefined) say(true, () => `Demands a TCB date of ${tcb.minimumDate} or later.`, '');
}

function presenceOf({ measurements = [] }: Policy): string {
  return measurements.every(({ presence }) => presence === 'optional')
    ? 'One of these must be there.'
    : 'Evidence without a part that one of these speaks of is refused, unless it is marked optional.';
}

function until(exceptions: readonly DatedException[] | undefined): string {
  return (exceptions ?? []).map((exception) => `, ${exception.id} until ${exception.until}`).join('');
}

function describeRule(rule: MeasurementRule): string {
  const optional = rule.presence === 'optional' ? 'optional ' : '';
  const name = `${optional}${rule.name === undefined ? '' : `"${rule.name}": `}`;
  if ('signer' in rule) {
    const { value, product, minimumVersion } = rule.signer;
    return `${name}${typeName(rule.type)} signed by ${value}${product === undefined ? '' : `, product ${product}`}${minimumVersion === undefined ? '' : `, version ${minimumVersion} or later`}`;
  }
  const named = new Map<string, string[]>();
  for (const [measurement, accepted] of Object.entries(rule.values)) {
    const wanted = accepted.join(' or ');
    named.set(wanted, [...(named.get(wanted) ?? []), measurement]);
  }
  // Registers that nothing was measured into are alike, and a document has a dozen of them.
  const values = [...named].map(([wanted, names]) => `${names.join(', ')} = ${wanted}`);
  return `${name}${rule.type === undefined ? '' : `${typeName(rule.type)} with `}${values.join(' and ')}`;
}
