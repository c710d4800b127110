/** The task `attested_audit`: real Slither in the sandbox, findings equal to those of bare Slither, one hash, rules, refusals. */

import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Audit, Finding } from '@assay/contracts';
import { collectSources } from '@assay/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAnalyzer } from '../../packages/agent/src/adapters/analyzer/slither.ts';
import { openCompilers } from '../../packages/agent/src/adapters/compilers/compilers.ts';
import type { Analyzer } from '../../packages/agent/src/ports/analyzer.ts';
import type { Compilers } from '../../packages/agent/src/ports/compilers.ts';
import { type AnswerBody, startTestAgent } from '../e2e/agent.ts';
import { createScriptedSandbox, type ScriptedRun } from '../e2e/stand-ins.ts';
import { analyzerFolder, compilersFolder, npmPackage } from './installed.ts';

const BANK = `// SPDX-License-Identifier: MIT
pragma solidity 0.8.24;
contract Bank {
    mapping(address => uint256) public balances;
    function deposit() external payable { balances[msg.sender] += msg.value; }
    function withdraw() external {
        uint256 amount = balances[msg.sender];
        (bool ok, ) = msg.sender.call{value: amount}("");
        require(ok, "failed");
        balances[msg.sender] = 0;
    }
}
`;
const HIDDEN = BANK.replace('    function withdraw', '    // slither-disable-next-line reentrancy-eth\n    function withdraw');
const OZ = [
  '@openzeppelin/contracts',
  '5.0.2',
  'sha512-ytPc6eLGcHHnapAZ9S+5qsdomhjo6QBHTDRRBFfTxXIpsicMhVPouPgmUPebZZZGX7vt9USA+Z+0M0dSVtSUEA==',
] as const;
const TOKEN = `// SPDX-License-Identifier: MIT
pragma solidity 0.8.24;
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
contract Coin is ERC20 {
    constructor() ERC20("Coin", "CN") { _mint(msg.sender, 1000); }
}
`;

let directory = '';
let compilersAt = '';
let compilers: Compilers;
let analyzer: Analyzer;

beforeAll(async () => {
  directory = await analyzerFolder();
  compilersAt = await compilersFolder('0.8.24');
  compilers = openCompilers({ folder: compilersAt });
  analyzer = createAnalyzer({ directory, minIsolation: 'reduced', now: Date.now });
  await analyzer.open();
}, 600_000);

afterAll(async () => {
  await analyzer?.close();
  await compilers?.close();
});

async function audit(
  data: object,
  more: object = {},
): Promise<{
  status: number;
  body: AnswerBody;
  audit: Audit;
  result: Readonly<Record<string, unknown>>;
  events: readonly string[];
}> {
  const agent = await startTestAgent({ compilers, analyzer, ...more });
  const { status, body } = await agent.process({ type: 'attested_audit', lint: false, ...data });
  const log = agent.ledger.sealed.at(-1)?.receipt.event_log ?? [];
  return {
    status,
    body,
    audit: body.audit as Audit,
    result: body.result as Record<string, unknown>,
    events: log.map(({ type }) => type),
  };
}

