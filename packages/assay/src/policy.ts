/** Appraisal policies: written from claims, read from files, explained in sentences. */

import {
  AttestationError,
  draftPolicy,
  explainPolicy,
  type MeasurementRule,
  type Policy,
  type PolicyPreset,
  parsePolicy,
  type VerifiedClaims,
} from '@assay/attestation';
import { ClientError } from './errors.ts';
import { policyOf } from './verification/options.ts';

export {
  DEFAULT_POLICY,
  MODERATE_POLICY,
  type Policy,
  type PolicyPreset,
  parsePolicy,
  RELAXED_POLICY,
  STRICT_POLICY,
} from '@assay/attestation';

/** Options of `policyFrom`. */
export interface PolicyFromOptions {
  /** What the policy asks in addition to the software: a policy or a preset's name; `strict` by default. */
  readonly base?: Policy | PolicyPreset | undefined;
  /** Names of the measurements that must keep their values; all that name software by default. */
  readonly pin?: readonly string[] | undefined;
  /** TCB statuses that are accepted until a date: RFC 3339, or a day, which ends the exception as it begins (UTC). */
  readonly grace?: Readonly<Record<string, string>> | undefined;
}

/**
 * A policy that accepts the software of `claims` and refuses other software.
 *
 * @throws {ClientError} `client/unknown-measurement`; {AttestationError} `policy/malformed` for a date that is none.
 * @example
 * const policy = policyFrom(claims, { base: 'strict', pin: ['mrtd', 'rtmr0'], grace: { OutOfDate: '2026-12-31' } });
 */
export function policyFrom(claims: VerifiedClaims, { base = 'strict', pin, grace }: PolicyFromOptions = {}): Policy {
  const wanted = policyOf(base);
  const now = claims.issuedAt ?? Date.now();
  const { types, simulatedRoots, parts, measurements, gpu, tokenIssuers } = draftPolicy(claims, {
    now,
    allowDebug: false,
  }).policy;
  const members = {
    ...wanted,
    name: `from-${claims.type}`,
    description: `Accepts the software of one piece of ${claims.type} evidence, on the base of ${wanted.name ?? 'a policy'}. Review before use.`,
    ...{ types, parts, gpu, tokenIssuers },
    simulatedRoots: simulatedRoots ?? wanted.simulatedRoots,
    measurements: pin === undefined ? measurements : pinned(measurements ?? [], pin, claims),
    tcb: grace === undefined ? wanted.tcb : { ...(wanted.tcb ?? { statuses: ['UpToDate'] }), grace: exceptions(grace) },
  };
  return parsePolicy(JSON.stringify(members));
}

/**
 * What a policy does and leaves open, one sentence each.
 * @example explain('strict').join('\n')
 */
export function explain(policy: Policy | PolicyPreset): readonly string[] {
  return explainPolicy(policyOf(policy));
}

function pinned(
  rules: readonly MeasurementRule[],
  pin: readonly string[],
  { type }: VerifiedClaims,
): readonly MeasurementRule[] {
  const known = new Set(rules.flatMap((rule) => ('values' in rule ? Object.keys(rule.values) : [])));
  const unknown = pin.filter((name) => !known.has(name));
  if (unknown.length > 0 || pin.length === 0)
    throw new ClientError(
      'client/unknown-measurement',
      `pin: expected measurements of ${type} evidence (${[...known].join(', ') || 'it has none'}), got ${unknown.join(', ') || 'none'}; name those`,
    );
  return rules.flatMap<MeasurementRule>((rule) => {
    if (!('values' in rule)) return [rule];
    const values = Object.fromEntries(Object.entries(rule.values).filter(([name]) => pin.includes(name)));
    return Object.keys(values).length === 0 ? [] : [{ ...rule, values }];
  });
}

function exceptions(grace: Readonly<Record<string, string>>) {
  return Object.entries(grace).map(([id, until]) => {
    if (typeof until !== 'string')
      throw new AttestationError('policy/malformed', `grace.${id}: expected a date, got ${typeof until}; write 2026-12-31`);
    return { id, until: /^\d{4}-\d{2}-\d{2}$/.test(until) ? `${until}T00:00:00Z` : until };
  });
}
