/**
 * The largest report that is read does not hold up the agent: while it is made into an audit, no turn of the agent's thread takes more than 100 ms of
 * its processor time, and `/health` answers. Long and short reports come to the same documents and the same refusals.
 */

import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { type Audit, auditOf, auditText, parseSlitherReport, type Sources, sarifText } from '@assay/contracts';
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { openCompilers } from '../../packages/agent/src/adapters/compilers/compilers.ts';
import type { Analyzer } from '../../packages/agent/src/ports/analyzer.ts';
import { DocumentThread } from '../../packages/agent/src/tasks/attested-audit/documents/document-thread.ts';
import { makeDocument } from '../../packages/agent/src/tasks/attested-audit/documents/make-document.ts';
import type { ThreadOrder } from '../../packages/agent/src/tasks/attested-audit/documents/maker-thread.ts';
import { type AuditJob, type LintJob, MAKERS } from '../../packages/agent/src/tasks/attested-audit/documents/makers.ts';
import { startTestAgent } from '../e2e/agent.ts';
import { createScriptedSandbox } from '../e2e/stand-ins.ts';
import { compilersFolder } from './installed.ts';

/** Milliseconds of the agent's thread in one turn, on a machine that makes the same document at once in {@link AT_ONCE_MS}. */
const MOST_TURN_MS = 100;
const AT_ONCE_MS = 600;
const SOURCE = `pragma solidity 0.8.24;\ncontract A { function f() public {} }\n${'// a line of a comment\n'.repeat(4000)}`;
const SOURCES = { 'Contract.sol': SOURCE };
const HASH = `sha256:${'0'.repeat(64)}` as const;
const FACTS = {
  buildHash: HASH,
  inputHash: HASH,
  policy: 'default',
  dependencies: [],
  compiler: { name: 'solc', version: '0.8.24', platform: 'emscripten', hash: HASH },
  analyzer: { name: 'slither-analyzer', version: '0.0.0', crytic_compile: '0.0.0', driver_hash: HASH },
} as const;

/** As Slither writes them: with every line of the element. */
function element(at: number) {
  const lines = Array.from({ length: 40 }, (_, line) => ((at + line) % 4000) + 1);
  const mapping = { start: (at * 13) % 80_000, length: 400, filename_relative: 'Contract.sol', lines };
  const parent = { type: 'contract', name: 'A' };
  return { type: 'function', name: 'f', source_mapping: mapping, type_specific_fields: { parent } };
}

function finding(at: number, elements: number, words = 60) {
  return {
    ...{ check: 'reentrancy-eth', impact: 'High', confidence: 'Medium', description: `number ${at} ${'x'.repeat(words)}` },
    elements: Array.from({ length: elements }, (_, of) => element(at * 7 + of)),
    suppressed_by_line: null,
  };
}

const bytesOf = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
const report = (findings: number, elements: number, words?: number): Uint8Array =>
  bytesOf({
    detectors: ['reentrancy-eth'],
    findings: Array.from({ length: findings }, (_, at) => finding(at, elements, words)),
  });

/** So many findings of the linter in the first source. */
function lintJob(findings: number, sources: Sources): LintJob {
  const [source = ''] = Object.keys(sources);
  const found = { rule: 'no-empty-blocks', severity: 3, message: 'empty', line: 1, suppressed: false };
  const each = Array.from({ length: findings }, (_, at) => ({ ...found, column: at + 1 }));
  const files = [{ source, unread: null, findings: each }];
  const report = bytesOf({ v: 1, rules: ['no-empty-blocks'], files });
  return { report, sources, facts: { inputHash: HASH, version: '6.2.4', code: 'x', sources: [source] } };
}

function scripted(bytes: Uint8Array): Analyzer {
  const files = [{ path: '/tmp/report.json', mediaType: 'application/json', bytes }];
  const sandbox = createScriptedSandbox(() => ({ files }));
  const opened = { sandbox, driver: 'main()', version: '0.0.0', cryticCompile: '0.0.0', evm: () => null, linter: () => null };
  return { open: async () => opened, close: async () => undefined };
}

/** As it is sent to the thread. */
const jobOf = (report: Uint8Array, sources: Sources = SOURCES): AuditJob & ThreadOrder['job'] => ({
  ...{ report, sources, dependencies: new Set<string>(), facts: FACTS },
});

/** How many documents were made aside since. */
function asideFromNow(): () => number {
  const make = vi.spyOn(DocumentThread.prototype, 'make');
  onTestFinished(() => make.mockRestore());
  return () => make.mock.calls.length;
}

/** How many threads this one started since. */
function threadsFromNow(): () => number {
  let started = 0;
  const count = (): void => {
    started += 1;
  };
  process.on('worker', count);
  onTestFinished(() => void process.off('worker', count));
  return () => started;
}

/** Milliseconds of this thread for the same report without a thread of its own: what the agent would be held up. */
function atOnce(report: Uint8Array): number {
  const begun = process.threadCpuUsage();
  MAKERS.sarif({ audit: MAKERS.audit(jobOf(report)), lint: null });
  const { user, system } = process.threadCpuUsage(begun);
  return (user + system) / 1000;
}

