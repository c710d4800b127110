/** `assay build`, `audit`, `check-contract` and `replay` against an agent of their own, from sources to a deployed contract. */

import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { transcript } from '@assay/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { attestedBuildIn } from '../../packages/assay/src/command-line/contract-check/attested-build.ts';
import { run } from '../../packages/assay/src/command-line/program.ts';
import { type Anvil, hasAnvil, startAnvil } from './anvil.ts';
import { analyzerFolder, compilersFolder } from './installed.ts';

const BANK = `pragma solidity 0.8.24;
contract Bank {
    mapping(address => uint256) public balances;
    function deposit() external payable { balances[msg.sender] += msg.value; }
    function withdraw() external {
        (bool ok, ) = msg.sender.call{value: balances[msg.sender]}("");
        require(ok);
        balances[msg.sender] = 0;
    }
}
`;
const SAFE = 'pragma solidity 0.8.24;\ncontract Safe { uint256 public constant X = 7; }\n';

let cwd = '';
let env: Record<string, string> = {};
let chain: Anvil | null = null;

beforeAll(async () => {
  cwd = mkdtempSync(join(tmpdir(), 'assay-contracts-'));
  env = {
    ASSAY_COMPILERS_DIR: await compilersFolder('0.8.24'),
    ASSAY_ANALYZER_DIR: await analyzerFolder(),
    AI_PROVIDER: 'recorded',
    // Nothing listens there: the command starts an agent inside.
    ASSAY_URL: '',
  };
  writeFileSync(join(cwd, 'Bank.sol'), BANK);
  writeFileSync(join(cwd, 'Safe.sol'), SAFE);
  writeFileSync(join(cwd, 'Broken.sol'), 'contract Broken {');
  if (hasAnvil) chain = await startAnvil();
}, 600_000);

afterAll(() => {
  chain?.close();
  rmSync(cwd, { recursive: true, force: true });
});

async function assay(...args: readonly string[]) {
  const io = transcript({ cwd, env, now: Date.now(), fetch: (input, init) => globalThis.fetch(input, init) });
  const code = await run(args, io);
  return { code, out: io.out(), err: io.err() };
}

/** One audit of `Safe.sol` by a command of its own process. */
async function auditIn(
  folder: string,
  more: object,
): Promise<{ answer: { result: { auditHash: string }; audit: { build_hash: string } } }> {
  const program = new URL('../../packages/assay/bin/assay.js', import.meta.url).pathname;
  const options = { cwd: folder, env: { PATH: `${process.env.PATH}`, ...env, ...more }, maxBuffer: 64 * 1024 * 1024 };
  const { stdout } = await promisify(execFile)(process.execPath, [program, 'audit', 'Safe.sol', '--json', '--quiet'], options);
  return { answer: JSON.parse(stdout) };
}

const root = (): readonly string[] => ['--simulated-root', join(cwd, '.assay/simulated-root.pem')];

