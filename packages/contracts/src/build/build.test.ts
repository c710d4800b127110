/** Builds: compiler inputs and outputs as they are read, and a hash that depends on sources, settings and compiler alone. */

import { canonicalJson } from '@assay/encoding/json';
import { describe, expect, it } from 'vitest';
import { ContractsError } from '../errors.ts';
import { compilerText, inputHash, parseStandardInput, standardInput } from '../project/standard-input.ts';
import { cryticArchive } from './archive.ts';
import { contractArtifacts } from './artifact.ts';
import { codeBytes, openLibraries } from './code-bytes.ts';
import { comparePublished } from './compare-published.ts';
import { compileErrors, parseCompilerOutput } from './compiler-output.ts';
import { type BuildManifest, buildHash, buildManifest, manifestText } from './manifest.ts';

const PLACEHOLDER = '__$1234567890abcdef1234567890abcdef12$__';

function outputText(change: (contract: Record<string, unknown>) => void = () => {}): string {
  const contract = {
    abi: [{ type: 'constructor', inputs: [] }],
    metadata: '{"compiler":{}}',
    storageLayout: {
      storage: [{ astId: 3, label: 'x', type: 't_struct(S)5_storage' }],
      types: { 't_struct(S)5_storage': { members: [{ astId: 2 }] } },
    },
    evm: {
      methodIdentifiers: { 'f()': '26121ff0' },
      bytecode: {
        object: `60${PLACEHOLDER}00`,
        sourceMap: '0:1:0',
        linkReferences: { 'L.sol': { L: [{ start: 1, length: 20 }] } },
      },
      deployedBytecode: {
        object: '6000',
        sourceMap: '',
        linkReferences: {},
        immutableReferences: { '7': [{ start: 1, length: 1 }] },
      },
    },
  };
  change(contract);
  const ast = {
    nodes: [
      { nodeType: 'PragmaDirective' },
      {
        nodeType: 'ContractDefinition',
        name: 'A',
        nodes: [{ nodeType: 'VariableDeclaration', id: 7, name: 'owner', typeDescriptions: { typeString: 'address' } }],
      },
    ],
  };
  const none = { abi: [], evm: { bytecode: { object: '' }, deployedBytecode: { object: '' } } };
  return JSON.stringify({
    contracts: { 'A.sol': { I: none, A: contract } },
    sources: { 'A.sol': { id: 0, ast } },
    errors: [{ severity: 'warning', message: 'w' }],
  });
}

const compiler = {
  name: 'solc',
  version: '0.8.24+commit.e11b9ed9',
  platform: 'emscripten',
  hash: `sha256:${'ab'.repeat(32)}`,
} as const;
const input = standardInput({ 'A.sol': 'contract A {}' });

function manifestOf(text: string, more: Partial<Parameters<typeof buildManifest>[0]> = {}): BuildManifest {
  return buildManifest({ compiler, input, output: parseCompilerOutput(text), ...more });
}

describe('the manifest', () => {
  it('names every contract in order, with the hashes of its code', () => {
    const manifest = manifestOf(outputText());
    expect(manifest.contracts.map(({ name }) => name)).toEqual(['A', 'I']);
    expect(manifest.contracts[0]).toMatchObject({
      open_libraries: ['L.sol:L'],
      creation: { length: 22 },
      runtime: { length: 2 },
    });
    expect(manifest.contracts[1]).toMatchObject({ creation: null, runtime: null, metadata_hash: null });
    expect(manifestText(manifest)).toBe(canonicalJson(JSON.parse(manifestText(manifest))));
  });

  const reference = buildHash(manifestOf(outputText()));

  it.each([
    ['a source', () => manifestOf(outputText(), { input: standardInput({ 'A.sol': 'contract A { }' }) })],
    ['a name', () => manifestOf(outputText(), { input: standardInput({ 'B.sol': 'contract A {}' }) })],
    ['the runs', () => manifestOf(outputText(), { input: standardInput({ 'A.sol': 'contract A {}' }, { runs: 201 }) })],
    ['the compiler', () => manifestOf(outputText(), { compiler: { ...compiler, hash: `sha256:${'ac'.repeat(32)}` } })],
    [
      'a byte of code',
      () =>
        manifestOf(
          outputText((c) => Object.assign((c.evm as { deployedBytecode: object }).deployedBytecode, { object: '6001' })),
        ),
    ],
    ['the metadata', () => manifestOf(outputText((c) => Object.assign(c, { metadata: '{}' })))],
    ['the interface', () => manifestOf(outputText((c) => Object.assign(c, { abi: [] })))],
    ['the layout', () => manifestOf(outputText((c) => Object.assign(c, { storageLayout: { storage: [] } })))],
  ])('hashes differently with another %s', (_, manifest) => {
    expect(buildHash(manifest())).not.toBe(reference);
  });

  it('does not depend on numbers of the syntax tree, which change with what else is compiled', () => {
    const other = outputText().replaceAll('"astId":3', '"astId":30').replaceAll('(S)5_storage', '(S)99_storage');
    expect(buildHash(manifestOf(other))).toBe(reference);
  });
});

