/**
 * `check-contract` compared with Sourcify's own library on the same chain: more than twenty honest deployments, where both must agree, and the patched
 * immutable that the library takes for perfect. The library is installed by `node tools/install-sourcify.mjs`; without it this says so.
 */

import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import {
  type BuildSettings,
  type CompilerOutput,
  codeBytes,
  compilerText,
  contractArtifacts,
  creationBytes,
  type MatchLevel,
  parseCompilerOutput,
  type StandardInput,
  standardInput,
  withOtherMetadata,
} from '@assay/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openCompilers } from '../../packages/agent/src/adapters/compilers/compilers.ts';
import type { Compilers } from '../../packages/agent/src/ports/compilers.ts';
import { blockOf } from '../../packages/assay/src/command-line/contract-check/chain-code.ts';
import { checkContract } from '../../packages/assay/src/command-line/contract-check/check.ts';
import { ChainRpc } from '../../packages/assay/src/command-line/contract-check/rpc.ts';
import { type Anvil, hasAnvil, startAnvil } from './anvil.ts';
import { compilersFolder } from './installed.ts';

const INSTALLED = new URL('../../.cache/sourcify/node_modules/@ethereum-sourcify/lib-sourcify', import.meta.url).pathname;
const available = hasAnvil && existsSync(INSTALLED);
if (!available) console.warn('LEFT OUT: agreement with Sourcify; run node tools/install-sourcify.mjs on Linux x64');

const VERSION = '0.8.24';
const LONG_VERSION = '0.8.24+commit.e11b9ed9';
const SOURCES = {
  'src/Math.sol':
    'pragma solidity ^0.8.0;\nlibrary Math { function twice(uint256 a) external pure returns (uint256) { return a * 2; } }\n',
  'src/All.sol': `pragma solidity ^0.8.0;
import "./Math.sol";
contract Plain { uint256 public x = 7; function set(uint256 y) external { x = y; } }
contract Empty {}
contract Fixed {
  uint256 public immutable cap; address public immutable owner;
  constructor(uint256 c) payable { cap = c; owner = msg.sender; }
  function left(uint256 used) external view returns (uint256) { require(used <= cap); return cap - used; }
  function again() external view returns (uint256, address) { return (cap, owner); }
}
contract Linked is Fixed { constructor(uint256 c) Fixed(c) {} function doubled(uint256 a) external pure returns (uint256) { return Math.twice(a); } }
contract Named { string public name; constructor(string memory n) { name = n; } }
contract Child { uint256 public x; constructor(uint256 y) { x = y; } }
contract Factory {
  function one() external returns (address) { return address(new Child(1)); }
  function two() external returns (address) { return address(new Child(2)); }
}
contract Fallback { event Got(uint256); receive() external payable { emit Got(msg.value); } fallback() external {} }
contract Assembly { function f(uint256 a) external pure returns (uint256 b) { assembly { b := mul(a, 3) } } }
`,
};

/** Contract and constructor arguments. */
const DEPLOYED: readonly (readonly [string, string])[] = [
  ...[1, 2, 1000].map((cap) => ['Fixed', word(cap)] as const),
  ...[3, 4].map((cap) => ['Linked', word(cap)] as const),
  ['Plain', ''],
  ['Empty', ''],
  ['Named', `${word(32)}${word(3)}${'616263'.padEnd(64, '0')}`],
  ['Child', word(9)],
  ['Factory', ''],
  ['Fallback', ''],
  ['Assembly', ''],
];
const SETTINGS: readonly (readonly [string, BuildSettings])[] = [
  ['optimised', {}],
  ['not optimised', { optimizer: false }],
];

function word(value: number): string {
  return value.toString(16).padStart(64, '0');
}

let compilers: Compilers;
let chain: Anvil;

beforeAll(async () => {
  if (!available) return;
  compilers = openCompilers({ folder: await compilersFolder(VERSION) });
  chain = await startAnvil();
}, 300_000);

afterAll(async () => {
  chain?.close();
  await compilers?.close();
});

const compiled = new Map<string, Promise<string>>();

/** The library compiles the same again and again. */
function compile(input: string): Promise<string> {
  const output =
    compiled.get(input) ??
    compilers.compile({ version: VERSION, input, wallMs: 120_000, signal: new AbortController().signal });
  compiled.set(input, output);
  return output;
}

interface Project {
  readonly input: StandardInput;
  readonly output: CompilerOutput;
}

async function make(settings: BuildSettings, sources: Readonly<Record<string, string>> = SOURCES): Promise<Project> {
  const input = standardInput(sources, settings);
  return { input, output: parseCompilerOutput(await compile(compilerText(input))) };
}

function artifactOf({ output }: Project, name: string) {
  const found = contractArtifacts(output)[name];
  if (found === undefined) throw new Error(`no ${name}`);
  return found;
}

