/** The linter of audits: real solhint in the sandbox, apart from the audit's hash and rule; said as not made where it is absent or fails. */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Lint } from '@assay/contracts';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { installedProgram, PROGRAMS, programFile } from '../../packages/agent/src/adapters/analyzer/bundled-program.ts';
import { createAnalyzer } from '../../packages/agent/src/adapters/analyzer/slither.ts';
import { openCompilers } from '../../packages/agent/src/adapters/compilers/compilers.ts';
import type { Analyzer, Linter, OpenAnalyzer } from '../../packages/agent/src/ports/analyzer.ts';
import type { Compilers } from '../../packages/agent/src/ports/compilers.ts';
// @ts-expect-error a script without types
import { installSolhint } from '../../tools/install-solhint.mjs';
import { type AnswerBody, startTestAgent } from '../e2e/agent.ts';
import { createScriptedSandbox, type ScriptedRun } from '../e2e/stand-ins.ts';
import { analyzerFolder, compilersFolder } from './installed.ts';

const SOURCE = `// SPDX-License-Identifier: MIT
pragma solidity 0.8.24;
import "lib/Base.sol";
contract wallet is Base {
    address public owner = tx.origin; // solhint-disable-line
    function move(address to) external { require(owner == tx.origin); (bool ok, ) = to.call(''); require(ok); }
}
`;
const sources = { 'src/Wallet.sol': SOURCE, 'lib/Base.sol': 'pragma solidity 0.8.24;\ncontract Base { uint public Total; }\n' };

let analyzer: Analyzer;
let opened: OpenAnalyzer;
let compilers: Compilers;
let bareFolder = '';

beforeAll(async () => {
  bareFolder = installSolhint();
  const directory = await analyzerFolder();
  compilers = openCompilers({ folder: await compilersFolder('0.5.17', '0.8.24') });
  analyzer = createAnalyzer({ directory, minIsolation: 'reduced', now: Date.now });
  opened = await analyzer.open();
}, 600_000);

afterAll(async () => {
  await analyzer?.close();
  await compilers?.close();
});

type Event = Readonly<Record<string, unknown>>;

async function audit(data: object, more: Partial<OpenAnalyzer> = {}) {
  const used: Analyzer = { open: async () => ({ ...opened, ...more }), close: async () => undefined };
  const agent = await startTestAgent({ compilers, analyzer: used });
  const { body } = await agent.process({ type: 'attested_audit', sources, ...data });
  const receipt = agent.ledger.sealed.at(-1)?.receipt;
  const url = body.artifacts.map((each) => each.url).find((each) => each.endsWith('.sarif')) ?? '';
  const sarif = (await (await agent.request(new URL(url).pathname)).json()) as { readonly runs: readonly Event[] };
  const events = (receipt?.event_log ?? []) as readonly Event[];
  return { body, events, sarif, lint: body.lint as LintMember, linted: events.find(({ type }) => type === 'contract.linted') };
}

interface LintMember {
  readonly outcome: string;
  readonly reason?: string;
  readonly lintHash?: string;
  readonly document?: Lint;
}