let compilersAt = '';
beforeAll(async () => {
  compilersAt = await compilersFolder('0.8.24');
}, 600_000);

describe('the largest report', () => {
  it('holds up no turn of the agent', { timeout: 600_000, skip: availableParallelism() < 2 }, async () => {
    const compilers = openCompilers({ folder: compilersAt });
    const bytes = report(10_000, 3);
    const agent = await startTestAgent({ compilers, analyzer: scripted(bytes) });
    const body = JSON.stringify({ data: { type: 'attested_audit', contract_code: SOURCE, timeout: 600, lint: false } });
    const ask = () => agent.request('/api/process', { method: 'POST', headers: { 'content-type': 'application/json' }, body });
    const turns: number[] = [];
    const health: number[] = [];
    let last = process.threadCpuUsage();
    const ticks = setInterval(() => {
      const { user, system } = process.threadCpuUsage(last);
      last = process.threadCpuUsage();
      turns.push((user + system) / 1000);
      void agent.request('/health').then(({ status }) => health.push(status));
    }, 20);
    const response = await ask();
    clearInterval(ticks);
    const answer = (await response.json()) as { readonly audit: Audit; readonly error_code: string };
    await compilers.close();
    expect([answer.audit.findings.length, answer.error_code]).toEqual([10_000, 'contract/findings']);
    expect(new Set(health)).toEqual(new Set([200]));
    expect(health.length).toBeGreaterThan(10);
    const slowness = Math.max(1, atOnce(bytes) / AT_ONCE_MS);
    expect(Math.max(...turns)).toBeLessThan(MOST_TURN_MS * slowness);
  });

  it.each([
    ['audit/malformed', 'of too many findings', report(10_001, 1)],
    ['audit/malformed', 'of too many elements', report(1000, 31)],
    [
      'audit/malformed',
      'with one finding that is none',
      bytesOf({ detectors: [], findings: [finding(0, 100), { check: '../x' }] }),
    ],
    ['project/too-large', 'with too many words', report(3000, 1, 3000)],
    ['json/malformed', 'that ends too early', report(200, 1).slice(0, -3)],
    ['json/limit', 'nested too deeply', new TextEncoder().encode('['.repeat(100_000))],
    ['json/limit', 'of too many parts', new TextEncoder().encode(`[${'0,'.repeat(4_000_000)}0]`)],
  ])('%s: one %s', { timeout: 120_000 }, async (code, _, bytes) => {
    const aside = asideFromNow();
    expect(() => MAKERS.audit(jobOf(bytes))).toThrow(expect.objectContaining({ code }));
    await expect(makeDocument('audit', jobOf(bytes), new AbortController().signal)).rejects.toMatchObject({ code });
    expect(aside()).toBe(1);
  });
});

