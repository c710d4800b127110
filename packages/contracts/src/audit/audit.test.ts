/** Audits: reports as they are read, rules as they decide, SARIF as it is written. */

import { describe, expect, it, vi } from 'vitest';
import { digestOf } from '../digest.ts';
import { type Audit, auditHash, auditOf } from './audit.ts';
import { dependencySources } from './dependencies.ts';
import { CONFIDENCES, type Finding, IMPACTS, parseSlitherReport } from './findings.ts';
import { failsAudit, PASS_POLICIES, ruleText } from './pass-policy.ts';
import { sarifText } from './sarif.ts';

const SOURCES = { 'src/A.sol': 'contract A { function f() public { g(); } }', 'lib/B.sol': 'contract B {}' };

const DEPENDENCIES = new Set(['lib/B.sol']);

const element = (source: string, start: number, length: number) => ({
  type: 'function',
  name: 'f',
  source_mapping: { filename_relative: source, lines: [1, 2], start, length, is_dependency: true },
  type_specific_fields: { parent: { type: 'contract', name: 'A' } },
});
const raw = (more: object = {}) => ({
  ...{ check: 'tx-origin', impact: 'Medium', confidence: 'Medium', description: 'words', suppressed_by_line: null },
  elements: [element('src/A.sol', 13, 10)],
  ...more,
});
const parse = (...findings: readonly unknown[]) =>
  parseSlitherReport({ detectors: ['b', 'a'], findings }, SOURCES, DEPENDENCIES);
const auditWith = (policy: Audit['policy'], ...findings: readonly unknown[]): Audit =>
  auditOf({
    ...{
      buildHash: digestOf('b'),
      inputHash: digestOf('i'),
      policy,
      dependencies: ['lib/', '@', '@'],
      report: parse(...findings),
    },
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
    [
      'more elements than any',
      { detectors: [], findings: [raw({ elements: new Array(150_000) }), raw({ elements: new Array(50_001) })] },
    ],
    ['more findings than any', { detectors: [], findings: new Array(20_001).fill(raw()) }],
  ])('are refused with %s', (_, value) => {
    expect(() => parseSlitherReport(value, SOURCES, DEPENDENCIES)).toThrow(
      expect.objectContaining({ code: 'audit/malformed' }),
    );
  });

  it('keep locations in sources of the project only', () => {
    const [finding] = parse(
      raw({ elements: [element('/etc/passwd', 0, 1), element('src/A.sol', 0, 4), { type: 'node' }, null] }),
    ).findings;
    expect(finding?.locations.map(({ source }) => source)).toEqual(['src/A.sol']);
    expect(parse(raw({ elements: [] })).findings[0]).toMatchObject({ locations: [], dependency: false });
  });

  it('encode a source once, and read the beginning of what a fingerprint is over', () => {
    const text = `contract A { ${'uint x; '.repeat(10_000)}}`;
    const findings = Array.from({ length: 50 }, (_, start) =>
      raw({ elements: [element('A.sol', start, text.length), element('A.sol', 0, text.length)] }),
    );
    const encode = vi.spyOn(TextEncoder.prototype, 'encode');
    const decode = vi.spyOn(TextDecoder.prototype, 'decode');
    parseSlitherReport({ detectors: [], findings }, { 'A.sol': text }, DEPENDENCIES);
    const whole = encode.mock.calls.filter(([each]) => each === text).length;
    const longest = Math.max(...decode.mock.calls.map(([bytes]) => bytes?.byteLength ?? 0));
    encode.mockRestore();
    decode.mockRestore();
    expect([whole, longest]).toEqual([1, 4096]);
  });

  it('keep a fingerprint when the code moves, and lose it when the code changes', () => {
    const print = (text: string, start: number) =>
      parseSlitherReport(
        { detectors: [], findings: [raw({ elements: [element('A.sol', start, 10)] })] },
        { 'A.sol': text },
        DEPENDENCIES,
      ).findings[0]?.fingerprint;
    expect(print('   f() { g();', 3)).toBe(print('f() { g();', 0));
    expect(print('f() { h();', 0)).not.toBe(print('f() { g();', 0));
  });

  it('mark a finding as one of dependencies only when all of it is there', () => {
    const inside = element('lib/B.sol', 0, 4);
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
    expect(auditHash({ ...strict, dependencies: ['lib/'] })).not.toBe(auditHash(strict));
    expect(auditHash({ ...strict, analyzer: { ...strict.analyzer, version: '1' } })).not.toBe(auditHash(strict));
  });
});