describe('findings', () => {
  it('name the reentrancy, with its lines, and fail the audit', async () => {
    const { status, body, audit: found, result, events } = await audit({ contract_code: BANK });
    expect([status, body.success, body.error_code]).toEqual([200, false, 'contract/findings']);
    expect(body.error).toMatch(/^reentrancy-eth at Contract\.sol:6: expected no finding/);
    const [first] = found.findings;
    expect(first).toMatchObject({
      check: 'reentrancy-eth',
      impact: 'High',
      confidence: 'Medium',
      cwe: 841,
      dependency: false,
      suppressed_by_line: null,
    });
    expect(first?.locations[0]).toMatchObject({
      source: 'Contract.sol',
      first_line: 6,
      last_line: 11,
      kind: 'function',
      name: 'withdraw',
    });
    expect(result).toMatchObject({ passed: false, findingsCount: found.findings.length, teeProvider: 'simulated' });
    expect(events).toContain('contract.audited');
    expect(events.indexOf('code.executed')).toBeLessThan(events.indexOf('contract.audited'));
  });

  it('are those of bare Slither on the same file', async () => {
    const { audit: found } = await audit({ contracts: [{ name: 'Bank', code: BANK }] });
    const bare = await bareSlither('Bank.sol', BANK);
    const facts = (each: { check: string; impact: string; confidence: string; description: string }) =>
      `${each.check} ${each.impact} ${each.confidence} ${each.description.trim().split('\n').sort().join('\n')}`; // lists are in another order
    expect(found.findings.map(facts).sort()).toEqual(bare.map(facts).sort());
    expect(found.findings.length).toBeGreaterThan(1);
  });

  it('of a clean OpenZeppelin token pass, and say what is in a dependency', async () => {
    const folder = npmPackage(...OZ);
    const read = (name: string): string =>
      name === 'Coin.sol' ? TOKEN : readFileSync(name.replace('@openzeppelin/contracts', folder), 'utf8');
    const { body, audit: found, result } = await audit({ sources: collectSources({ entries: ['Coin.sol'], read }) });
    expect([body.success, result.passed, found.failing]).toEqual([true, true, 0]);
    expect(found.findings.some(({ dependency }) => dependency)).toBe(true);
  });

  it('hash to the same whatever the form of the request, and differently for another rule or source', async () => {
    const forms = [
      { contracts: [{ name: 'Bank', code: BANK }] },
      { sources: { 'Bank.sol': BANK } },
      { sources: { 'Bank.sol': BANK }, solc_version: '0.8.24' },
    ];
    const hashes = [];
    for (const form of forms) hashes.push((await audit(form)).result.auditHash);
    expect(new Set(hashes).size).toBe(1);
    const others = [
      { sources: { 'Bank.sol': BANK }, policy: 'strict' },
      { sources: { 'Bank.sol': `${BANK} ` } },
      { sources: { 'Vault.sol': BANK } },
    ];
    for (const other of others) hashes.push((await audit(other)).result.auditHash);
    expect(new Set(hashes).size).toBe(1 + others.length);
  });

  it.each([
    ['default', false],
    ['comments', true],
    ['strict', false],
    ['no-findings', false],
  ])('with a comment that hides them, under %s: passed is %s', async (policy, passed) => {
    const { audit: found, result } = await audit({ contract_code: HIDDEN, policy });
    expect(result.passed).toBe(passed);
    expect(found.findings.find(({ check }) => check === 'reentrancy-eth')?.suppressed_by_line).toBe(6);
  });

  it('in what the compilation set out from count, also when the request calls it a dependency', async () => {
    const { audit: found, result } = await audit({ sources: { 'src/Bank.sol': BANK }, dependencies: ['src/', 's'] });
    expect([result.passed, found.failing, found.dependencies]).toEqual([false, 1, ['s', 'src/']]);
    const named = await audit({ sources: { 'node_modules/Bank.sol': BANK } });
    expect([named.result.passed, named.audit.findings.some(({ dependency }) => dependency)]).toEqual([false, false]);
  });

  it('that a list of dependencies takes out of the rule are told, with the list', async () => {
    const sources = { 'src/Bank.sol': BANK, 'Main.sol': 'pragma solidity 0.8.24;\nimport "src/Bank.sol";\n' };
    const agent = await startTestAgent({ compilers, analyzer });
    const { body } = await agent.process({ type: 'attested_audit', sources, dependencies: ['src/'] });
    const found = body.audit as Audit;
    expect([found.passed, found.uncounted, found.dependencies]).toEqual([true, 1, ['src/']]);
    const event = agent.ledger.sealed.at(-1)?.receipt.event_log.find(({ type }) => type === 'contract.audited');
    expect(event).toMatchObject({ policy: 'default', dependencies: '["src/"]', passed: true, uncounted: 1 });
  });

  it('keep their fingerprint when the code moves', async () => {
    const fingerprint = ({ findings }: Audit): string | undefined =>
      findings.find(({ check }) => check === 'reentrancy-eth')?.fingerprint;
    const here = await audit({ sources: { 'Bank.sol': BANK } });
    const there = await audit({
      sources: { 'deep/folder/Bank.sol': BANK.replace('contract Bank', '\n\n// moved\n\ncontract Bank') },
    });
    expect(fingerprint(there.audit)).toBe(fingerprint(here.audit));
    expect(there.result.auditHash).not.toBe(here.result.auditHash);
  });

  it('come as SARIF 2.1.0', async () => {
    const agent = await startTestAgent({ compilers, analyzer });
    const { body } = await agent.process({ type: 'attested_audit', contract_code: BANK });
    const url = body.artifacts.map((each) => each.url).find((each) => each.endsWith('.sarif')) ?? '';
    const sarif = (await (await agent.request(new URL(url).pathname)).json()) as {
      version: string;
      runs: { results: unknown[]; tool: { driver: { rules: { id: string }[] } } }[];
    };
    expect(sarif.version).toBe('2.1.0');
    const [run] = sarif.runs;
    expect(run?.results[0]).toMatchObject({
      ruleId: 'reentrancy-eth',
      level: 'error',
      locations: [
        {
          physicalLocation: {
            artifactLocation: { uri: 'Contract.sol', uriBaseId: 'PROJECT' },
            region: { startLine: 6, endLine: 11 },
          },
        },
      ],
      partialFingerprints: { 'assayFinding/v1': expect.stringMatching(/^[0-9a-f]{32}$/) },
    });
    expect(JSON.stringify(sarif)).not.toContain(directory);
  });

  it('of two contracts of one name stay apart', async () => {
    const { audit: found } = await audit({ sources: { 'a/Bank.sol': BANK, 'b/Bank.sol': BANK } });
    const places = found.findings
      .filter(({ check }) => check === 'reentrancy-eth')
      .map(({ locations }) => locations[0]?.source);
    expect(places).toEqual(['a/Bank.sol', 'b/Bank.sol']);
  });
});

