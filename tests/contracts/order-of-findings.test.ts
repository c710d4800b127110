/**
 * The driver's report is the same in every process: Slither takes parts of findings from sets of objects, whose order follows from addresses in
 * memory and from Python's hash seed. Run outside of any sandbox, where both differ.
 */

import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { compilerText, cryticArchive, type Finding, parseCompilerOutput, standardInput } from '@assay/contracts';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openCompilers } from '../../packages/agent/src/adapters/compilers/compilers.ts';
import { analyzerFolder, compilersFolder } from './installed.ts';

const VERSION = '0.8.24';
const MOVES = ['a', 'b', 'c', 'd', 'e', 'f'];
/** Every internal function emits the same event at the same place of its own, after a call to a stranger: nothing that Slither sorts by tells them apart. */
const SOURCE = `pragma solidity 0.8.24;
interface Stranger { function meet() external; }
contract Ring {
    event Moved(address who, uint256 amount);
    mapping(address => uint256) internal held;
    function all(Stranger stranger, uint256 amount) external {
        stranger.meet();
        ${MOVES.map((name) => `${name}(amount);`).join('\n        ')}
    }
    ${MOVES.map((name) => `function ${name}(uint256 amount) internal { held[msg.sender] += amount; emit Moved(msg.sender, amount); }`).join('\n    ')}
}
`;

let folder = '';
let work = '';
let packed = new Uint8Array();

beforeAll(async () => {
  folder = await analyzerFolder();
  work = mkdtempSync(join(tmpdir(), 'assay-order-'));
  const compilers = openCompilers({ folder: await compilersFolder(VERSION) });
  const input = standardInput({ 'Ring.sol': SOURCE });
  const signal = new AbortController().signal;
  const text = await compilers.compile({ version: VERSION, input: compilerText(input), wallMs: 60_000, signal });
  await compilers.close();
  const output = parseCompilerOutput(text);
  packed = new Uint8Array(gzipSync(cryticArchive({ input, output, version: VERSION, isDependency: () => false })));
}, 600_000);

afterAll(() => rmSync(work, { recursive: true, force: true }));

/** What the driver writes in a process with this hash seed. */
async function report(seed: string): Promise<string> {
  const at = mkdtempSync(join(work, 'run-'));
  writeFileSync(join(at, 'archive.json.gz'), packed);
  const driver = readFileSync(new URL('../../packages/agent/analyzers/slither_driver.py', import.meta.url), 'utf8');
  writeFileSync(join(at, 'driver.py'), driver.replaceAll('"/tmp/', `"${at}/`));
  const images = join(folder, 'sandbox/slither');
  const tag = readdirSync(images)[0] ?? '';
  const env = {
    ...{ PATH: `${process.env.PATH}`, HOME: at, PYTHONDONTWRITEBYTECODE: '1' },
    ...{ PYTHONHASHSEED: seed, PYTHONPATH: join(images, tag, 'packages') },
  };
  await promisify(execFile)(`python3.${tag.replace(/^cp3/, '')}`, ['driver.py'], { cwd: at, env });
  return readFileSync(join(at, 'report.json'), 'utf8');
}

it('is the same under every hash seed, and follows the source', async () => {
  const reports: string[] = [];
  for (const seed of ['0', '1', '2', '3']) reports.push(await report(seed));
  expect(new Set(reports).size).toBe(1);
  const { findings } = JSON.parse(reports[0] ?? '') as { findings: readonly Finding[] };
  const { description } = findings.find(({ check }) => check === 'reentrancy-events') as Finding;
  const calls = [...description.matchAll(/\t\t- (\w)\(amount\)/g)].map(([, name]) => name);
  expect(calls.toSorted()).toEqual(MOVES);
  expect(description.split('\n').slice(0, 4)).toEqual([
    expect.stringMatching(/^Reentrancy in Ring\.all/),
    '\tExternal calls:',
    expect.stringMatching(/^\t- stranger\.meet/),
    '\tEvent emitted after the call(s):',
  ]);
});