interface Said {
  readonly rule: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

/** Solhint as its own users call it, from the packages of the lock file. */
function bareSolhint(text: string): readonly Said[] {
  const { processStr } = createRequire(join(bareFolder, 'lint.js'))('solhint') as {
    processStr(
      text: string,
      config: object,
    ): { readonly reports: readonly (Omit<Said, 'rule'> & { readonly ruleId: string })[] };
  };
  return processStr(text, { extends: 'solhint:recommended' }).reports.map(({ ruleId, ...said }) => ({ ...said, rule: ruleId }));
}

const hashOf = ({ result }: AnswerBody): unknown => (result as { readonly auditHash: string }).auditHash;

describe('the linter', () => {
  it('tells what solhint says of the sources that are no dependencies, with what comments hide', async () => {
    const { lint, linted, events } = await audit({});
    const { findings = [], sources: named, unread } = lint.document ?? {};
    expect([lint.outcome, lint.reason, named, unread]).toEqual(['linted', undefined, ['src/Wallet.sol'], {}]);
    expect(findings).toContainEqual(
      expect.objectContaining({ rule: 'quotes', severity: 'error', line: 6, suppressed: false, source: 'src/Wallet.sol' }),
    );
    const origins = findings.filter(({ rule }) => rule === 'avoid-tx-origin').map(({ line, suppressed }) => [line, suppressed]);
    expect(origins).toEqual([
      [5, true],
      [6, false],
    ]);
    expect(linted).toMatchObject({
      ...{ outcome: 'linted', linter: 'solhint 6.2.4', findings: findings.length, lint_hash: `sha256:${lint.lintHash}` },
      ...{ sources: 1, unread: 0 },
    });
    const runs = events.filter(({ type }) => type === 'code.executed').map(({ language }) => language);
    expect(runs).toEqual(['python', 'javascript']);
  });

  it('says what solhint itself says where no comment hides anything', async () => {
    const shown = SOURCE.replace('// solhint-disable-line', '');
    const { lint } = await audit({ sources: { ...sources, 'src/Wallet.sol': shown } });
    const facts = (all: readonly Said[] = []): string[] =>
      [...new Set(all.map(({ rule, line, column, message }) => `${rule} ${line}:${column} ${message.trim()}`))].sort();
    const bare = bareSolhint(shown).filter(({ rule }) => rule !== 'import-path-check');
    expect(facts(lint.document?.findings)).toEqual(facts(bare));
    expect(bare.length).toBeGreaterThan(5);
  });

  it('changes neither hash nor outcome of the audit, gives one hash each time, and is a run of its own in SARIF', async () => {
    const [first, second, without] = [await audit({}), await audit({}), await audit({}, { linter: () => null })];
    expect(first.lint.lintHash).toMatch(/^[0-9a-f]{64}$/);
    expect(second.lint.lintHash).toBe(first.lint.lintHash);
    expect([hashOf(second.body), hashOf(without.body)]).toEqual([hashOf(first.body), hashOf(first.body)]);
    expect(without.body.success).toBe(first.body.success);
    const drivers = ({ sarif }: typeof first) =>
      sarif.runs.map(({ tool }) => (tool as { driver: { name: string } }).driver.name);
    expect([drivers(first), drivers(without)]).toEqual([['Slither', 'solhint'], ['Slither']]);
    const [run, lintRun] = first.sarif.runs as readonly { properties: Event; results: readonly Event[] }[];
    expect(run?.properties.lint).toBe(`sha256:${first.lint.lintHash}`);
    expect(lintRun?.results.length).toBe(first.lint.document?.findings.length);
    expect((without.sarif.runs[0] as { properties: Event }).properties.lint).toBe('not-checked');
  });

  const odd = 'pragma solidity 0.8.24;\ncontract Odd { uint transient; }\n';

  it('counts a source that solhint cannot read, in the receipt and in SARIF', async () => {
    const { lint, linted, sarif } = await audit({ sources: { 'Odd.sol': odd, 'Plain.sol': sources['lib/Base.sol'] } });
    expect(Object.keys(lint.document?.unread ?? {})).toEqual(['Odd.sol']);
    expect(lint.document?.findings.map(({ source }) => source)).toContain('Plain.sol');
    expect(linted).toMatchObject({ outcome: 'linted', sources: 2, unread: 1 });
    expect(sarif.runs[1]?.invocations).toMatchObject([
      { executionSuccessful: false, toolExecutionNotifications: [{ level: 'error' }] },
    ]);
  });

  it('reads the other sources where its parser fails on one', async () => {
    const old = { 'A.sol': 'pragma solidity ^0.5.0;\ncontract A { uint fallback; }\n' };
    const { lint } = await audit({ sources: { ...old, 'b.sol': 'pragma solidity ^0.5.0;\ncontract b { uint x; }\n' } });
    expect(lint.document?.unread).toEqual({ 'A.sol': 'the linter failed: TypeError' });
    expect(lint.document?.findings.map(({ source }) => source)).toContain('b.sol');
  });

  it('was not made where solhint reads none of the sources', async () => {
    const { lint, linted } = await audit({ sources: { 'Odd.sol': odd } });
    const reason = 'solhint 6.2.4 could read none of the sources, 1 in all';
    expect([lint, linted]).toMatchObject([
      { outcome: 'not-checked', reason },
      { outcome: 'not-checked', reason },
    ]);
  });

  it.each([
    ['no linter is installed; the operator runs: assay sandbox install --lane solhint', {}, { linter: () => null }],
    ['the request asked for none', { lint: false }, {}],
  ])('was not made: %s', async (reason, data, more) => {
    const { lint, linted, body } = await audit(data, more);
    expect(lint).toEqual({ outcome: 'not-checked', reason });
    expect(linted).toMatchObject({ outcome: 'not-checked', reason });
    expect(body.artifacts.some(({ url: each }) => each.endsWith('lint.json'))).toBe(false);
  });

  it('was not made when the file of the linter is another one, and the audit goes on', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'assay-lint-test-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    mkdirSync(join(folder, dirname(programFile(PROGRAMS.solhint))));
    writeFileSync(join(folder, programFile(PROGRAMS.solhint)), 'an earlier one');
    const linter = (): Linter | null => {
      const code = installedProgram(folder, PROGRAMS.solhint);
      return code === null ? null : { code, name: 'solhint', version: '6.2.4' };
    };
    const { lint, linted, body } = await audit({}, { linter });
    const reason = expect.stringMatching(/^program\/tampered: expected solhint .*--lane evm, or solhint/);
    expect([lint, linted]).toEqual([
      { outcome: 'not-checked', reason },
      expect.objectContaining({ outcome: 'not-checked', reason }),
    ]);
    expect(hashOf(body)).toMatch(/^[0-9a-f]{64}$/);
  });

  const report = (value: unknown): ScriptedRun => ({
    files: [{ path: '/tmp/solhint.json', mediaType: 'application/json', bytes: Buffer.from(JSON.stringify(value)) }],
  });

  it.each([
    [
      /^the linter's run ended with timeout: too long, and no report$/,
      { status: 'timeout' as const, error: 'Timeout: too long' },
    ],
    [/^the linter's run ended with ok, and no report$/, {}],
    [/^audit\/malformed: expected rules and files/, report([])],
    [/^audit\/malformed: expected every source once/, report({ v: 1, rules: [], files: [] })],
  ])('reads as not made when it fails: %s', async (reason, run) => {
    const { sandbox } = opened;
    const scripted = createScriptedSandbox(() => run);
    const both: OpenAnalyzer['sandbox'] = {
      ...{ capabilities: sandbox.capabilities, close: async () => undefined },
      run: (job) => (job.language === 'javascript' ? scripted : sandbox).run(job),
    } as OpenAnalyzer['sandbox'];
    const { lint, body } = await audit({}, { sandbox: both });
    expect(lint).toEqual({ outcome: 'not-checked', reason: expect.stringMatching(reason) });
    expect(hashOf(body)).toMatch(/^[0-9a-f]{64}$/);
  });
});
