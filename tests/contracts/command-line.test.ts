/** `assay build`, `audit`, `check-contract` and `replay` against an agent of their own, from sources to a deployed contract. */

import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startOpenAiServer, transcript } from '@assay/testing';
import { privateKeyToAccount } from 'viem/accounts';
import { recoverTypedDataAddress } from 'viem/utils';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
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
const OWNED = `pragma solidity 0.8.24;
contract Owned {
    function take() external { owner = msg.sender; }
    address public owner;
}
`;
const SAFE = 'pragma solidity 0.8.24;\ncontract Safe { uint256 public constant X = 7; }\n';

/** Its functions emit one event at the same place of their own: Slither itself lists them in another order in each process. */
const RING = `pragma solidity 0.8.24;
interface Stranger { function meet() external; }
contract Ring {
    event Moved(uint256 amount);
    function all(Stranger stranger) external { stranger.meet(); a(1); b(2); c(3); d(4); }
${['a', 'b', 'c', 'd'].map((name) => `    function ${name}(uint256 amount) internal { emit Moved(amount); }`).join('\n')}
}
`;

/** util-linux: the command runs on the first core only. */
const ONE_CORE = ['taskset', '-c', '0'];

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
  writeFileSync(join(cwd, 'Owned.sol'), OWNED);
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

/** One audit of `Ring.sol` by a command of its own process. */
async function auditIn(
  folder: string,
  more: object,
  before: readonly string[] = [],
): Promise<{
  answer: { result: { auditHash: string }; audit: { build_hash: string; findings: readonly { check: string }[] } };
}> {
  const program = new URL('../../packages/assay/bin/assay.js', import.meta.url).pathname;
  const options = { cwd: folder, env: { PATH: `${process.env.PATH}`, ...env, ...more }, maxBuffer: 64 * 1024 * 1024 };
  const [command = '', ...words] = [...before, process.execPath, program, 'audit', 'Ring.sol', '--json', '--quiet'];
  const { stdout } = await promisify(execFile)(command, words, options);
  return { answer: JSON.parse(stdout) };
}

/** Signs the summary of an audit for an address, which another library reads back; refuses it for other chains and for builds without audit. */
async function summarize(bundle: string, address: string): Promise<void> {
  const where = ['--rpc', chain?.url ?? '', '--address', address, ...root()];
  const key = `0x${'22'.repeat(32)}` as const;
  writeFileSync(join(cwd, 'signer.key'), key);
  const signing = ['--summary', 'summary.json', '--key-file', 'signer.key'];
  const foreign = await assay('check-contract', bundle, ...where, ...signing, '--chain-id', '1');
  expect([foreign.code, existsSync(join(cwd, 'summary.json'))]).toEqual([5, false]);
  expect(foreign.err).toMatch(/expected an RPC of chain 1/);
  expect((await assay('check-contract', 'built/bundle.json', ...where, ...signing, '--chain-id', '31337')).code).toBe(5);
  expect((await assay('check-contract', bundle, ...where, ...signing)).code).toBe(1); // no chain
  expect((await assay('check-contract', bundle, ...where, ...signing, '--chain-id', '31337')).code).toBe(0);
  const { summary, signature, signer, check } = JSON.parse(readFileSync(join(cwd, 'summary.json'), 'utf8'));
  const text = (name: string, type: string) => ({ name, type });
  const types = {
    AuditSummary: [
      ...[text('auditor', 'Auditor'), text('issuedAt', 'uint256'), text('ercs', 'uint256[]')],
      ...[text('auditedContract', 'Contract'), text('auditHash', 'bytes32'), text('auditUri', 'string')],
    ],
    Auditor: [text('name', 'string'), text('uri', 'string'), text('authors', 'string[]')],
    Contract: [text('chainId', 'bytes32'), text('deployment', 'address')],
  };
  const recovered = await recoverTypedDataAddress({
    domain: { name: 'ERC-7652: Onchain Audit Representation', version: '1.0' },
    types: types as Record<string, { name: string; type: string }[]>,
    primaryType: 'AuditSummary',
    message: summary,
    signature: signature.data,
  });
  expect([recovered.toLowerCase(), signer]).toEqual(Array(2).fill(privateKeyToAccount(key).address.toLowerCase()));
  expect(summary.auditedContract).toEqual({ chainId: `0x${(31337).toString(16).padStart(64, '0')}`, deployment: address });
  expect(check).toMatchObject({ level: 'identical', simulated: true });
}

