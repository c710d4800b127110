/** The linter's report as it is read, its document and hash, and its run in SARIF. */

import { describe, expect, it, vi } from 'vitest';
import { digestOf } from '../digest.ts';
import { lintHash, lintOf, parseLintReport } from './lint.ts';
import { lintRun } from './lint-sarif.ts';

const SOURCES = { 'a b/A.sol': 'contract A {\n  uint x;\n}\n', 'B.sol': 'contract B {}' };
const NAMES = ['B.sol', 'a b/A.sol'];
const finding = (more: object = {}) => ({
  ...{ rule: 'quotes', severity: 2, message: 'words', line: 2, column: 3, suppressed: false },
  ...more,
});
const report = (...findings: readonly unknown[]) => ({
  ...{ v: 1, rules: ['quotes', 'avoid-throw'] },
  files: [
    { source: 'B.sol', unread: 'no viable alternative', findings: [] },
    { source: 'a b/A.sol', unread: null, findings },
  ],
});
const read = (value: unknown) => parseLintReport(value, SOURCES, NAMES);
const lintWith = (...findings: readonly unknown[]) =>
  lintOf({ inputHash: digestOf('i'), version: '1', code: 'code', sources: NAMES, report: read(report(...findings)) });

describe('the report', () => {
  it('is sorted, whatever the order it came in, and says what was not read', () => {
    const all = [finding(), finding({ line: 1 }), finding({ rule: 'avoid-throw' }), finding({ message: 'a', severity: 3 })];
    const orders = [all, all.toReversed()].map((each) => JSON.stringify(read(report(...each))));
    expect(new Set(orders).size).toBe(1);
    expect(read(report(...all)).findings.map(({ line, rule, severity }) => `${line} ${rule} ${severity}`)).toEqual([
      ...['1 quotes error', '2 avoid-throw error', '2 quotes warning', '2 quotes error'],
    ]);
    expect(read(report(finding(), finding())).findings).toHaveLength(1);
    expect(read(report()).unread).toEqual({ 'B.sol': 'no viable alternative' });
    expect(read(report(finding({ line: 0, column: -3 }))).findings[0]).toMatchObject({ line: 1, column: 1 });
  });

  it.each([
    ['nothing', null],
    ['another version', { ...report(), v: 2 }],
    ['rules that are numbers', { ...report(), rules: [1] }],
    ['a rule that is a path', { ...report(), rules: ['../x'] }],
    ['more rules than any', { ...report(), rules: Array.from({ length: 1001 }, (_, id) => `r${id}`) }],
    ['a source too few', { ...report(), files: report().files.slice(1) }],
    ['a source too many', { ...report(), files: [...report().files, report().files[0]] }],
    ['a source that the project lacks', { ...report(), files: [{ source: 'C.sol', unread: null, findings: [] }] }],
    ['a name of every object', { ...report(), files: [{ source: 'toString', unread: null, findings: [] }] }],
    ['an id that is a path', report(finding({ rule: '../x' }))],
    ['another severity', report(finding({ severity: 7 }))],
    ['no message', report(finding({ message: 7 }))],
    ['a mark that is none', report(finding({ suppressed: 'no' }))],
    ['a line that is none', report(finding({ line: 1.5 }))],
    ['more findings than any', report(...Array.from({ length: 50_001 }, (_, line) => finding({ line })))],
  ])('is refused with %s', (_, value) => {
    expect(() => read(value)).toThrow(expect.objectContaining({ code: 'audit/malformed' }));
  });
});

it('the hash follows what was said and by what', () => {
  const lint = lintWith(finding());
  expect(lintHash(lintWith(finding()))).toBe(lintHash(lint));
  expect(lintHash(lintWith(finding({ message: 'other' })))).not.toBe(lintHash(lint));
  expect(lintHash({ ...lint, linter: { ...lint.linter, version: '2' } })).not.toBe(lintHash(lint));
});

it('a finding keeps its fingerprint when line and file move', () => {
  const moved = { 'C.sol': `\n\n${SOURCES['a b/A.sol']}` };
  const [there] = parseLintReport(
    { v: 1, rules: [], files: [{ source: 'C.sol', unread: null, findings: [finding({ line: 4 })] }] },
    ...([moved, ['C.sol']] as const),
  ).findings;
  expect(there?.fingerprint).toBe(lintWith(finding()).findings[0]?.fingerprint);
});

it('a line is stripped and hashed once, however many findings it has', () => {
  const sources = { 'A.sol': `contract A { ${'uint x; '.repeat(10_000)}}` };
  const findings = Array.from({ length: 500 }, (_, column) => finding({ line: 1, column }));
  const stripped = vi.spyOn(String.prototype, 'replaceAll');
  const value = { v: 1, rules: [], files: [{ source: 'A.sol', unread: null, findings }] };
  const { length } = parseLintReport(value, sources, ['A.sol']).findings;
  const lines = stripped.mock.contexts.filter((text) => String(text).length > 1000);
  stripped.mockRestore();
  expect([length, lines.length]).toEqual([499, 1]);
});

it('a finding loses its fingerprint when the line changes', () => {
  const changed = { 'C.sol': SOURCES['a b/A.sol'].replace('uint x', 'uint y') };
  const value = { v: 1, rules: [], files: [{ source: 'C.sol', unread: null, findings: [finding()] }] };
  const [there] = parseLintReport(value, changed, ['C.sol']).findings;
  expect(there?.fingerprint).not.toBe(lintWith(finding()).findings[0]?.fingerprint);
});

it('SARIF has what was found, encodes paths, and marks what comments hide', () => {
  const { tool, results, properties, invocations } = lintRun(
    lintWith(finding(), finding({ suppressed: true, line: 3, severity: 3 })),
  );
  expect(tool.driver).toMatchObject({ name: 'solhint', rules: [{ id: 'quotes' }] });
  expect(results.map(({ level, suppressions }) => [level, suppressions.length])).toEqual([
    ['error', 0],
    ['warning', 1],
  ]);
  expect(results[0]).toMatchObject({
    ...{ ruleId: 'quotes', ruleIndex: 0 },
    locations: [{ physicalLocation: { artifactLocation: { uri: 'a%20b/A.sol' }, region: { startLine: 2, startColumn: 3 } } }],
  });
  expect(properties.unread).toEqual({ 'B.sol': 'no viable alternative' });
  expect(invocations).toEqual([
    {
      executionSuccessful: false,
      toolExecutionNotifications: [
        {
          ...{ level: 'error', message: { text: 'not read: no viable alternative' } },
          locations: [{ physicalLocation: { artifactLocation: { uri: 'B.sol', uriBaseId: 'PROJECT' } } }],
        },
      ],
    },
  ]);
  expect(lintRun({ ...lintWith(), unread: {} }).invocations).toEqual([
    { executionSuccessful: true, toolExecutionNotifications: [] },
  ]);
});
