/** An audit as SARIF 2.1.0 (OASIS), for code hosts and editors. Paths are relative to the project; nothing of a machine is in it. */

import { canonicalJson } from '@assay/encoding/json';
import { type Audit, auditHash } from './audit.ts';
import type { Finding, FindingLocation, Impact } from './findings.ts';
import { type Lint, lintHash } from './lint.ts';
import { lintRun } from './lint-sarif.ts';
import { failsAudit } from './pass-policy.ts';
import { projectUri } from './sarif-place.ts';

const LEVELS: Readonly<Record<Impact, 'error' | 'warning' | 'note'>> = {
  High: 'error',
  Medium: 'warning',
  Low: 'warning',
  Informational: 'note',
  Optimization: 'note',
};
/** Severity from 0 to 10, as code hosts sort by. */
const SEVERITIES: Readonly<Record<Impact, string>> = {
  High: '8.5',
  Medium: '5.5',
  Low: '3.0',
  Informational: '1.0',
  Optimization: '0.0',
};
const DOCUMENTATION = 'https://github.com/crytic/slither/wiki/Detector-Documentation';

/**
 * The SARIF log of an audit, as text. Byte for byte the same for the same audit and lint.
 * @param lint the linter's run, a second run of the log; `null` when it was not made, which the first run's properties say.
 * @example sarifText(audit, null)
 */
export function sarifText(audit: Audit, lint: Lint | null): string {
  const checks = [...new Map(audit.findings.map((finding) => [finding.check, finding])).values()].sort((a, b) =>
    a.check < b.check ? -1 : 1,
  );
  const log = {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'Slither',
            version: audit.analyzer.version,
            informationUri: 'https://github.com/crytic/slither',
            rules: checks.map(rule),
          },
        },
        columnKind: 'utf16CodeUnits',
        originalUriBaseIds: { PROJECT: { description: { text: 'the folder of the project' } } },
        properties: {
          auditHash: auditHash(audit),
          buildHash: audit.build_hash,
          policy: audit.policy,
          dependencies: audit.dependencies,
          passed: audit.passed,
          uncounted: audit.uncounted,
          lint: lint === null ? 'not-checked' : lintHash(lint),
        },
        results: audit.findings.map((finding) => result(finding, audit, checks)),
      },
      ...(lint === null ? [] : [lintRun(lint)]),
    ],
  };
  return canonicalJson(log);
}

function rule({ check, impact, cwe }: Finding) {
  return {
    id: check,
    shortDescription: { text: check.replaceAll('-', ' ') },
    helpUri: `${DOCUMENTATION}#${check}`,
    defaultConfiguration: { level: LEVELS[impact] },
    properties: {
      'security-severity': SEVERITIES[impact],
      tags: ['security', ...(cwe === null ? [] : [`external/cwe/cwe-${cwe}`])],
    },
  };
}

function result(finding: Finding, audit: Audit, checks: readonly Finding[]) {
  const { check, impact, confidence, description, locations, fingerprint, dependency, suppressed_by_line: line } = finding;
  const [first, ...others] = locations;
  return {
    ruleId: check,
    ruleIndex: checks.findIndex((each) => each.check === check),
    level: LEVELS[impact],
    message: { text: description },
    locations: first === undefined ? [] : [location(first)],
    relatedLocations: others.map((each, index) => ({
      id: index + 1,
      ...location(each),
      message: { text: `${each.kind} ${each.name}` },
    })),
    partialFingerprints: { 'assayFinding/v1': fingerprint },
    suppressions:
      line === null ? [] : [{ kind: 'inSource', status: failsAudit(finding, audit.policy) ? 'rejected' : 'accepted' }],
    properties: { impact, confidence, dependency, fails: failsAudit(finding, audit.policy) },
  };
}

function location({ source, first_line, last_line, start, length }: FindingLocation) {
  return {
    physicalLocation: {
      artifactLocation: { uri: projectUri(source), uriBaseId: 'PROJECT' },
      region: { startLine: first_line, endLine: last_line, byteOffset: start, byteLength: length },
    },
  };
}
