/**
 * Are there enough genuine GPUs, of an accepted make, with measurements compared with the vendor's manifests?
 * Not asked here, because GPU evidence cannot answer it: whether these GPUs sit in the machine whose CPU was quoted.
 */

import { type Check, fail, pass } from '../model/check.ts';
import type { NamedClaims } from '../model/claims.ts';
import { partsOfType } from './parts.ts';
import { located, POLICY_SPEC, type WholeQuestion } from './question.ts';

const SPEC = `${POLICY_SPEC} gpu`;
/** Verification checks that compare measurements with signed manifests. */
const MANIFEST_CHECKS = ['nvidia.rim-driver-measurements', 'nvidia.rim-vbios-measurements'] as const;

export const askGpu: WholeQuestion = (nodes, { policy }) => {
  const rule = policy.gpu;
  if (rule === undefined) return [];
  const gpus = partsOfType(nodes, 'nvidia-gpu');
  const wanted = `at least ${rule.minimumCount}`;
  const count =
    gpus.length >= rule.minimumCount
      ? pass('policy.gpu-count', SPEC, String(gpus.length), wanted)
      : fail('policy.gpu-count', SPEC, wanted, String(gpus.length));
  const parts = gpus.flatMap(({ prefix, claims }) => {
    const checks: Check[] = [];
    if (rule.architectures !== undefined) checks.push(architecture(rule.architectures, claims));
    if (rule.referenceManifests === 'required') checks.push(manifests(claims));
    return checks.map((check) => located(prefix, check));
  });
  return [count, ...parts];
};

function architecture(accepted: readonly string[], claims: NamedClaims): Check {
  const actual = claims.identity.architecture ?? 'not named';
  const expected = accepted.join(', ');
  return accepted.some((name) => name.toUpperCase() === actual.toUpperCase())
    ? pass('policy.gpu-architecture', SPEC, actual, expected)
    : fail('policy.gpu-architecture', SPEC, expected, actual);
}

function manifests(claims: NamedClaims): Check {
  const expected = 'driver and VBIOS measurements equal to their signed manifests';
  const open = openManifests(claims);
  return open.length === 0
    ? pass('policy.gpu-manifests', SPEC, 'equal', expected)
    : fail('policy.gpu-manifests', SPEC, expected, open.join(', '));
}

/** The comparisons with signed manifests that did not pass, each with its outcome; empty when all did. */
export function openManifests({ checks }: Pick<NamedClaims, 'checks'>): readonly string[] {
  return MANIFEST_CHECKS.flatMap((wanted) => {
    const outcome = checks.find(({ id }) => id === wanted)?.outcome ?? 'not made';
    return outcome === 'pass' ? [] : [`${wanted} ${outcome}`];
  });
}
