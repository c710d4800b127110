/** A linter's run as a run of SARIF 2.1.0, apart from the analyser's (OASIS, §3.14). */

import { type Lint, lintHash } from './lint.ts';
import { projectUri } from './sarif-place.ts';

const RULES = 'https://protofire.github.io/solhint/docs/rules.html';

/** The run. What a comment asks to hide is marked as suppressed in the source; a source that was not read makes the run unsuccessful (§3.20). */
export function lintRun(lint: Lint) {
  const { linter, findings, unread, rules } = lint;
  const reported = rules.filter((id) => findings.some(({ rule }) => rule === id));
  return {
    tool: {
      driver: { name: linter.name, version: linter.version, informationUri: RULES, rules: reported.map((id) => ({ id })) },
    },
    invocations: [invocation(unread)],
    columnKind: 'utf16CodeUnits',
    originalUriBaseIds: { PROJECT: { description: { text: 'the folder of the project' } } },
    properties: { lintHash: lintHash(lint), unread },
    results: findings.map(({ rule, severity, message, source, line, column, suppressed, fingerprint }) => ({
      ruleId: rule,
      ...(reported.includes(rule) ? { ruleIndex: reported.indexOf(rule) } : {}),
      level: severity,
      message: { text: message },
      locations: [
        {
          physicalLocation: {
            artifactLocation: { uri: projectUri(source), uriBaseId: 'PROJECT' },
            region: { startLine: line, startColumn: column },
          },
        },
      ],
      partialFingerprints: { 'assayLint/v1': fingerprint },
      suppressions: suppressed ? [{ kind: 'inSource', status: 'accepted' }] : [],
    })),
  };
}

function invocation(unread: Lint['unread']) {
  const missed = Object.entries(unread);
  return {
    executionSuccessful: missed.length === 0,
    toolExecutionNotifications: missed.map(([source, why]) => ({
      level: 'error',
      message: { text: `not read: ${why}` },
      locations: [{ physicalLocation: { artifactLocation: { uri: projectUri(source), uriBaseId: 'PROJECT' } } }],
    })),
  };
}
