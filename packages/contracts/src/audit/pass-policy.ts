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

/** Whether a finding fails the audit under this rule. */
export function failsAudit(finding: Finding, policy: PassPolicy): boolean {
  const { fails, dependencies, honoursComments } = RULES[policy];
  if (finding.dependency && !dependencies) return false;
  if (finding.suppressed_by_line !== null && honoursComments) return false;
  return fails[finding.impact]?.includes(finding.confidence) === true;
}