describe('artifacts', () => {
  it('name immutables and open libraries', () => {
    const { A } = contractArtifacts(parseCompilerOutput(outputText()));
    expect(A?.immutables).toEqual([
      { name: 'owner', type: 'address', declaredIn: 'A.sol:A', places: [{ start: 1, length: 1 }] },
    ]);
    expect(A?.openLibraries).toEqual(['L.sol:L']);
    expect(A?.bytecode).toBe(`0x60${PLACEHOLDER}00`);
  });

  it('tell two contracts of one name apart', () => {
    const twice = JSON.parse(outputText());
    twice.contracts['B.sol'] = twice.contracts['A.sol'];
    expect(Object.keys(contractArtifacts(parseCompilerOutput(JSON.stringify(twice))))).toEqual([
      'A.sol:A',
      'A.sol:I',
      'B.sol:A',
      'B.sol:I',
    ]);
  });

  it('count open libraries as zero bytes, and refuse other text', () => {
    const [contract] = parseCompilerOutput(outputText()).contracts;
    if (contract === undefined) throw new Error('no contract');
    expect([...codeBytes(contract.creation)]).toEqual([0x60, ...new Array(20).fill(0), 0]);
    expect(openLibraries(contract.creation)).toEqual(['L.sol:L']);
    const unlinked = { ...contract.creation, linkReferences: {} };
    expect(() => codeBytes(unlinked)).toThrow(expect.objectContaining({ code: 'build/malformed' }));
  });
});

describe('standard JSON', () => {
  it('hashes to the same whatever is to be printed, and however it is written', () => {
    const text = compilerText(input);
    expect(inputHash(parseStandardInput(text))).toBe(inputHash(input));
    const { language, sources, settings } = JSON.parse(text);
    const mixed = JSON.stringify({ settings: { ...settings, outputSelection: {} }, sources, language }, null, 2);
    expect(inputHash(parseStandardInput(mixed))).toBe(inputHash(input));
  });

  it.each([
    ['another language', { language: 'Yul', sources: { a: { content: '' } } }, 'project/malformed'],
    ['sources by URL', { language: 'Solidity', sources: { 'A.sol': { urls: ['ipfs://x'] } } }, 'project/malformed'],
    ['no sources', { language: 'Solidity', sources: {} }, 'project/empty'],
    ['a list', { language: 'Solidity', sources: [] }, 'project/malformed'],
    ['a name that leads out', { language: 'Solidity', sources: { '../A.sol': { content: '' } } }, 'project/bad-path'],
    [
      'settings that are text',
      { language: 'Solidity', sources: { 'A.sol': { content: '' } }, settings: 'x' },
      'project/malformed',
    ],
    [
      'a compiler that stops before there is code',
      { language: 'Solidity', sources: { 'A.sol': { content: '' } }, settings: { stopAfter: 'parsing' } },
      'project/malformed',
    ],
    [
      'settings of more than a mebibyte',
      {
        language: 'Solidity',
        sources: { 'A.sol': { content: '' } },
        settings: { remappings: Array.from({ length: 60_000 }, (_, at) => `a${at}/=lib/${at}/`) },
      },
      'project/too-large',
    ],
    ['a source that is null', { language: 'Solidity', sources: { 'A.sol': null } }, 'project/malformed'],
    ['a source that is a number', { language: 'Solidity', sources: { 'A.sol': { content: 5 } } }, 'project/malformed'],
    [
      'settings that are a list',
      { language: 'Solidity', sources: { 'A.sol': { content: '' } }, settings: [] },
      'project/malformed',
    ],
  ])('refuses %s', (_, given, code) => {
    expect(() => parseStandardInput(JSON.stringify(given))).toThrow(expect.objectContaining({ code }));
    expect(() => parseStandardInput(JSON.stringify(given))).toThrow(ContractsError);
  });
});

describe("the compiler's output", () => {
  it('is read with its messages', () => {
    const failed = JSON.stringify({
      errors: [
        {
          severity: 'error',
          type: 'ParserError',
          message: 'm',
          formattedMessage: 'A.sol:1:1: m\n',
          sourceLocation: { file: 'A.sol' },
        },
      ],
    });
    const output = parseCompilerOutput(failed);
    expect(compileErrors(output)).toEqual([
      { severity: 'error', type: 'ParserError', message: 'm', formatted: 'A.sol:1:1: m\n', source: 'A.sol' },
    ]);
    expect(output.contracts).toEqual([]);
    expect(compileErrors(parseCompilerOutput(outputText()))).toEqual([]);
  });

  it('is refused when it is no json', () => {
    expect(() => parseCompilerOutput('Segmentation fault')).toThrow(
      expect.objectContaining({ code: 'compiler/output-malformed' }),
    );
  });
});