const root = (): readonly string[] => ['--simulated-root', join(cwd, '.assay/simulated-root.pem')];

describe('from sources to a deployed contract', { timeout: 240_000 }, () => {
  it('builds, keeps the bundle, and says what does not compile', async () => {
    const built = await assay('build', 'Safe.sol', '--save', 'built');
    expect([built.code, built.err.includes('error:')]).toEqual([0, false]);
    expect(built.out).toMatch(/Safe\.sol:Safe +\d+ bytes +0x[0-9a-f]{64}/);
    const verified = JSON.parse((await assay('verify', 'built/bundle.json', ...root(), '--json')).out);
    expect(verified.checks.find(({ id }: { id: string }) => id === 'receipt.build-provenance')).toMatchObject({
      outcome: 'pass',
    });
    const broken = await assay('build', 'Broken.sol');
    expect([broken.code, broken.out]).toEqual([6, '']);
    expect(broken.err).toMatch(/Broken\.sol:1:18[\s\S]*\^/);
    expect((await assay('build', 'Safe.sol', '--solc', '0.8.1')).code).toBe(4);
    expect((await assay('build', 'nothing.sol')).code).toBe(1);
  });

  it('compares with what was published, and hashes to the same in another folder, locale and time zone, on one core', async () => {
    const { runtime } = JSON.parse(readFileSync(join(cwd, 'built/manifest.json'), 'utf8')).contracts[0];
    expect((await assay('build', 'Safe.sol', '--compare', runtime.keccak256, '--quiet')).out).toMatch(
      /^equal +Safe\.sol:Safe$/m,
    );
    expect((await assay('build', 'Safe.sol', '--compare', `0x${'00'.repeat(32)}`, '--quiet')).code).toBe(6);
    const deep = join(cwd, 'deep/er/folder');
    mkdirSync(deep, { recursive: true });
    for (const folder of [cwd, deep]) writeFileSync(join(folder, 'Ring.sol'), RING);
    const hashes: unknown[] = [];
    for (const [folder, more, before] of [
      [cwd, {}, []],
      [deep, { LC_ALL: 'tr_TR.UTF-8', TZ: 'Asia/Tokyo', PYTHONHASHSEED: '7' }, process.platform === 'linux' ? ONE_CORE : []],
    ] as const) {
      const { answer } = await auditIn(folder, more, before);
      expect(answer.audit.findings.map(({ check }) => check)).toContain('reentrancy-events');
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
    const again = await assay('audit', 'Bank.sol', '--baseline', 'audited/audit.json', '--sarif', 'again.sarif');
    expect([again.code, /0 findings, \d known from the baseline/.test(again.out)]).toEqual([0, true]);
    const before = readFileSync(join(cwd, 'Bank.sol'), 'utf8');
    writeFileSync(
      join(cwd, 'Bank.sol'),
      before.replace(
        '    function deposit',
        '    function pay(address payable to) external { to.transfer(1); }\n    function deposit',
      ),
    );
    const more = await assay('audit', 'Bank.sol', '--baseline', 'audited/audit.json', '--sarif', 'more.sarif');
    writeFileSync(join(cwd, 'Bank.sol'), before);
    const states = (name: string): readonly string[] =>
      JSON.parse(readFileSync(join(cwd, name), 'utf8')).runs[0].results.map(
        ({ ruleId, baselineState }: Record<string, string>) => `${ruleId} ${baselineState}`,
      );
    expect(states('again.sarif')).toContain('reentrancy-eth unchanged');
    expect(states('again.sarif').filter((each) => each.endsWith(' new'))).toEqual([]);
    expect([more.code, states('more.sarif').includes('reentrancy-eth unchanged')]).toEqual([6, true]);
    expect(states('more.sarif')).toContain('arbitrary-send-eth new');
    const safe = await assay('audit', 'Safe.sol', '--save', 'safe');
    expect(safe.code).toBe(0);
    const held =
      /rule "default"; 0 findings of High or Medium impact did not count; dependencies: "@", "lib\/", "node_modules\/"/;
    for (const out of [safe.out, (await assay('verify', 'safe/bundle.json', ...root())).out])
      expect(out.replace(/\s+/g, ' ')).toMatch(held);
    if (chain !== null) {
      const [artifact] = Object.values(
        JSON.parse(readFileSync(join(cwd, 'built/contracts.json'), 'utf8')) as Record<string, { bytecode: string }>,
      );
      const { address } = await chain.deploy(artifact?.bytecode ?? '');
      const checked = await assay('check-contract', 'safe/bundle.json', '--rpc', chain.url, '--address', address, ...root());
      expect(checked.out).toMatch(held);
      await summarize('safe/bundle.json', address);
    }
    expect((await assay('audit', 'Bank.sol', '--baseline', 'Bank.sol')).code).toBe(2);
  });

  it('asks a model, shows its claims apart, and replays the exploit', async () => {
    const exploit = {
      ...{ invariant: 'owner-changed', target: 'Owned', exploit: [{ to: 'target', function: 'take()' }] },
    };
    const text = JSON.stringify({
      findings: [{ title: 'anyone is owner', source: 'Owned.sol', line: 3, exploit }, { title: 'a feeling' }],
    });
    const server = await startOpenAiServer({ answers: [{ kind: 'text', text }] });
    onTestFinished(() => server.close());
    await assay('sandbox', 'install', '--lane', 'evm');
    const model = { AI_PROVIDER: 'ollama', AI_API_BASE: server.base };
    const before = env;
    env = { ...env, ...model };
    const found = await assay('audit', 'Owned.sol', '--claims', '--save', 'claimed').finally(() => {
      env = before;
    });
    expect(found.out).toMatch(/claims 2 findings, of which 1 is demonstrated/);
    expect(found.out).toMatch(/demonstrated {2}anyone is owner {2}Owned\.sol:3\n {4}the owner is 0x/);
    expect(found.out).toMatch(/claimed {2}a feeling\n {4}the model gave no exploit/);
    const told = await assay('verify', 'claimed/bundle.json', ...root());
    expect(told.out.replace(/\s+/g, ' ')).toMatch(/owner-changed: a model's exploit broke it in a run/);
    const again = await assay('replay', 'claimed/bundle.json', ...root());
    expect([again.code, again.out.match(/^identical/gm)?.length]).toEqual([0, 5]);
  });

  it('shows what the linter remarks apart from the findings, and that none was made', async () => {
    const linted = await assay('audit', 'Bank.sol', '--save', 'linted', '--sarif', 'linted.sarif');
    expect(linted.out).toMatch(/^linter {3}solhint 6\.2\.4: \d+ remarks, 0 hidden by comments; apart from the audit\n {2}/m);
    const { lint_hash: hash } =
      (
        JSON.parse(readFileSync(join(cwd, 'linted/bundle.json'), 'utf8')).receipts[0].receipt.event_log as Record<
          string,
          unknown
        >[]
      ).find(({ type }) => type === 'contract.linted') ?? {};
    expect(statSync(join(cwd, 'linted.sarif')).mode & 0o077, 'its owner alone reads the findings').toBe(0);
    const runs = JSON.parse(readFileSync(join(cwd, 'linted.sarif'), 'utf8')).runs as { properties: { lintHash?: string } }[];
    expect(runs.map(({ properties }) => properties.lintHash)).toEqual([undefined, hash]);
    expect((await assay('verify', 'linted/bundle.json', ...root())).out).toMatch(
      /remarks by solhint 6\.2\.4, apart from the audit/,
    );
    const bare = await assay('audit', 'Bank.sol', '--no-lint', '--save', 'unlinted');
    expect(bare.out).toMatch(/^linter {3}not checked: the request asked for none$/m);
    expect((await assay('verify', 'unlinted/bundle.json', ...root())).out).toMatch(/not checked: the request asked for none/);
    expect(bare.code).toBe(linted.code);
  });

  it('replays build, analysis and linter to the same', async () => {
    const again = await assay('replay', 'audited/bundle.json', ...root());
    expect(again.out.match(/^identical/gm)?.length).toBe(4); // build, analysis, audit, linter
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