it('tell how much of High or Medium impact did not count, and by which list', () => {
  const hidden = raw({ impact: 'High', confidence: 'High', suppressed_by_line: 2 });
  const inside = raw({ impact: 'High', confidence: 'High', elements: [element('lib/B.sol', 0, 4)] });
  const low = raw({ impact: 'Low' });
  const counted = (policy: Audit['policy']) => {
    const { failing, uncounted, dependencies } = auditWith(policy, hidden, inside, raw(), low);
    return [failing, uncounted, dependencies];
  };
  expect(counted('default')).toEqual([1, 2, ['@', 'lib/']]);
  expect(counted('comments')).toEqual([0, 3, ['@', 'lib/']]);
  expect(counted('no-findings')).toEqual([4, 0, ['@', 'lib/']]);
  expect(ruleText(auditWith('comments', hidden))).toBe(
    'rule "comments"; 1 finding of High or Medium impact did not count; dependencies: "@", "lib/"',
  );
  expect(ruleText({ policy: 'strict', uncounted: 0, dependencies: [] })).toMatch(/; 0 findings .*; dependencies: none$/);
});

describe('dependencies', () => {
  const among = (imports: Readonly<Record<string, readonly string[]>>, ...prefixes: readonly string[]) => {
    const sources = Object.entries(imports).map(([name, each], id) => {
      const nodes = each.map((absolutePath) => ({ nodeType: 'ImportDirective', absolutePath }));
      return [name, { id, ast: { nodes: [{ nodeType: 'PragmaDirective' }, null, ...nodes] } }] as const;
    });
    return [...dependencySources({ messages: [], contracts: [], sources: Object.fromEntries(sources) }, prefixes)].sort();
  };

  it.each([
    ['an entry, whatever its name is', { 'src/A.sol': [] }, ['src/', 's'], []],
    ['an entry in lib/', { 'lib/A.sol': ['lib/B.sol'], 'lib/B.sol': [] }, ['lib/'], ['lib/B.sol']],
    ['what imports itself', { 'lib/A.sol': ['lib/A.sol'] }, ['lib/'], []],
    ['two that import each other', { 'a/A.sol': ['a/B.sol'], 'a/B.sol': ['a/A.sol'], 'c/C.sol': [] }, ['a/'], []],
    ['what no prefix names', { 'src/A.sol': ['lib/B.sol'], 'lib/B.sol': ['@c/C.sol'], '@c/C.sol': [] }, ['@'], ['@c/C.sol']],
    ['anything, for no prefixes', { 'src/A.sol': ['lib/B.sol'], 'lib/B.sol': [] }, [], []],
  ] as const)('are not: %s', (_, imports, prefixes, expected) => {
    expect(among(imports, ...prefixes)).toEqual(expected);
  });

  it('are none where the compiler gives no tree', () => {
    const sources = { 'a/A.sol': { id: 0, ast: null }, 'a/B.sol': { id: 1, ast: { nodes: 7 } } };
    expect(dependencySources({ messages: [], contracts: [], sources }, ['a/'])).toEqual(new Set());
  });
});

it('SARIF names rules once, tells what was hidden, and encodes paths', () => {
  const sarif = JSON.parse(
    sarifText(
      auditWith('default', raw(), raw({ impact: 'High', suppressed_by_line: 4 }), raw({ check: 'suicidal', elements: [] })),
      null,
    ),
  );
  const [run] = sarif.runs;
  expect(run.tool.driver.rules.map(({ id }: { id: string }) => id)).toEqual(['suicidal', 'tx-origin']);
  expect(run.results.map(({ suppressions }: { suppressions: unknown[] }) => suppressions.length)).toEqual([1, 0, 0]);
  expect(run.results[0].suppressions[0].status).toBe('rejected');
  for (const { ruleId, ruleIndex } of run.results) expect(run.tool.driver.rules[ruleIndex].id).toBe(ruleId);
});
