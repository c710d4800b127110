/** Audits: reports as they are read, rules as they decide, SARIF as it is written. */

import { describe, expect, it } from 'vitest';
import { digestOf } from '../digest.ts';
import { type Audit, auditHash, auditOf } from './audit.ts';
import { CONFIDENCES, type Finding, IMPACTS, parseSlitherReport } from './findings.ts';
import { failsAudit, PASS_POLICIES } from './pass-policy.ts';
import { sarifText } from './sarif.ts';

const SOURCES = { 'src/A.sol': 'contract A { function f() public { g(); } }', 'lib/B.sol': 'contract B {}' };

const element = (source: string, start: number, length: number, dependency = false) => ({
  type: 'function',
  name: 'f',
  source_mapping: { filename_relative: source, lines: [1, 2], start, length, is_dependency: dependency },
  type_specific_fields: { parent: { type: 'contract', name: 'A' } },
});
const raw = (more: object = {}) => ({
  ...{ check: 'tx-origin', impact: 'Medium', confidence: 'Medium', description: 'words', suppressed_by_line: null },
  elements: [element('src/A.sol', 13, 10)],
  ...more,
});
const parse = (...findings: readonly unknown[]) => parseSlitherReport({ detectors: ['b', 'a'], findings }, SOURCES);
const auditWith = (policy: Audit['policy'], ...findings: readonly unknown[]): Audit =>
  auditOf({
    ...{ buildHash: digestOf('b'), inputHash: digestOf('i'), policy, report: parse(...findings) },
    compiler: { name: 'solc', version: '0', platform: 'emscripten', hash: digestOf('c') },
    analyzer: { name: 'slither-analyzer', version: '0', crytic_compile: '0', driver_hash: digestOf('d') },
  });

describe('reports', () => {
  it('are sorted, whatever the order they came in', () => {
    const a = raw();
    const b = raw({ impact: 'High' });
    const c = raw({ check: 'suicidal' });
    const d = raw({ elements: [element('src/A.sol', 20, 3)] });
    const orders = [
      [a, b, c, d],
      [d, c, b, a],
      [c, a, d, b],
    ].map((each) => JSON.stringify(parse(...each)));
    expect(new Set(orders).size).toBe(1);
    expect(parse(a, b, c, d).findings.map(({ check, impact }) => `${impact} ${check}`)).toEqual([
      'High tx-origin',
      'Medium suicidal',
      'Medium tx-origin',
      'Medium tx-origin',
    ]);
    expect(parse().detectors).toEqual(['a', 'b']);
  });

  it.each([
    ['nothing', null],
    ['a list', []],
    ['no findings', { detectors: [] }],
    ['detectors that are numbers', { detectors: [1], findings: [] }],
    ['another impact', { detectors: [], findings: [raw({ impact: 'Critical' })] }],
    ['another confidence', { detectors: [], findings: [raw({ confidence: 'Certain' })] }],
    ['an id that is a path', { detectors: [], findings: [raw({ check: '../../x' })] }],
    ['no description', { detectors: [], findings: [raw({ description: 7 })] }],
    ['elements that are no list', { detectors: [], findings: [raw({ elements: {} })] }],
    ['more findings than any', { detectors: [], findings: new Array(20_001).fill(raw()) }],
  ])('are refused with %s', (_, value) => {
    expect(() => parseSlitherReport(value, SOURCES)).toThrow(expect.objectContaining({ code: 'audit/malformed' }));
  });

  it('keep locations in sources of the project only', () => {
    const [finding] = parse(
      raw({ elements: [element('/etc/passwd', 0, 1), element('src/A.sol', 0, 4), { type: 'node' }, null] }),
    ).findings;
    expect(finding?.locations.map(({ source }) => source)).toEqual(['src/A.sol']);
    expect(parse(raw({ elements: [] })).findings[0]).toMatchObject({ locations: [], dependency: false });
  });

  it('mark a finding as one of dependencies only when all of it is there', () => {
    const inside = element('lib/B.sol', 0, 4, true);
    expect(parse(raw({ elements: [inside] })).findings[0]?.dependency).toBe(true);
    expect(parse(raw({ elements: [inside, element('src/A.sol', 0, 4)] })).findings[0]?.dependency).toBe(false);
  });
});

describe('rules', () => {
  const finding = (more: Partial<Finding>): Finding => ({ ...(parse(raw()).findings[0] as Finding), ...more });

  it.each([
    ['default', ['High/High', 'High/Medium', 'Medium/High']],
    ['comments', ['High/High', 'High/Medium', 'Medium/High']],
    ['strict', ['High/High', 'High/Medium', 'High/Low', 'Medium/High', 'Medium/Medium', 'Medium/Low', 'Low/High']],
    ['no-findings', IMPACTS.flatMap((impact) => CONFIDENCES.map((confidence) => `${impact}/${confidence}`))],
  ] as const)('%s fails exactly its own', (policy, expected) => {
    const all = IMPACTS.flatMap((impact) => CONFIDENCES.map((confidence) => ({ impact, confidence })));
    const failing = all.filter((each) => failsAudit(finding(each), policy));
    expect(failing.map(({ impact, confidence }) => `${impact}/${confidence}`)).toEqual(expected);
  });

  it('let dependencies and comments count as they say', () => {
    const high = { impact: 'High', confidence: 'High' } as const;
    const counted = (more: Partial<Finding>) =>
      PASS_POLICIES.filter((policy) => failsAudit(finding({ ...high, ...more }), policy));
    expect(counted({ dependency: true })).toEqual(['strict', 'no-findings']);
    expect(counted({ suppressed_by_line: 3 })).toEqual(['default', 'strict', 'no-findings']);
  });

  it('decide the document, and stand in its hash', () => {
    const lenient = auditWith('default', raw());
    const strict = auditWith('strict', raw());
    expect([lenient.passed, lenient.failing, strict.passed, strict.failing]).toEqual([true, 0, false, 1]);
    expect(auditHash(lenient)).not.toBe(auditHash(strict));
    expect(auditHash(auditWith('strict', raw()))).toBe(auditHash(strict));
    expect(auditHash(auditWith('strict', raw({ description: 'other' })))).not.toBe(auditHash(strict));
    expect(auditHash({ ...strict, analyzer: { ...strict.analyzer, version: '1' } })).not.toBe(auditHash(strict));
  });
});

it('SARIF names rules once, tells what was hidden, and encodes paths', () => {
  const sarif = JSON.parse(
    sarifText(
      auditWith('default', raw(), raw({ impact: 'High', suppressed_by_line: 4 }), raw({ check: 'suicidal', elements: [] })),
    ),
  );
  const [run] = sarif.runs;
  expect(run.tool.driver.rules.map(({ id }: { id: string }) => id)).toEqual(['suicidal', 'tx-origin']);
  expect(run.results.map(({ suppressions }: { suppressions: unknown[] }) => suppressions.length)).toEqual([1, 0, 0]);
  expect(run.results[0].suppressions[0].status).toBe('rejected');
  for (const { ruleId, ruleIndex } of run.results) expect(run.tool.driver.rules[ruleIndex].id).toBe(ruleId);
});
