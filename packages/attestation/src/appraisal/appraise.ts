/**
 * Appraisal (RFC 9334 §8.3): authentic claims + policy + what the caller expects → every question with its answer.
 * A mismatch never throws; it is a failed check. A question that was not put reads `not-checked` and never counts as passed.
 */

import type { Appraisal } from '../model/appraisal.ts';
import type { Check } from '../model/check.ts';
import type { VerifiedNamedClaims } from '../model/claims.ts';
import type { Expected, Policy } from '../model/policy.ts';
import { nameChecks } from './check-names.ts';
import { askClaimRules } from './claim-rules.ts';
import { askDebug } from './debug.ts';
import { askFreshness } from './freshness.ts';
import { askGpu } from './gpu.ts';
import { describeOutcome } from './headline.ts';
import { askIdentity } from './identity.ts';
import { askKeyBinding } from './key-binding.ts';
import { askMeasurements } from './measurements.ts';
import { askNonce } from './nonce.ts';
import { askParts } from './parts.ts';
import { DEFAULT_POLICY } from './presets.ts';
import { askProduct } from './product.ts';
import {
  type AppraisalContext,
  type ClaimsNode,
  listNodes,
  located,
  type PartQuestion,
  type WholeQuestion,
} from './question.ts';
import { askRequester, HOST_REQUESTED, isHostRequested } from './requester.ts';
import { askRequiredChecks } from './required-checks.ts';
import { askRoot } from './root.ts';
import { describeLimits, describeSubject, isMilan } from './scope.ts';
import { askSimulated } from './simulated.ts';
import { askTcb, askTcbFloors } from './tcb.ts';
import { askTeeType } from './tee-type.ts';

const PART_QUESTIONS: readonly PartQuestion[] = [
  askTeeType,
  askRoot,
  askSimulated,
  askDebug,
  askRequester,
  askTcb,
  askProduct,
  askFreshness,
];
const WHOLE_QUESTIONS: readonly WholeQuestion[] = [
  askParts,
  askTcbFloors,
  askMeasurements,
  askNonce,
  askKeyBinding,
  askGpu,
  askIdentity,
  askRequiredChecks,
  askClaimRules,
];

export interface AppraiseOptions {
  /** Epoch milliseconds. */
  readonly now: number;
  /** Default: {@link DEFAULT_POLICY}. */
  readonly policy?: Policy;
  readonly expected?: Expected;
}

/**
 * Puts every question of `policy` to `claims`.
 *
 * @returns all checks, those of verification first, and `refused` when any of them failed.
 * @example
 * const { outcome, checks } = appraise(claims, { now: Date.now(), policy: STRICT_POLICY, expected: { nonce } });
 */
export function appraise(claims: VerifiedNamedClaims, options: AppraiseOptions): Appraisal {
  const { now, policy = DEFAULT_POLICY, expected = {} } = options;
  const context: AppraisalContext = { now, policy, expected };
  const nodes = listNodes(claims);
  const ofParts = nodes.flatMap((node) => [
    ...node.claims.checks.map((check) => located(node.prefix, check)),
    ...PART_QUESTIONS.flatMap((ask) => ask(node.claims, context)).map((check) => located(node.prefix, check)),
  ]);
  const checks = [...ofParts, ...WHOLE_QUESTIONS.flatMap((ask) => ask(nodes, context))];
  const subject = describeSubject(nodes, now);
  return {
    outcome: checks.some(({ outcome }) => outcome === 'fail') ? 'refused' : 'accepted',
    checks,
    warnings: warn(nodes, checks),
    subject,
    scope: describeOutcome(subject, checks, { policy: policy.name ?? 'unnamed' }),
    limits: describeLimits(nodes),
    simulated: nodes.some(({ claims: { simulated } }) => simulated),
    policy: policy.name ?? 'unnamed',
  };
}

function warn(nodes: readonly ClaimsNode[], checks: readonly Check[]): readonly string[] {
  const warnings: string[] = [];
  const simulated = nodes.filter(({ claims }) => claims.simulated);
  if (simulated.length > 0) warnings.push('SIMULATED: this evidence comes from a simulator and proves nothing about hardware.');
  if (
    checks.some(({ id, outcome }) => id.endsWith('policy.debug') && outcome === 'pass') &&
    nodes.some(({ claims }) => claims.debug === true)
  ) {
    warnings.push('DEBUG: the environment can be read and changed by its host; the policy allows it.');
  }
  for (const { claims, prefix } of nodes) {
    if (claims.tcb !== null && claims.tcb.status !== 'UpToDate') {
      const advisories = claims.tcb.advisories.length === 0 ? '' : ` (${claims.tcb.advisories.join(', ')})`;
      const said = checks.some(({ id, outcome }) => id === `${prefix}policy.tcb-status` && outcome === 'fail');
      const reason = claims.tcb.reason === undefined || said ? '' : `: ${claims.tcb.reason}`;
      warnings.push(`${prefix}firmware standing is ${claims.tcb.status}${advisories}${reason}.`);
    }
    if (isHostRequested(claims.details)) warnings.push(`${prefix}${HOST_REQUESTED}`);
    warnings.push(...(claims.notices ?? []).map((notice) => `${prefix}${notice}`));
  }
  if (nodes.some(({ claims }) => isMilan(claims))) {
    warnings.push(
      'Milan: the root secret of these chips can be extracted in software, so this report may be forged; strict refuses it.',
    );
  }
  const skipped = checks.filter(({ id, outcome }) => outcome === 'not-checked' && !id.includes('policy.'));
  if (skipped.length > 0) warnings.push(`not verified: ${nameChecks(skipped.map(({ id }) => id))}.`);
  return warnings;
}
