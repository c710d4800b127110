/** The linter's lines: what was not read is counted and named, and control characters of a source do not reach the terminal. */

import type { Lint } from '@assay/contracts';
import { expect, test } from 'vitest';
import { lintLines } from './lint-lines.ts';
import { claimLines, type ModelClaims } from './model-claims.ts';
import { styleOf } from './output.ts';

const style = styleOf({ env: {}, interactive: false });
const HASH = `sha256:${'ab'.repeat(32)}` as const;
const document: Lint = {
  ...{ v: 'assay-lint/1', input_hash: HASH, linter: { name: 'solhint', version: '6.2.4', program_hash: HASH }, rules: [] },
  ...{ sources: ['A.sol', 'B.sol'], unread: {}, findings: [] },
};

test.each([
  ['nothing asked', null, ''],
  ['not made', { outcome: 'not-checked', reason: 'why' } as const, 'linter   not checked: why\n'],
  [
    'all read',
    { outcome: 'linted', document } as const,
    'linter   solhint 6.2.4: 0 remarks, 0 hidden by comments; apart from the audit\n',
  ],
  [
    'one not read',
    { outcome: 'linted', document: { ...document, unread: { 'B.sol': 'odd \u001b[31mword' } } } as const,
    'linter   solhint 6.2.4: 0 remarks, 0 hidden by comments, 1 of 2 sources not read; apart from the audit\n  not read: B.sol: odd [31mword\n',
  ],
])('%s', (_, lint, lines) => {
  expect(lintLines(lint, style).replaceAll(/[^\n -~]/g, '')).toBe(lines);
  expect(lintLines(lint, style)).not.toContain('\u001b');
});

const ESCAPE = '\u001b]0;title\u0007';

test('a severity that is not known is shown as text, and nothing of an agent drives the terminal', () => {
  const finding = { rule: ESCAPE, severity: `high${ESCAPE}`, message: ESCAPE, source: ESCAPE, line: 3, suppressed: false };
  const linter = { name: ESCAPE, version: ESCAPE };
  const hostile = { ...document, linter, unread: { [ESCAPE]: ESCAPE }, findings: [finding] } as unknown as Lint;
  const lines = lintLines({ outcome: 'linted', document: hostile }, style);
  expect(lines).toContain('  high\ufffd]0;title\ufffd  ');
  expect(lines.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
});

test('nothing of claims drives the terminal', () => {
  const finding = { status: ESCAPE, title: ESCAPE, source: ESCAPE, line: 1, what: ESCAPE };
  const claims = { model: ESCAPE, error: null, omitted: [ESCAPE], findings: [finding] } as unknown as ModelClaims;
  expect(claimLines(claims, style).replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
});
