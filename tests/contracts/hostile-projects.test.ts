/**
 * Projects that were made to break the agent, sent to real compilers and real Slither: each ends with a code of its own within the time that it asked
 * for, and the agent builds the next one.
 */

import { strToU8, type Zippable, zipSync } from 'fflate';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAnalyzer } from '../../packages/agent/src/adapters/analyzer/slither.ts';
import { openCompilers } from '../../packages/agent/src/adapters/compilers/compilers.ts';
import type { Analyzer } from '../../packages/agent/src/ports/analyzer.ts';
import type { Compilers } from '../../packages/agent/src/ports/compilers.ts';
import { startTestAgent } from '../e2e/agent.ts';
import { analyzerFolder, compilersFolder } from './installed.ts';

/** Seconds that each request asks for; more is only what starting a compiler and answering take on a machine that is busy. */
const TIMEOUT = 60;
const LONG_MS = 240_000;
/** Unix type and rights of a symbolic link, as a .zip has them. */
const LINK = 0o120777 * 2 ** 16;
const UNIX = 3;

let compilers: Compilers;
let analyzer: Analyzer;

beforeAll(async () => {
  compilers = openCompilers({ folder: await compilersFolder('0.8.24', '0.4.26') });
  analyzer = createAnalyzer({ directory: await analyzerFolder(), minIsolation: 'reduced', now: Date.now });
}, 600_000);

afterAll(async () => {
  await analyzer?.close();
  await compilers?.close();
});

const zip = (files: Zippable): object => ({ archive_base64: Buffer.from(zipSync(files)).toString('base64') });
const code = (body: string): object => ({ contract_code: `pragma solidity 0.8.24;\n${body}` });
const inFunction = (body: string): object =>
  code(`contract A { function f(uint256 a) public pure returns (uint256) { ${body} } }`);
const standard = (settings: unknown): object => ({
  standard_json: { language: 'Solidity', sources: { 'A.sol': { content: 'contract A {}' } }, settings },
});
const link = (to: string): Zippable[string] => [strToU8(to), { attrs: LINK, os: UNIX }];
/** Functions whose loops all stay, so that the optimiser of the intermediate language has work for minutes. */
const slow = (functions: number): string =>
  `pragma solidity 0.8.24;\ncontract A {\n mapping(uint256 => uint256) m;\n${Array.from(
    { length: functions },
    (_, at) =>
      ` function f${at}(uint256[] calldata x) external { for (uint256 i = ${at}; i < x.length; i++) for (uint256 j = i; j < x[i]; j++) m[i ^ j] = m[x[i] + j] * ${at + 3} + m[j] / (i + 1); }`,
  ).join('\n')}\n}\n`;

/** State variables that each depend on the next, written in functions of their own: little to compile, and a closure that grows with the cube. */
const web = (variables: number): string => {
  const numbers = Array.from({ length: variables }, (_, at) => at);
  const next = (at: number): number => (at + 1) % variables;
  return `pragma solidity 0.8.24;\ncontract A {\n${numbers.map((at) => ` uint256 v${at};`).join('\n')}
${numbers.map((at) => ` function f${at}() external { v${at} = v${next(at)} + v${next(at * 7)}; }`).join('\n')}\n}\n`;
};

type Case = readonly [what: string, data: object, code: string];