describe('from sources to a deployed contract', { timeout: 240_000 }, () => {
  it('builds, keeps the bundle, and says what does not compile', async () => {
    const built = await assay('build', 'Safe.sol', '--save', 'built');
    expect([built.code, built.err.includes('error:')]).toEqual([0, false]);
    expect(built.out).toMatch(/Safe\.sol:Safe +\d+ bytes +0x[0-9a-f]{64}/);
    const broken = await assay('build', 'Broken.sol');
    expect([broken.code, broken.out]).toEqual([6, '']);
    expect(broken.err).toMatch(/Broken\.sol:1:18[\s\S]*\^/);
    expect((await assay('build', 'Safe.sol', '--solc', '0.8.1')).code).toBe(1);
    expect((await assay('build', 'nothing.sol')).code).toBe(1);
  });

  it('compares with what was published, and hashes to the same in another folder, locale and time zone', async () => {
    const { runtime } = JSON.parse(readFileSync(join(cwd, 'built/manifest.json'), 'utf8')).contracts[0];
    expect((await assay('build', 'Safe.sol', '--compare', runtime.keccak256, '--quiet')).out).toMatch(
      /^equal +Safe\.sol:Safe$/m,
    );
    expect((await assay('build', 'Safe.sol', '--compare', `0x${'00'.repeat(32)}`, '--quiet')).code).toBe(6);
    const deep = join(cwd, 'deep/er/folder');
    mkdirSync(deep, { recursive: true });
    writeFileSync(join(deep, 'Safe.sol'), SAFE);
    const hashes: unknown[] = [];
    for (const [folder, more] of [
      [cwd, {}],
      [deep, { LC_ALL: 'tr_TR.UTF-8', TZ: 'Asia/Tokyo', PYTHONHASHSEED: '7' }],
    ] as const) {
      const { answer } = await auditIn(folder, more);
      hashes.push([answer.result.auditHash, answer.audit.build_hash]);
    }
    expect(hashes[0]).toEqual(hashes[1]);
  });

  it.runIf(hasAnvil)('checks the deployment, in every word that scripts read', async () => {
    const [artifact] = Object.values(
      JSON.parse(readFileSync(join(cwd, 'built/contracts.json'), 'utf8')) as Record<string, { bytecode: string }>,
    );
    const { address, transaction } = (await chain?.deploy(artifact?.bytecode ?? '')) ?? { address: '', transaction: '' };
    const where = ['--rpc', chain?.url ?? '', '--address', address, ...root()];
    const found = await assay(
      'check-contract',
      'built/bundle.json',
      ...where,
      '--creation-tx',
      transaction,
      '--at-least',
      'identical',
    );
    expect([found.code, found.out.split(' ')[0]]).toEqual([0, 'identical']);
    expect(found.out).toMatch(/as the RPC says; it was trusted/);
    const json = JSON.parse((await assay('check-contract', 'built/bundle.json', ...where, '--json')).out);
    expect(json).toMatchObject({ level: 'identical', yes: true, contract: 'Safe.sol:Safe' });
    await chain?.set('anvil_setCode', address, '0x6001');
    const other = await assay('check-contract', 'built/bundle.json', ...where);
    expect([other.code, other.out.startsWith('no match')]).toEqual([6, true]);
    const unknown = await assay('check-contract', 'built/bundle.json', '--rpc', chain?.url ?? '', '--address', address);
    expect(unknown.code).toBe(3); // the simulator's root was not named
  });

  it('audits, ends with 6 for a reentrancy, and takes a baseline', async () => {
    const found = await assay('audit', 'Bank.sol', '--save', 'audited', '--sarif', 'bank.sarif');
    expect(found.code).toBe(6);
    expect(found.out).toMatch(/✗ High\/Medium {2}reentrancy-eth {2}Bank\.sol:5 {2}CWE-841/);
    expect(JSON.parse(readFileSync(join(cwd, 'bank.sarif'), 'utf8')).version).toBe('2.1.0');
    const again = await assay('audit', 'Bank.sol', '--baseline', 'audited/audit.json');
    expect([again.code, /0 findings, \d known from the baseline/.test(again.out)]).toEqual([0, true]);
    expect((await assay('audit', 'Safe.sol')).code).toBe(0);
    expect((await assay('audit', 'Bank.sol', '--baseline', 'Bank.sol')).code).toBe(1);
  });

  it('replays build and analysis to the same', async () => {
    const again = await assay('replay', 'audited/bundle.json', ...root());
    expect(again.out.match(/^identical/gm)?.length).toBe(2);
    expect(again.code).toBe(0);
  });

  it.each([
    ['a finding', 'audit/audit.json', (text: string) => text.replace('reentrancy-eth', 'reentrancy-xyz')],
    ['the source', 'build/input.json', (text: string) => text.replace('require(ok)', 'require(!ok)')],
    ["the tool's version", 'audit/audit.json', (text: string) => text.replace('"0.11.6"', '"0.11.7"')],
  ])('refuses a bundle in which %s was edited', async (_, name, edit) => {
    const bundle = JSON.parse(readFileSync(join(cwd, 'audited/bundle.json'), 'utf8'));
    const events = bundle.receipts[0].receipt.event_log as { type: string; name?: string; hash?: string }[];
    const hash = events.find((event) => event.type === 'payload.kept' && event.name === name)?.hash ?? '';
    const payload = (bundle.payloads as { hash: string; bytes: string }[]).find((each) => each.hash === hash);
    const before = Buffer.from(payload?.bytes ?? '', 'base64').toString('utf8');
    const after = edit(before);
    expect(after).not.toBe(before);
    Object.assign(payload ?? {}, { bytes: Buffer.from(after).toString('base64') });
    writeFileSync(join(cwd, 'edited.json'), JSON.stringify(bundle));
    expect((await assay('verify', 'audited/bundle.json', ...root())).code).toBe(0);
    expect([2, 3]).toContain((await assay('verify', 'edited.json', ...root())).code);
  });
});

it('lists its compilers, and says how to get one', async () => {
  const listed = await assay('solc', 'list', '--json');
  expect(JSON.parse(listed.out).compilers.map(({ version }: { version: string }) => version)).toContain('0.8.24');
  expect((await assay('solc', 'add', '0.8')).code).toBe(1);
  expect(existsSync(join(cwd, '.assay/compilers'))).toBe(false);
});

it('finds no build where there is none', () => {
  expect(() => attestedBuildIn([])).toThrow(expect.objectContaining({ code: 'cli/no-build' }));
});
