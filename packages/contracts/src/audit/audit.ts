/**
 * The audit's document: what was analysed, by what, under which rule, and what was found (spec/contract-audit.md). Its JCS form is hashed
 * to the `auditHash`; the same sources, tools and options give the same one on any machine.
 */

import { canonicalJson } from '@assay/encoding/json';
import type { CompilerIdentity } from '../build/manifest.ts';
import { digestOf, type Sha256 } from '../digest.ts';
import { type Finding, IMPACTS, type Impact, type SlitherReport } from './findings.ts';
import { failsAudit, type PassPolicy } from './pass-policy.ts';

/** What looked for findings. */
export interface AnalyzerIdentity {
  readonly name: 'slither-analyzer';
  readonly version: string;
  /** Version of crytic-compile, through which it reads. */
  readonly crytic_compile: string;
  /** SHA-256 of the driver that ran it. */
  readonly driver_hash: Sha256;
  readonly detectors: readonly string[];
}

export interface Audit {
  readonly v: 'assay-audit/1';
  readonly build_hash: Sha256;
  readonly input_hash: Sha256;
  readonly compiler: CompilerIdentity;
  readonly analyzer: AnalyzerIdentity;
  readonly policy: PassPolicy;
  /** Beginnings of names of sources that are dependencies, sorted. */
  readonly dependencies: readonly string[];
  readonly passed: boolean;
  /** Findings that fail the rule. */
  readonly failing: number;
  /** Findings of impact High or Medium that do not. */
  readonly uncounted: number;
  readonly counts: Readonly<Record<Impact, number>>;
  readonly findings: readonly Finding[];
}

export interface AuditFacts {
  readonly buildHash: Sha256;
  readonly inputHash: Sha256;
  readonly compiler: CompilerIdentity;
  readonly analyzer: Omit<AnalyzerIdentity, 'detectors'>;
  readonly policy: PassPolicy;
  readonly dependencies: readonly string[];
  readonly report: SlitherReport;
}

/**
 * The document of an audit.
 * @example auditHash(auditOf({ buildHash, inputHash, compiler, analyzer, policy: 'default', dependencies: ['lib/'], report }))
 */
export function auditOf({ buildHash, inputHash, compiler, analyzer, policy, dependencies, report }: AuditFacts): Audit {
  const { findings, detectors } = report;
  const failing = findings.filter((finding) => failsAudit(finding, policy)).length;
  const uncounted = findings.filter(
    (finding) => (finding.impact === 'High' || finding.impact === 'Medium') && !failsAudit(finding, policy),
  ).length;
  const counts = Object.fromEntries(
    IMPACTS.map((impact) => [impact, findings.filter((each) => each.impact === impact).length]),
  );
  return {
    v: 'assay-audit/1',
    build_hash: buildHash,
    input_hash: inputHash,
    compiler,
    analyzer: { ...analyzer, detectors },
    policy,
    dependencies: [...new Set(dependencies)].sort(),
    passed: failing === 0,
    failing,
    uncounted,
    counts: counts as Record<Impact, number>,
    findings,
  };
}

/**
 * The bytes that are hashed and kept.
 * @example auditHash(audit) === digestOf(auditText(audit)) // true
 */
export function auditText(audit: Audit): string {
  return canonicalJson(audit);
}

/**
 * `sha256:` over {@link auditText}.
 * @example auditHash(audit) === digestOf(auditText(audit)) // true
 */
export function auditHash(audit: Audit): Sha256 {
  return digestOf(auditText(audit));
}