const BUILDS: readonly Case[] = [
  ['parentheses nested 100,000 deep', inFunction(`return ${'('.repeat(100_000)}a${')'.repeat(100_000)};`), 'compiler/crashed'],
  ['blocks nested 100,000 deep', inFunction(`${'{'.repeat(100_000)}${'}'.repeat(100_000)} return a;`), 'compiler/crashed'],
  ['a sum of 50,000 terms', inFunction(`return ${'a+'.repeat(50_000)}a;`), 'compiler/crashed'],
  [
    'the same for an old compiler',
    { contract_code: `pragma solidity 0.4.26; contract A { uint a = ${'1+'.repeat(50_000)}1; }` },
    'compiler/crashed',
  ],
  [
    'mappings nested 50,000 deep',
    code(`contract A { ${'mapping(uint256=>'.repeat(50_000)}uint256${')'.repeat(50_000)} m; }`),
    'compiler/crashed',
  ],
  ['an array of 2^256 members', code('contract A { uint256[2**256 - 1][2**256 - 1] a; }'), 'contract/compile-failed'],
  ['a contract that inherits itself', code('contract A is A {}'), 'contract/compile-failed'],
  ['text that runs from right to left', code('contract A { /* \u202e hidden */ }'), 'contract/compile-failed'],
  ['a name that runs from right to left', { sources: { 'A\u202elos.sol': '' } }, 'project/bad-path'],
  ['names that differ in case', { sources: { 'A.sol': 'contract A {}', 'a.sol': 'contract B {}' } }, 'project/bad-path'],
  ['a link out of the .zip', zip({ 'A.sol': link('/etc/passwd') }), 'contract/compile-failed'],
  [
    'a link in place of a folder',
    zip({ 'A.sol': strToU8('import "./lib/B.sol";'), lib: link('/etc') }),
    'project/import-missing',
  ],
  [
    'a remapping that leads out',
    { ...zip({ 'A.sol': strToU8('import "x/B.sol";') }), remappings: ['x/=../../etc/'] },
    'project/bad-path',
  ],
  [
    'remappings that lead in a circle',
    { ...zip({ 'A.sol': strToU8('import "x/B.sol";') }), remappings: ['x/=y/', 'y/=x/'] },
    'project/import-missing',
  ],
  ['a remapping without end', { ...code('contract A {}'), remappings: [`${'x'.repeat(2000)}=y`] }, 'task/bad-input'],
  ['remappings that are numbers', standard({ remappings: [1, 2] }), 'contract/compile-failed'],
  [
    'settings of a megabyte',
    standard({ remappings: Array.from({ length: 120_000 }, (_, at) => `a${at}=b`) }),
    'project/too-large',
  ],
  ['a compiler that stops early', standard({ stopAfter: 'parsing' }), 'project/malformed'],
  ['runs below zero', standard({ optimizer: { enabled: true, runs: -1 } }), 'contract/compile-failed'],
  ['a virtual machine that is none', standard({ evmVersion: { paris: true } }), 'contract/compile-failed'],
  ['a library at no address', standard({ libraries: { 'A.sol': { L: '0x12' } } }), 'contract/compile-failed'],
  ['a member that no compiler knows', standard({ banana: 1 }), 'contract/compile-failed'],
  [
    'work without end for the intermediate language',
    { contract_code: slow(400), via_ir: true, timeout: 5 },
    'compiler/timeout',
  ],
];

async function ask(type: string, data: object) {
  const agent = await startTestAgent({ compilers, analyzer });
  const begun = performance.now();
  const { body } = await agent.process({ type, timeout: TIMEOUT, lint: false, ...data });
  return { got: body.code ?? body.error_code ?? 'none', seconds: (performance.now() - begun) / 1000 };
}

describe('what is sent to be built', () => {
  it.each(BUILDS)('%s', { timeout: LONG_MS }, async (_, data, wanted) => {
    const { got, seconds } = await ask('attested_build', data);
    expect(got).toBe(wanted);
    expect(seconds).toBeLessThan(TIMEOUT * 2);
  });

  it.each([
    [
      'two contracts that import each other',
      { sources: { 'A.sol': 'import "./B.sol"; contract A {}', 'B.sol': 'import "./A.sol"; contract B {}' } },
    ],
    ['a contract that imports itself', { sources: { 'A.sol': 'import "./A.sol"; contract A {}' } }],
    [
      "names that differ in case, in a compiler's own input",
      {
        standard_json: {
          language: 'Solidity',
          sources: { 'A.sol': { content: 'contract A {}' }, 'a.sol': { content: 'contract B {}' } },
        },
      },
    ],
    ['a plain one after all of these', code('contract A {}')],
  ])('%s is built', { timeout: LONG_MS }, async (_, data) => {
    expect((await ask('attested_build', data)).got).toBe('none');
  });
});

describe('what is sent to be audited', () => {
  it.each<Case>([
    [
      'a sum of 800 terms, deeper than the analyser reads',
      code(`contract A { uint256 public a = ${'1+'.repeat(800)}1; }`),
      'audit/analyzer-failed',
    ],
    [
      'a web of variables that the analyser does not get through',
      { contract_code: web(500), timeout: 10 },
      'audit/analyzer-timeout',
    ],
    ['a compiler that stops early, so that nothing would be found', standard({ stopAfter: 'parsing' }), 'project/malformed'],
    [
      "a contract with the name of one of the analyser's own",
      code('contract SlitherInternalTopLevelContract {}'),
      'audit/analyzer-failed',
    ],
  ])('%s', { timeout: LONG_MS }, async (_, data, wanted) => {
    const { got, seconds } = await ask('attested_audit', data);
    expect(got).toBe(wanted);
    expect(seconds).toBeLessThan(TIMEOUT * 2);
  });

  it('a plain one after all of these is audited', { timeout: LONG_MS }, async () => {
    expect((await ask('attested_audit', code('contract A {}'))).got).toBe('none');
  });
});