describe('a document that is made aside', () => {
  it('is the one that is made at once', { timeout: 120_000 }, async () => {
    const bytes = report(200, 4, 400);
    const job = { report: bytes, sources: SOURCES, dependencies: new Set(['Contract.sol']), facts: FACTS };
    const { signal } = new AbortController();
    const audit = auditOf({
      ...FACTS,
      report: parseSlitherReport(JSON.parse(new TextDecoder().decode(bytes)), SOURCES, job.dependencies),
    });
    const count = asideFromNow();
    const aside = await makeDocument('audit', job, signal);
    for (const made of [MAKERS.audit(job), aside]) {
      expect(made.text).toBe(auditText(audit));
      expect(made.document).toEqual(audit);
    }
    for (const made of [
      MAKERS.sarif({ audit: aside, lint: null }),
      await makeDocument('sarif', { audit: aside, lint: null }, signal),
    ])
      expect(made).toBe(sarifText(audit, null));
    expect(count()).toBe(2);
  });

  it('waits for the earlier document, and not for one that was given up', { timeout: 120_000 }, async () => {
    const { signal } = new AbortController();
    const ended: string[] = [];
    const make = async (name: string, bytes: Uint8Array, until: AbortSignal): Promise<void> => {
      await makeDocument('audit', jobOf(bytes), until).catch(() => undefined);
      ended.push(name);
    };
    await Promise.all([make('long', report(10_000, 3), signal), make('short', report(1, 1), signal)]);
    expect(ended.splice(0)).toEqual(['long', 'short']);
    const stop = new AbortController();
    const [first, waiting] = [make('given up', report(10_000, 3), stop.signal), make('waits', report(1, 1), stop.signal)];
    const last = make('last', report(1, 1), signal);
    stop.abort(new Error('enough'));
    await Promise.all([first, waiting, last]);
    expect(ended.at(-1)).toBe('last');
    expect(ended).toHaveLength(3);
  });

  const short = { 'Contract.sol': 'contract A {}\n' };
  const long = { ...short, 'b.sol': `//${'x'.repeat(64 * 1024)}` };
  const [few, many] = [report(1, 0), report(200, 0, 400)];
  it.each<[string, Uint8Array, Sources, number]>([
    ['a short report over short sources', few, short, 0],
    ['a short report over long sources', few, long, 1],
    ['a long report over short sources', many, short, 1],
  ])('is an audit of %s, and no other', { timeout: 60_000 }, async (_, bytes, sources, inThread) => {
    const aside = asideFromNow();
    const { document } = await makeDocument('audit', jobOf(bytes, sources), new AbortController().signal);
    expect(document.findings).toHaveLength(bytes === few ? 1 : 200);
    expect(aside()).toBe(inThread);
  });

  it.each<[string, number, Sources, number]>([
    ['a short report over short sources', 1, short, 0],
    ['a short report over long sources', 1, long, 1],
    ['a long report over short sources', 1000, short, 1],
  ])("is the linter's of %s, and no other", { timeout: 60_000 }, async (_, findings, sources, inThread) => {
    const aside = asideFromNow();
    const { document } = await makeDocument('lint', lintJob(findings, sources), new AbortController().signal);
    expect(document.findings).toHaveLength(findings);
    expect(aside()).toBe(inThread);
  });

  it('is SARIF of long documents, and no other', { timeout: 60_000 }, async () => {
    const audit = MAKERS.audit(jobOf(few, short));
    const aside = asideFromNow();
    for (const [findings, inThread] of [
      [1, 0],
      [1000, 1],
    ] as const) {
      const lint = MAKERS.lint(lintJob(findings, short));
      const sarif = await makeDocument('sarif', { audit, lint }, new AbortController().signal);
      expect(sarif).toBe(sarifText(audit.document, lint.document));
      expect(aside()).toBe(inThread);
    }
  });

  it('holds up no thread with one finding in a line of megabytes', { timeout: 120_000 }, async () => {
    const job = lintJob(1, { 'a.sol': `contract A {} //${' ä'.repeat(4_000_000)}` });
    const { signal } = new AbortController();
    const used: number[] = [];
    for (const make of [() => MAKERS.lint(job), () => makeDocument('lint', job, signal)]) {
      const begun = process.threadCpuUsage();
      const { document } = await make();
      expect(document.findings).toHaveLength(1);
      const { user, system } = process.threadCpuUsage(begun);
      used.push((user + system) / 1000);
    }
    expect(used[1]).toBeLessThan(used[0]! / 2);
  });

  it('is made by the thread of the earlier one, until that was stopped or has grown', { timeout: 120_000 }, async () => {
    const thread = new DocumentThread();
    const { signal } = new AbortController();
    const started = threadsFromNow();
    const make = (bytes: Uint8Array, until: AbortSignal) => thread.make({ kind: 'audit', job: jobOf(bytes) }, until);
    const small = await make(report(1, 1), signal);
    expect(await make(report(1, 1), signal)).toEqual(small);
    await expect(make(report(200, 1).slice(0, -3), signal)).rejects.toMatchObject({ code: 'json/malformed' });
    expect(await make(report(1, 1), signal)).toEqual(small);
    expect(started()).toBe(1);
    const stop = new AbortController();
    const given = make(report(10_000, 3), stop.signal);
    stop.abort(new Error('enough'));
    await expect(given).rejects.toThrow('enough');
    expect(await make(report(1, 1), signal)).toEqual(small);
    expect(started()).toBe(2);
    await make(report(10_000, 3), signal);
    expect(await make(report(1, 1), signal)).toEqual(small);
    expect(started()).toBe(3);
  });

  it('ends its thread when nothing is asked of it for a while', { timeout: 60_000 }, async () => {
    const thread = new DocumentThread();
    const { signal } = new AbortController();
    const started = threadsFromNow();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const make = () => thread.make({ kind: 'audit', job: jobOf(report(1, 1)) }, signal);
    await make();
    vi.advanceTimersByTime(20_000);
    await make();
    vi.advanceTimersByTime(20_000);
    await make();
    expect(started()).toBe(1);
    vi.advanceTimersByTime(30_000);
    await make();
    expect(started()).toBe(2);
  });

  it('holds up no process that has nothing else to do', { timeout: 60_000 }, () => {
    const module = new URL('../../packages/agent/src/tasks/attested-audit/documents/document-thread.ts', import.meta.url).href;
    const program = `const { DocumentThread } = await import(${JSON.stringify(module)});
const job = { report: new Uint8Array(0), sources: {}, dependencies: new Set(), facts: {} };
await new DocumentThread().make({ kind: 'audit', job }, new AbortController().signal).catch(({ code }) => console.log(code));`;
    const { status, signal, stdout } = spawnSync(
      process.execPath,
      ['--conditions=@assay/source', '--input-type=module', '--eval', program],
      { timeout: 25_000, encoding: 'utf8' },
    );
    expect([status, signal, stdout]).toEqual([0, null, 'json/malformed\n']);
  });

  it('ends with the work that wants it', async () => {
    const stop = new AbortController();
    const made = makeDocument('audit', jobOf(report(10_000, 3)), stop.signal);
    stop.abort(new Error('enough'));
    await expect(made).rejects.toThrow('enough');
  });
});
