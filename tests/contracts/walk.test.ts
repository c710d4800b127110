/**
 * docs/contracts.md as its reader walks it: the page's own lines, from a Foundry project to a checked deployment and on to a baseline; then the
 * steps of the GitHub workflow in examples/contract-audit, on a pull request that adds a weakness. Lines are run by a shell with the command of this
 * checkout as `npx`.
 */

import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Anvil, hasAnvil, startAnvil } from './anvil.ts';
import { analyzerFolder, compilersFolder } from './installed.ts';

const ROOT = new URL('../../', import.meta.url).pathname;
const PAGE = readFileSync(join(ROOT, 'docs/contracts.md'), 'utf8');
const WORKFLOW = readFileSync(join(ROOT, 'examples/contract-audit/audit.yml'), 'utf8');
const LONG_MS = 300_000;

const VAULT = `pragma solidity 0.8.24;
import {Owned} from "@owned/Owned.sol";
contract Vault is Owned {
    uint256 public immutable limit;
    mapping(address => uint256) public balances;
    constructor() { limit = 7; }
    function deposit() external payable { balances[msg.sender] += msg.value; }
    function take(uint256 amount) external { balances[msg.sender] -= amount; payable(msg.sender).transfer(amount); }
}
`;
/** What the pull request adds. */
const WEAK = VAULT.replace(
  '    function deposit',
  `    function withdraw() external {
        uint256 amount = balances[msg.sender];
        (bool ok, ) = msg.sender.call{value: amount}("");
        require(ok, "failed");
        balances[msg.sender] = 0;
    }
    function deposit`,
);
const PROJECT = {
  'foundry.toml': '[profile.default]\nsrc = "src"\nlibs = ["lib"]\n',
  'remappings.txt': '@owned/=lib/owned/src/\n',
  'lib/owned/src/Owned.sol':
    'pragma solidity ^0.8.0;\ncontract Owned {\n    address public immutable owner;\n    constructor() { owner = msg.sender; }\n}\n',
  'src/Vault.sol': VAULT,
};

let work = '';
let env: Record<string, string> = {};
let chain: Anvil | null = null;

beforeAll(async () => {
  work = mkdtempSync(join(tmpdir(), 'assay-walk-'));
  const bin = join(work, 'bin');
  mkdirSync(bin);
  const program = join(ROOT, 'packages/assay/bin/assay.js');
  writeFileSync(
    join(bin, 'npx'),
    `#!/bin/sh\n[ "$1" = assay ] || exit 99\nshift\nexec "${process.execPath}" "${program}" "$@"\n`,
  );
  chmodSync(join(bin, 'npx'), 0o755);
  env = {
    ...{ PATH: `${bin}:${process.env.PATH}`, HOME: work, AI_PROVIDER: 'recorded', ASSAY_URL: '', NO_COLOR: '1' },
    ...{ ASSAY_COMPILERS_DIR: await compilersFolder('0.8.24'), ASSAY_ANALYZER_DIR: await analyzerFolder() },
  };
  if (hasAnvil) chain = await startAnvil();
}, 600_000);

afterAll(() => {
  chain?.close();
  rmSync(work, { recursive: true, force: true });
});

function project(name: string, files: Readonly<Record<string, string>> = PROJECT): string {
  const folder = join(work, name);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return folder;
}

async function shell(folder: string, script: string, more: Readonly<Record<string, string>> = {}) {
  const options = { cwd: folder, env: { ...env, ...more }, maxBuffer: 64 * 1024 * 1024 };
  const ended = promisify(execFile)('bash', ['-e', '-c', script], options);
  return ended.then(
    ({ stdout, stderr }) => ({ code: 0, out: stdout, err: stderr }),
    ({ code, stdout, stderr }: { code: number; stdout: string; stderr: string }) => ({ code, out: stdout, err: stderr }),
  );
}