describe('what cannot be audited', () => {
  it('fails with the words of the compiler', async () => {
    const { status, body } = await audit({ contract_code: 'contract A {' });
    expect([status, body.success, body.error_code, body.audit]).toEqual([200, false, 'contract/compile-failed', null]);
  });

  it('is refused where Slither itself breaks', async () => {
    const { status, body, events } = await audit({
      contract_code: 'pragma solidity 0.8.24; contract SlitherInternalTopLevelContract {}',
    });
    expect([status, body.code]).toEqual([422, 'audit/analyzer-failed']);
    expect(events).toContain('code.executed');
    expect(events).not.toContain('contract.audited');
  });

  const scripted = (run: ScriptedRun): Analyzer => ({
    open: async () => ({
      sandbox: createScriptedSandbox(() => run),
      driver: 'main()',
      version: '0.0.0',
      cryticCompile: '0.0.0',
      evm: () => null,
      linter: () => null,
    }),
    close: async () => undefined,
  });
  const report = (value: unknown): ScriptedRun => ({
    files: [{ path: '/tmp/report.json', mediaType: 'application/json', bytes: Buffer.from(JSON.stringify(value)) }],
  });

  it.each([
    ['audit/analyzer-timeout', { status: 'timeout' as const, error: 'Timeout: too long' }],
    ['audit/analyzer-failed', { error: 'RecursionError: maximum depth' }],
    ['audit/analyzer-failed', {}],
    ['audit/malformed', report({ detectors: [], findings: [{ check: '../x' }] })],
    ['audit/malformed', report([])],
    ['json/malformed', { files: [{ path: '/tmp/report.json', mediaType: 'application/json', bytes: Buffer.from('{') }] }],
  ])('%s', async (code, run) => {
    const { body } = await audit({ contract_code: BANK }, { analyzer: scripted(run) });
    expect(body.code).toBe(code);
  });

  it('is refused without Slither, with the way to get it', async () => {
    const empty = mkdtempSync(join(tmpdir(), 'assay-no-slither-'));
    const absent = createAnalyzer({ directory: empty, minIsolation: 'reduced', now: Date.now });
    try {
      const { status, body } = await audit({ contract_code: BANK }, { analyzer: absent });
      expect([status, body.code]).toEqual([503, 'audit/analyzer-absent']);
      expect(body.error).toMatch(/assay sandbox install --lane slither/);
    } finally {
      await absent.close();
      rmSync(empty, { recursive: true, force: true });
    }
  });
});

/** Slither as its own users run it, outside of any sandbox of ours, on a file that is a test's own. */
async function bareSlither(name: string, code: string): Promise<readonly Finding[]> {
  const work = mkdtempSync(join(tmpdir(), 'assay-bare-slither-'));
  try {
    writeFileSync(join(work, name), code);
    const images = join(directory, 'sandbox/slither');
    const shim = new URL('./solc-shim.mjs', import.meta.url).pathname;
    const tag = readdirSync(images)[0] ?? '';
    const python = `python3.${tag.replace(/^cp3/, '')}`;
    const program = 'import sys; from slither.__main__ import main; main()';
    const env = {
      PATH: `${process.env.PATH}`,
      PYTHONPATH: join(images, tag, 'packages'),
      SOLJSON: join(compilersAt, '0.8.24/soljson.js'),
      HOME: work,
      PYTHONDONTWRITEBYTECODE: '1', // the image is verified whenever it is opened
    };
    const ran = promisify(execFile)(python, ['-c', program, name, '--solc', shim, '--json', '-'], {
      cwd: work,
      env,
      maxBuffer: 64 * 1024 * 1024,
    });
    const { stdout } = await ran.catch((error: { stdout: string }) => error); // it ends with the number of findings
    return (JSON.parse(stdout) as { results: { detectors: readonly Finding[] } }).results.detectors;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