async function deploy(project: Project, name: string, args: string) {
  const artifact = artifactOf(project, name);
  const libraries =
    artifact.openLibraries.length === 0
      ? []
      : [{ library: 'src/Math.sol:Math', address: (await chain.deploy(artifactOf(project, 'Math').bytecode)).address }];
  return chain.deploy(`0x${Buffer.from(creationBytes(artifact, libraries)).toString('hex')}${args}`);
}

/** What we say. */
async function ours({ input, output }: Project, address: string, contract: string): Promise<MatchLevel> {
  const rpc = new ChainRpc(new URL(chain.url), { fetch, signal: new AbortController().signal });
  const build = {
    ...{ artifacts: Object.values(contractArtifacts(output)), input, compiler: { version: VERSION, hash: '' } },
    ...{ buildHash: '', audit: null, receiptId: '' },
  };
  const recompiled = async () => {
    const other = parseCompilerOutput(await compile(compilerText({ ...input, sources: withOtherMetadata(input.sources) })));
    return new Map(other.contracts.map(({ source, name, runtime }) => [`${source}:${name}`, codeBytes(runtime)]));
  };
  const found = await checkContract(address, {
    ...{ rpc, recompiled, build, contract, block: await blockOf(rpc, null) },
    ...{ uncheckedLibraries: [], uncheckedProxy: false, deployment: { transaction: null, arguments: null } },
  });
  return found.level;
}

interface Sourcify {
  readonly setLibSourcifyLoggerLevel: (level: number) => void;
  readonly SourcifyChain: new (chain: object) => object;
  readonly SolidityCompilation: new (compiler: object, version: string, input: object, target: object) => object;
  readonly Verification: new (
    compilation: object,
    chain: object,
    address: string,
  ) => { verify(options: object): Promise<void>; readonly status: { readonly runtimeMatch: string | null } };
}

const NO_MATCH = new Set(['no_match', 'bytecode_length_mismatch']);

/** What Sourcify says of the runtime code: `perfect`, `partial` or `null`. */
async function theirs({ input }: Project, address: string, contract: string): Promise<string | null> {
  const library = createRequire(import.meta.url)(INSTALLED) as Sourcify;
  const { SourcifyChain, SolidityCompilation, Verification } = library;
  library.setLibSourcifyLoggerLevel(0); // errors
  const local = { name: 'local', chainId: 31_337, supported: true, rpcs: [{ rpc: chain.url }] };
  const solc = { compile: async (_version: string, given: object) => JSON.parse(await compile(JSON.stringify(given))) };
  const { language, sources, settings } = JSON.parse(compilerText(input)) as Record<string, object>;
  const target = { name: contract, path: contract === 'Math' ? 'src/Math.sol' : 'src/All.sol' };
  const compilation = new SolidityCompilation(solc, LONG_VERSION, { language, sources, settings }, target);
  const verification = new Verification(compilation, new SourcifyChain(local), address);
  await verification.verify({ forceEmscripten: true }).catch((error: { code?: string }) => {
    if (!NO_MATCH.has(error.code ?? '')) throw error;
  });
  return verification.status.runtimeMatch;
}

describe.runIf(available)('Sourcify', { timeout: 300_000 }, () => {
  it.each(SETTINGS)('agrees on honest deployments, %s', async (_, settings) => {
    const project = await make(settings);
    const told: unknown[] = [];
    for (const [name, args] of DEPLOYED) {
      const { address } = await deploy(project, name, args);
      const level = await ours(project, address, name);
      told.push([name, level === 'exact' || level === 'identical', await theirs(project, address, name)]);
    }
    expect(told).toEqual(DEPLOYED.map(([name]) => [name, true, 'perfect']));
    expect(DEPLOYED.length * SETTINGS.length).toBeGreaterThanOrEqual(20);
  });

  it('agrees that a comment gives a partial match, and a constant none', async () => {
    const project = await make({});
    const { address } = await deploy(project, 'Plain', '');
    const commented = await make({}, { ...SOURCES, 'src/All.sol': `${SOURCES['src/All.sol']}// more\n` });
    expect([await ours(commented, address, 'Plain'), await theirs(commented, address, 'Plain')]).toEqual(['match', 'partial']);
    const changed = await make({}, { ...SOURCES, 'src/All.sol': SOURCES['src/All.sol'].replace('x = y', 'x = y + 1') });
    expect([await ours(changed, address, 'Plain'), await theirs(changed, address, 'Plain')]).toEqual(['no match', null]);
  });

  it('takes an immutable that was patched at one of its places for perfect; we do not', async () => {
    const project = await make({});
    const { address } = await deploy(project, 'Fixed', word(1000));
    const code = Buffer.from(((await chain.call('eth_getCode', [address, 'latest'])) as string).slice(2), 'hex');
    code[code.indexOf(Buffer.from(word(1000), 'hex')) + 31] = 7;
    await chain.set('anvil_setCode', address, `0x${code.toString('hex')}`);
    expect([await ours(project, address, 'Fixed'), await theirs(project, address, 'Fixed')]).toEqual(['no match', 'perfect']);
  });
});
