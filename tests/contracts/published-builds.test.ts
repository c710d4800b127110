/** Builds equal what projects published: bytecode, metadata and code hashes of packages on npm, compiled again from their sources. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type CompilerOutput,
  codeBytes,
  collectSources,
  compileErrors,
  compilerText,
  keccakOf,
  parseCompilerOutput,
  parseStandardInput,
  type StandardInput,
  standardInput,
} from '@assay/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openCompilers } from '../../packages/agent/src/adapters/compilers/compilers.ts';
import type { Compilers } from '../../packages/agent/src/ports/compilers.ts';
import { compilersFolder, npmPackage } from './installed.ts';

const V2_CORE = [
  '@uniswap/v2-core',
  '1.0.1',
  'sha512-MtybtkUPSyysqLY2U210NBDeCHX+ltHt3oADGdjqoThZaFRDKwM6k1Nb3F0A3hk5hwuQvytFWhrWHOEq6nVJ8Q==',
] as const;
const SAFE_141 = [
  '@safe-global/safe-contracts',
  '1.4.1',
  'sha512-fP1jewywSwsIniM04NsqPyVRFKPMAuirC3ftA/TA4X3Zc5EnwQp/UCJUU2PL/37/z/jMo8UUaJ+pnFNWmMU7dQ==',
] as const;
const SAFE_130 = [
  '@gnosis.pm/safe-contracts',
  '1.3.0',
  'sha512-1p+1HwGvxGUVzVkFjNzglwHrLNA67U/axP0Ct85FzzH8yhGJb4t9jDjPYocVMzLorDoWAfKicGy1akPY9jXRVw==',
] as const;
const DEPLOYMENTS = [
  '@safe-global/safe-deployments',
  '1.37.56',
  'sha512-HF3ETre/KSP3nCOZ72XEbq5U56gOGgYLJ22LxOAnR8+YzMjzZ8cpnHpx5Z31Zt1xkUTGSCMi9XF950lJt6WbsQ==',
] as const;
const OZ_502 = [
  '@openzeppelin/contracts',
  '5.0.2',
  'sha512-ytPc6eLGcHHnapAZ9S+5qsdomhjo6QBHTDRRBFfTxXIpsicMhVPouPgmUPebZZZGX7vt9USA+Z+0M0dSVtSUEA==',
] as const;
const OZ_496 = [
  '@openzeppelin/contracts',
  '4.9.6',
  'sha512-xSmezSupL+y9VkHZJGDoCBpmnB2ogM13ccaYDWqJTfS3dbuHkgjuwDFUmaFauBCboQMGB/S5UqUl2y54X99BmA==',
] as const;

type Pinned = readonly [name: string, version: string, integrity: string];

let compilers: Compilers;

beforeAll(async () => {
  compilers = openCompilers({ folder: await compilersFolder('0.5.16', '0.5.17', '0.6.12', '0.7.6', '0.8.13', '0.8.20') });
}, 300_000);

afterAll(() => compilers?.close());

async function build(version: string, input: StandardInput): Promise<CompilerOutput> {
  const signal = new AbortController().signal;
  const output = parseCompilerOutput(await compilers.compile({ version, input: compilerText(input), wallMs: 120_000, signal }));
  expect(compileErrors(output).map(({ formatted }) => formatted)).toEqual([]);
  return output;
}

const read = (folder: string, path: string): string => readFileSync(join(folder, path), 'utf8');

describe('@uniswap/v2-core 1.0.1', () => {
  it.each(['UniswapV2Pair', 'UniswapV2Factory', 'UniswapV2ERC20'])('%s', async (name) => {
    const folder = npmPackage(...V2_CORE);
    const published = JSON.parse(read(folder, `build/${name}.json`));
    const sources = collectSources({ entries: [`contracts/${name}.sol`], read: (path) => read(folder, path) });
    const output = await build('0.5.16', standardInput(sources, { runs: 999_999, evmVersion: 'istanbul' }));
    const contract = output.contracts.find((each) => each.name === name);
    expect(contract?.creation.object).toBe(published.evm.bytecode.object);
    expect(contract?.runtime.object).toBe(published.evm.deployedBytecode.object);
    expect(contract?.metadata).toBe(published.metadata);
    // The pair's init hash, as the periphery has it in its source.
    if (name === 'UniswapV2Pair' && contract !== undefined)
      expect(keccakOf(codeBytes(contract.creation))).toBe('0x96e8ac4277198ff8b6f785478aa9a39f403cb768dd02cbee326c3e7da348845f');
  });
});

describe.each<[string, Pinned, number]>([
  ['Safe 1.4.1', SAFE_141, 55],
  ['Safe 1.3.0', SAFE_130, 47],
])('build-info of %s', (_, safe, expected) => {
  it('is equal in every contract', async () => {
    const folder = join(npmPackage(...safe), 'build/artifacts/build-info');
    let equal = 0;
    const unequal: string[] = [];
    for (const file of readdirSync(folder)) {
      const info = JSON.parse(read(folder, file));
      if (compilers.releases.every(({ version }) => version !== info.solcVersion)) continue;
      const output = await build(info.solcVersion, parseStandardInput(info.input));
      for (const { source, name, creation, runtime } of output.contracts) {
        const published = info.output.contracts[source][name].evm;
        const same = published.bytecode.object === creation.object && published.deployedBytecode.object === runtime.object;
        if (same) equal += 1;
        else unequal.push(`${source}:${name}`);
      }
    }
    expect(unequal).toEqual([]);
    expect(equal).toBeGreaterThanOrEqual(expected);
  });
});

it.each<[string, string, Pinned, string, string]>([
  ['v1.4.1', 'safe', SAFE_141, 'contracts/Safe.sol', 'Safe'],
  ['v1.4.1', 'safe_l2', SAFE_141, 'contracts/SafeL2.sol', 'SafeL2'],
  ['v1.3.0', 'gnosis_safe', SAFE_130, 'contracts/GnosisSafe.sol', 'GnosisSafe'],
])('the code of %s %s is that of its deployments', async (version, file, safe, source, name) => {
  const info = join(npmPackage(...safe), 'build/artifacts/build-info');
  const inputs = readdirSync(info).map((each) => JSON.parse(read(info, each)));
  const { input, solcVersion } = inputs.find((each) => each.input.sources[source] !== undefined);
  const output = await build(solcVersion, parseStandardInput(input));
  const contract = output.contracts.find((each) => each.source === source && each.name === name);
  const { deployments } = JSON.parse(read(npmPackage(...DEPLOYMENTS), `dist/assets/${version}/${file}.json`));
  const hash = contract === undefined ? '' : keccakOf(codeBytes(contract.runtime));
  expect(hash).toBe(deployments.canonical.codeHash);
  expect(hash).not.toBe(deployments.zksync?.codeHash);
});

describe.each<[string, string, Pinned, string | undefined, readonly string[]]>([
  [
    '5.0.2',
    '0.8.20',
    OZ_502,
    'paris',
    ['proxy/ERC1967/ERC1967Proxy', 'governance/TimelockController', 'finance/VestingWallet'],
  ],
  ['4.9.6', '0.8.13', OZ_496, undefined, ['proxy/ERC1967/ERC1967Proxy', 'token/ERC20/presets/ERC20PresetFixedSupply']],
])('OpenZeppelin %s with solc %s', (_, version, pinned, evmVersion, paths) => {
  it.each(paths)('%s', async (path) => {
    const folder = npmPackage(...pinned);
    const name = path.slice(path.lastIndexOf('/') + 1);
    const published = JSON.parse(read(folder, `build/contracts/${name}.json`));
    const entry = `contracts/${path}.sol`;
    const sources = collectSources({ entries: [entry], read: (each) => read(folder, each.replace(/^contracts\//, '')) });
    const output = await build(version, standardInput(sources, { evmVersion }));
    const contract = output.contracts.find((each) => each.source === entry && each.name === name);
    expect(`0x${contract?.creation.object}`).toBe(published.bytecode);
    expect(`0x${contract?.runtime.object}`).toBe(published.deployedBytecode);
  });
});
