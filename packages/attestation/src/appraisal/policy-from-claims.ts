/**
 * A policy that accepts what authentic evidence shows, and refuses evidence that lacks any part of it: every measurement, the number of
 * parts of each type, GPUs and the issuers of tokens. The evidence itself passes the policy, or the caller learns which check does not.
 */

import type { Check } from '../model/check.ts';
import type { EvidenceType, VerifiedNamedClaims } from '../model/claims.ts';
import type { MeasurementRule, Policy } from '../model/policy.ts';
import { appraise } from './appraise.ts';
import { openManifests } from './gpu.ts';
import { formatInstant } from './instant.ts';
import { partsOfType } from './parts.ts';
import { STRICT_POLICY } from './presets.ts';
import { type ClaimsNode, listNodes } from './question.ts';
import { isHostRequested } from './requester.ts';

/** Measurements that name an instance and not its software: Nitro's PCR 4 is the hash of the instance id. */
const VOLATILE: Readonly<Partial<Record<EvidenceType, readonly string[]>>> = { nitro: ['pcr4'] };
/** Compared with the vendor's signed manifests instead of by values of one machine. */
const MANIFESTED: readonly EvidenceType[] = ['nvidia-gpu', 'nvidia-switch'];
const HOUR_SECONDS = 3600;

export interface DraftPolicyOptions {
  /** Epoch milliseconds at which the evidence was verified. */
  readonly now: number;
  /** Accepts debuggable environments, which keep no secret, if the evidence is from one. */
  readonly allowDebug?: boolean;
}

export interface DraftPolicy {
  readonly policy: Policy;
  /** Where the policy asks less than `strict`, because the evidence shows less. One sentence each. */
  readonly concessions: readonly string[];
  /** Checks that the evidence itself does not pass under this policy; empty when the policy fits. */
  readonly failed: readonly Check[];
}

/**
 * Writes a policy from `claims`, on the base of `strict` without its refused products.
 * @example
 * const { policy, failed } = draftPolicy(claims, { now: Date.now() });
 */
export function draftPolicy(claims: VerifiedNamedClaims, options: DraftPolicyOptions): DraftPolicy {
  const { now } = options;
  const nodes = listNodes(claims);
  const { refusedProducts: _, ...strict } = STRICT_POLICY;
  const measurements = distinct(nodes.flatMap(measurementRule));
  const simulatedRoots = [...new Set(nodes.flatMap(({ claims: part }) => (part.simulated ? [part.root] : [])))];
  const issuers = [
    ...new Set(nodes.flatMap(({ claims: part }) => (part.type === 'token' ? [part.identity.issuer ?? 'none'] : []))),
  ];
  const conceded = concessions(nodes, options);
  const policy: Policy = {
    ...strict,
    name: `from-${claims.type}`,
    description: `Made ${formatInstant(now)} from evidence; accepts this software only. Review before use.`,
    types: typesOf(nodes),
    ...(simulatedRoots.length === 0 ? {} : { simulatedRoots }),
    ...conceded.members,
    ...(nodes.length === 1 ? {} : { parts: partsOf(nodes) }),
    ...(measurements.length === 0 ? {} : { measurements }),
    ...gpuRule(nodes),
    ...(issuers.length === 0 ? {} : { tokenIssuers: issuers }),
  };
  const failed = appraise(claims, { now, policy }).checks.filter(({ outcome }) => outcome === 'fail');
  return { policy, concessions: conceded.sentences, failed };
}

/**
 * What a policy from `claims` can tell apart from other software: measurements, GPUs, switches, issuers.
 * @example if (!hasSubstance(policyFrom(verified))) console.warn('this policy accepts any software')
 */
export function hasSubstance({ measurements, gpu, parts, tokenIssuers, types }: Policy): boolean {
  const pinned = [measurements, gpu, parts, tokenIssuers].some((member) => member !== undefined);
  return pinned || types?.includes('nvidia-switch') === true;
}

function typesOf(nodes: readonly ClaimsNode[]): readonly EvidenceType[] {
  return [...new Set(nodes.map(({ claims }) => claims.type))];
}

function partsOf(nodes: readonly ClaimsNode[]): NonNullable<Policy['parts']> {
  return Object.fromEntries(typesOf(nodes).map((type) => [type, partsOfType(nodes, type).length]));
}

function measurementRule({ claims: { type, measurements } }: ClaimsNode): readonly MeasurementRule[] {
  if (MANIFESTED.includes(type)) return [];
  const values = Object.entries(measurements).filter(([name]) => VOLATILE[type]?.includes(name) !== true);
  return values.length === 0 ? [] : [{ type, values: Object.fromEntries(values.map(([name, value]) => [name, [value]])) }];
}

function distinct(rules: readonly MeasurementRule[]): readonly MeasurementRule[] {
  return [...new Map(rules.map((rule) => [JSON.stringify(rule), rule])).values()];
}

/** Signed manifests are demanded only when they were there. */
function gpuRule(nodes: readonly ClaimsNode[]): Pick<Policy, 'gpu'> {
  const gpus = partsOfType(nodes, 'nvidia-gpu');
  if (gpus.length === 0) return {};
  const named = gpus.map(({ claims }) => claims.identity.architecture);
  const architectures = [...new Set(named.filter((name) => name !== undefined))];
  const compared = gpus.every(({ claims }) => openManifests(claims).length === 0);
  return {
    gpu: {
      minimumCount: gpus.length,
      ...(architectures.length === 0 || architectures.length < new Set(named).size ? {} : { architectures }),
      referenceManifests: compared ? 'required' : 'when-given',
    },
  };
}

interface Concessions {
  readonly members: Partial<Policy>;
  readonly sentences: readonly string[];
}

function concessions(nodes: readonly ClaimsNode[], { now, allowDebug = false }: DraftPolicyOptions): Concessions {
  const statuses = [...new Set(nodes.flatMap(({ claims }) => claims.tcb?.status ?? []))].filter((each) => each !== 'UpToDate');
  const debug = allowDebug && nodes.some(({ claims }) => claims.debug === true);
  const byHost = nodes.some(({ claims }) => isHostRequested(claims.details));
  const ages = nodes.flatMap(({ claims }) => (claims.issuedAt === null ? [] : [(now - claims.issuedAt) / 1000]));
  const hours = Math.max(1, Math.ceil(Math.max(0, ...ages) / HOUR_SECONDS));
  const unmanifested = partsOfType(nodes, 'nvidia-gpu').some(({ claims }) => openManifests(claims).length > 0);
  return {
    members: {
      ...(statuses.length === 0 ? {} : { tcb: { statuses: ['UpToDate', ...statuses] } }),
      ...(debug ? { debug: 'allow' as const } : {}),
      ...(byHost ? { hostRequested: 'allow' as const } : {}),
      ...(hours === 1 ? {} : { freshness: { maxAgeSeconds: hours * HOUR_SECONDS, skewSeconds: 60, required: false } }),
    },
    sentences: [
      ...(statuses.length === 0 ? [] : [`the firmware is ${statuses.join(', ')}, and the policy accepts that`]),
      ...(debug ? ['the environment is debuggable and keeps no secret, and the policy accepts that'] : []),
      ...(byHost ? ['the host asked for this report and not the guest, and the policy accepts that'] : []),
      ...(hours === 1 ? [] : [`the evidence is ${hours} hours old at most, and the policy accepts that age`]),
      ...(unmanifested
        ? ['no signed manifests were there for every GPU, so the policy does not demand them; give them with --collateral']
        : []),
    ],
  };
}