/** Commands of the first shell block behind a text of the page, without comments. */
function linesAfter(text: string): readonly string[] {
  const at = PAGE.indexOf(text);
  const block = /```sh\n([\s\S]*?)```/.exec(PAGE.slice(at))?.[1] ?? '';
  return block.split('\n').flatMap((line) => line.replace(/\s+#.*$/, '').trim() || []);
}

/** The script of a step of the workflow. */
function step(name: string): string {
  const lines = WORKFLOW.split('\n');
  const at = lines.indexOf(`      - name: ${name}`);
  const from = lines.findIndex((line, index) => index > at && /^ {8}run: \|$/.test(line)) + 1;
  const to = lines.findIndex((line, index) => index >= from && !line.startsWith(' '.repeat(10)));
  if (at < 0 || from === 0) throw new Error(`the workflow has no step ${name}`);
  return lines.slice(from, to < 0 ? undefined : to).join('\n');
}

const resultsOf = (file: string): readonly { ruleId: string; baselineState?: string }[] =>
  JSON.parse(readFileSync(file, 'utf8')).runs[0].results;

it.runIf(hasAnvil)('from a Foundry project to a checked deployment', { timeout: LONG_MS }, async () => {
  const folder = project('my-project');
  const [enter, ...lines] = linesAfter('## From a Foundry project to a checked deployment');
  expect([enter, lines.length]).toEqual(['cd my-project', 5]);
  let where = '';
  for (const line of lines) {
    if (line.includes('check-contract')) {
      const built: readonly { name: string; bytecode: string }[] = Object.values(
        JSON.parse(readFileSync(join(folder, 'built/contracts.json'), 'utf8')),
      );
      const code = built.find(({ name }) => name === 'Vault')?.bytecode ?? '';
      const { address = '', transaction = '' } = (await chain?.deploy(code)) ?? {};
      where = line
        .replace('--address 0x…', `--address ${address}`)
        .replace('--creation-tx 0x…', `--creation-tx ${transaction}`);
    }
    const simulated = /assay (verify|replay|check-contract)/.test(line) ? ' --simulated-root .assay/simulated-root.pem' : '';
    const { code, out, err } = await shell(folder, `${where || line}${simulated}`, { RPC: chain?.url ?? '' });
    expect([line, code], `${out}\n${err}`).toEqual([line, 0]);
    if (line.includes('replay')) expect(out.match(/^identical/gm)).toHaveLength(4);
    if (line.includes('check-contract')) expect(out).toMatch(/^identical[\s\S]*immutable uint256 limit = 7/);
  }
});

describe('findings on a pull request', () => {
  it('are new against the baseline of the page', { timeout: LONG_MS }, async () => {
    const folder = project('baseline');
    const [base = '', change = ''] = linesAfter('On a pull request only new findings count');
    expect((await shell(folder, base)).code).toBe(0);
    writeFileSync(join(folder, 'src/Vault.sol'), WEAK);
    expect((await shell(folder, change)).code).toBe(6);
    const found = resultsOf(join(folder, 'contracts.sarif'));
    expect(found.find(({ ruleId }) => ruleId === 'reentrancy-eth')).toMatchObject({ baselineState: 'new' });
    expect(found.some(({ baselineState }) => baselineState === 'unchanged')).toBe(true);
  });

  it('fail the workflow, and what was there before does not', { timeout: LONG_MS }, async () => {
    const folder = project('repository', { ...PROJECT, 'src/Vault.sol': WEAK });
    const who = '-c user.name=t -c user.email=t@example.org';
    await shell(folder, `git init -q && git add -A && git ${who} commit -qm base`);
    const sha = (await shell(folder, 'git rev-parse HEAD')).out.trim();
    const temporary = join(work, 'runner');
    mkdirSync(temporary);
    const more = { RUNNER_TEMP: temporary };
    // biome-ignore lint/suspicious/noTemplateCurlyInString: GitHub's own syntax
    const base = step('audit what the pull request is based on').replace('${{ github.event.pull_request.base.sha }}', sha);
    const first = await shell(folder, base, more);
    expect(first.code, first.err).toBe(0); // findings of the base do not end the job
    const same = await shell(folder, step('audit'), more);
    expect(same.code, same.err).toBe(0);
    const vault = readFileSync(join(folder, 'src/Vault.sol'), 'utf8');
    const pay = '    function pay(address payable to) external { to.transfer(1); }\n';
    writeFileSync(join(folder, 'src/Vault.sol'), vault.replace('    function deposit', `${pay}    function deposit`));
    const worse = await shell(folder, step('audit'), more);
    expect(worse.code, worse.err).toBe(6);
    const states = resultsOf(join(folder, 'contracts.sarif')).map(({ ruleId, baselineState }) => `${ruleId} ${baselineState}`);
    expect(states).toContain('reentrancy-eth unchanged');
    expect(states).toContain('arbitrary-send-eth new');
    expect(JSON.parse(readFileSync(join(folder, 'audited/bundle.json'), 'utf8')).receipts).toHaveLength(1);
  });
});