describe('an output that lies', () => {
  /** Everything that is made of an output. */
  const made = (text: string): unknown => {
    const output = parseCompilerOutput(text);
    buildManifest({ compiler, input, output });
    contractArtifacts(output);
    return cryticArchive({ input, output, version: '0.8.24', isDependency: () => false });
  };
  const evm = (change: (evm: Record<string, Record<string, unknown>>) => void): string =>
    outputText((contract) => change(contract.evm as Record<string, Record<string, unknown>>));
  const inDeployed = (members: object): string => evm(({ deployedBytecode = {} }) => Object.assign(deployedBytecode, members));

  it.each<[string, string, string]>([
    ['code that is no hex', inDeployed({ object: 'xyz' }), 'build/malformed'],
    ['half a byte of code', inDeployed({ object: '600' }), 'build/malformed'],
    [
      'a place before the code',
      inDeployed({ immutableReferences: { 7: [{ start: -1, length: 1 }] } }),
      'compiler/output-malformed',
    ],
    [
      'a place that is text',
      inDeployed({ immutableReferences: { 7: [{ start: '1', length: 1 }] } }),
      'compiler/output-malformed',
    ],
    [
      'a place without end',
      inDeployed({ linkReferences: { a: { b: [{ start: 1, length: 1e15 }] } } }),
      'compiler/output-malformed',
    ],
    ['a place that is nothing', inDeployed({ linkReferences: { a: { b: [null] } } }), 'compiler/output-malformed'],
    ['a source without tree', JSON.stringify({ sources: { 'A.sol': { id: 0, ast: 'none' } } }), 'compiler/output-malformed'],
    [
      'an interface nested without end',
      outputText((contract) => {
        let type: object = {};
        for (let level = 0; level < 1000; level += 1) type = { components: [type] };
        contract.abi = [type];
      }),
      'json/unencodable',
    ],
  ])('%s is refused', (_, text, code) => {
    expect(() => made(text)).toThrow(expect.objectContaining({ code }));
  });

  it.each<[string, string]>([
    ['members of other types', outputText((contract) => Object.assign(contract, { abi: 'x', metadata: 5, storageLayout: [] }))],
    [
      'an interface of nothing',
      outputText((contract) => {
        contract.abi = [null, 5, 'x'];
      }),
    ],
    ['contracts that are lists', JSON.stringify({ contracts: [], sources: 'x', errors: { severity: 'error' } })],
    ['a contract of a source that is not there', JSON.stringify({ contracts: { 'B.sol': { B: {} } } })],
    ['nothing', 'null'],
  ])('%s count as none', (_, text) => {
    expect(() => made(text)).not.toThrow();
  });

  it('of a tree that is nested beyond the stack is refused, and not the end of the agent', () => {
    const levels = 200_000;
    const ast = `${'{"leftExpression":'.repeat(levels)}{}${'}'.repeat(levels)}`;
    const output = parseCompilerOutput(`{"sources":{"A.sol":{"id":0,"ast":${ast}}}}`);
    const archive = (): string => cryticArchive({ input, output, version: '0.8.24', isDependency: () => false });
    expect(archive).toThrow(expect.objectContaining({ code: 'project/too-large' }));
  });
});

describe('what was published', () => {
  const contracts = Object.values(contractArtifacts(parseCompilerOutput(outputText())));
  const [a] = contracts;
  const hash = manifestOf(outputText()).contracts[0]?.runtime?.keccak256 ?? '';
  const info = JSON.parse(outputText());
  const other = { bytecode: '0x00', deployedBytecode: '0x00', contractName: 'A', sourceName: 'A.sol' };

  it.each<[string, unknown, readonly string[], readonly string[]]>([
    [
      'an artifact as Hardhat writes it',
      { ...other, bytecode: a?.bytecode, deployedBytecode: a?.deployedBytecode },
      ['A.sol:A'],
      [],
    ],
    [
      'one as Foundry writes it',
      { bytecode: { object: a?.bytecode }, deployedBytecode: { object: a?.deployedBytecode } },
      ['A.sol:A'],
      [],
    ],
    ['a build-info file', { output: info }, ['A.sol:A'], []],
    ['standard JSON output', info, ['A.sol:A'], []],
    ['the code hash of a chain', hash.toUpperCase().replace('0X', '0x'), ['A.sol:A'], []],
    ['other creation code', other, [], ['creation']],
    ['other runtime code', { ...other, bytecode: a?.bytecode }, [], ['runtime']],
    ['another code hash', `0x${'00'.repeat(32)}`, [], ['code hash']],
  ])('%s', (_, published, equal, different) => {
    const found = comparePublished(contracts, published, 'A');
    expect([found.equal, found.different.map(({ what }) => what), found.missing]).toEqual([equal, different, []]);
  });

  it('is missing when the build does not have it, and refused when it is nothing', () => {
    expect(comparePublished(contracts, { ...other, contractName: 'Z' }, '').missing).toEqual(['A.sol:Z']);
    for (const nothing of [null, [], {}, '0x12', { bytecode: '0x' }])
      expect(() => comparePublished(contracts, nothing, 'A')).toThrow(expect.objectContaining({ code: 'build/malformed' }));
  });
});
