/** Named rules that say whether findings fail an audit (spec/contract-audit.md §3). */

import type { Confidence, Finding, Impact } from './findings.ts';

export const PASS_POLICIES = ['default', 'strict', 'comments', 'no-findings'] as const;
export type PassPolicy = (typeof PASS_POLICIES)[number];

interface Rule {
  /** Confidences at which an impact fails; an impact that is not named never does. */
  readonly fails: Readonly<Partial<Record<Impact, readonly Confidence[]>>>;
  /** Findings in dependencies count. */
  readonly dependencies: boolean;
  /** Findings with a `slither-disable` comment do not count. */
  readonly honoursComments: boolean;
}

const EVERY: readonly Confidence[] = ['High', 'Medium', 'Low'];
const DEFAULT: Rule = { fails: { High: ['High', 'Medium'], Medium: ['High'] }, dependencies: false, honoursComments: false };

const RULES: Readonly<Record<PassPolicy, Rule>> = {
  default: DEFAULT,
  comments: { ...DEFAULT, honoursComments: true },
  strict: { fails: { High: EVERY, Medium: EVERY, Low: ['High'] }, dependencies: true, honoursComments: false },
  'no-findings': {
    fails: { High: EVERY, Medium: EVERY, Low: EVERY, Informational: EVERY, Optimization: EVERY },
    dependencies: true,
    honoursComments: false,
  },
};

/**
 * Whether a finding fails the audit under this rule.
 * @example if (failsAudit(finding, policy)) console.error(finding)
 */
export function failsAudit(finding: Finding, policy: PassPolicy): boolean {
  const { fails, dependencies, honoursComments } = RULES[policy];
  if (finding.dependency && !dependencies) return false;
  if (finding.suppressed_by_line !== null && honoursComments) return false;
  return Object.hasOwn(fails, finding.impact) && fails[finding.impact]?.includes(finding.confidence) === true;
}

export interface RuleFacts {
  readonly policy: string;
  /** Beginnings of names of dependencies. */
  readonly dependencies: readonly string[];
  /** Findings of impact High or Medium that do not fail the rule. */
  readonly uncounted: number;
}

/**
 * The rule of an audit for people, with what it let pass.
 * @example ruleText(audit) // 'rule "default"; 2 findings of High or Medium impact did not count; dependencies: "lib/", "@"'
 */
export function ruleText({ policy, dependencies, uncounted }: RuleFacts): string {
  const shown = dependencies.map((prefix) => JSON.stringify(prefix)).join(', ') || 'none';
  return `rule "${policy}"; ${uncounted} finding${uncounted === 1 ? '' : 's'} of High or Medium impact did not count; dependencies: ${shown}`;
}
