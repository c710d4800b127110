/** Contracts on a real local chain against builds: every level, and what must not pass for one. */

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  type BuildSettings,
  type CompilerOutput,
  codeBytes,
  compilerText,
  contractArtifacts,
  creationBytes,
  parseCompilerOutput,
  type StandardInput,
  standardInput,
  withOtherMetadata,
} from '@assay/contracts';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { openCompilers } from '../../packages/agent/src/adapters/compilers/compilers.ts';
import type { Compilers } from '../../packages/agent/src/ports/compilers.ts';
import type { AttestedBuild } from '../../packages/assay/src/command-line/contract-check/attested-build.ts';
import { blockOf } from '../../packages/assay/src/command-line/contract-check/chain-code.ts';
import { type ContractCheck, checkContract } from '../../packages/assay/src/command-line/contract-check/check.ts';
import { ChainRpc } from '../../packages/assay/src/command-line/contract-check/rpc.ts';
import { type Anvil, hasAnvil, startAnvil } from './anvil.ts';
import { ARGS, CBOR_LIKE, CBOR_LIKE_ARGS, SOURCES } from './checked-contracts.ts';
import { compilersFolder } from './installed.ts';

let compilers: Compilers;
let chain: Anvil;
let built: Built;

interface Built {
  readonly input: StandardInput;
  readonly output: CompilerOutput;
  readonly build: AttestedBuild;
}

beforeAll(async () => {
  if (!hasAnvil) return;
  compilers = openCompilers({ folder: await compilersFolder('0.8.24') });
  chain = await startAnvil();
  built = await make(SOURCES);
}, 300_000);

afterAll(async () => {
  chain?.close();
  await compilers?.close();
});

async function compile(input: StandardInput): Promise<CompilerOutput> {
  const signal = new AbortController().signal;
  return parseCompilerOutput(
    await compilers.compile({ version: '0.8.24', input: compilerText(input), wallMs: 120_000, signal }),
  );
}

async function make(sources: Readonly<Record<string, string>>, settings: BuildSettings = {}): Promise<Built> {
  const input = standardInput(sources, settings);
  const output = await compile(input);
  const build = {
    artifacts: Object.values(contractArtifacts(output)),
    input,
    compiler: { version: '0.8.24', hash: '' },
    buildHash: '',
    audit: null,
    receiptId: '',
  };
  return { input, output, build };
}

const artifact = ({ build }: Built, name: string) => {
  const found = build.artifacts.find((each) => each.name === name);
  if (found === undefined) throw new Error(`no ${name}`);
  return found;
};

/** Deploys a contract, its library first. */
async function deploy(from: Built, name: string, args = ''): Promise<{ address: string; transaction: string }> {
  const math = name === 'Token' ? await chain.deploy(artifact(from, 'Math').bytecode) : null;
  const libraries = math === null ? [] : [{ library: 'src/Math.sol:Math', address: math.address }];
  return chain.deploy(`0x${Buffer.from(creationBytes(artifact(from, name), libraries)).toString('hex')}${args}`);
}

interface Asked {
  readonly against?: Built;
  readonly contract?: string;
  readonly transaction?: string;
  readonly args?: string;
  readonly url?: string;
  readonly blockHash?: string;
  readonly uncheckedLibraries?: readonly string[];
  readonly uncheckedProxy?: boolean;
}

async function check(
  address: string,
  { against = built, contract, transaction, args, url = chain.url, blockHash, ...unchecked }: Asked = {},
): Promise<ContractCheck> {
  const rpc = new ChainRpc(new URL(url), { fetch, signal: new AbortController().signal });
  const recompiled = async () => {
    const { contracts } = await compile({ ...against.input, sources: withOtherMetadata(against.input.sources) });
    return new Map(contracts.map(({ source, name, runtime }) => [`${source}:${name}`, codeBytes(runtime)]));
  };
  return checkContract(address, {
    ...{ rpc, recompiled, build: against.build, contract: contract ?? null, block: await blockOf(rpc, blockHash ?? null) },
    ...{ uncheckedLibraries: [], uncheckedProxy: false, ...unchecked },
    deployment: {
      transaction: transaction ?? null,
      arguments: args === undefined ? null : new Uint8Array(Buffer.from(args, 'hex')),
    },
  });
}

async function patch(address: string, change: (code: Buffer) => void): Promise<void> {
  const code = Buffer.from(((await chain.call('eth_getCode', [address, 'latest'])) as string).slice(2), 'hex');
  change(code);
  await chain.set('anvil_setCode', address, `0x${code.toString('hex')}`);
}

describe.runIf(hasAnvil)('levels', () => {
  it('identical: the constructor gives this code; arguments, immutables and the library are shown', async () => {
    const { address, transaction } = await deploy(built, 'Token', ARGS);
    const found = await check(address, { transaction });
    expect([found.level, found.contract, found.difference]).toEqual(['identical', 'src/Token.sol:Token', null]);
    expect(found.arguments?.map(({ value }) => value)).toEqual(['1000', '"Coin"']);
    const [from] = (await chain.call('eth_accounts')) as string[];
    expect(found.immutables.map(({ name, type, value }) => [type, name, value]).sort()).toEqual([
      ['address', 'owner', from],
      ['uint256', 'cap', '1000'],
    ]);
    expect(found.libraries).toMatchObject([{ library: 'src/Math.sol:Math', checked: { level: 'identical' } }]);
  });

  it('exact: the same without a deployment to replay, and with arguments that give other code', async () => {
    const { address } = await deploy(built, 'Token', ARGS);
    expect((await check(address)).level).toBe('exact');
    const wrong = await check(address, { args: ARGS.replace('3e8', '3e9') });
    expect(wrong.level).toBe('exact');
    expect(wrong.unproven.join()).toMatch(/its replay gave other code/);
  });

  it('match: comments differ, also in a factory that holds one child three times', async () => {
    const commented = await make(
      Object.fromEntries(Object.entries(SOURCES).map(([name, text]) => [name, `// another\n${text}`])),
    );
    const token = await deploy(commented, 'Token', ARGS);
    expect(await check(token.address, { transaction: token.transaction })).toMatchObject({ level: 'match', difference: null });
    const factory = await deploy(commented, 'Factory');
    // The compiler keeps one copy for all uses of one contract, so two stand in other children. Metadata: three of the child, of these two, and its own.
    expect(artifact(commented, 'Factory').deployedBytecode.split('a2646970667358221220')).toHaveLength(6 + 1);
    expect(await check(factory.address)).toMatchObject({ level: 'match', contract: 'src/Factory.sol:Factory' });
    expect((await check((await deploy(built, 'Factory')).address)).level).toBe('identical');
  });

  it('no match: a constant differs, and its line is named', async () => {
    const changed = await make({ ...SOURCES, 'src/Token.sol': SOURCES['src/Token.sol'].replace('FEE = 30', 'FEE = 31') });
    const { address } = await deploy(changed, 'Token', ARGS);
    const found = await check(address);
    expect(found).toMatchObject({ level: 'no match', difference: { reason: 'code', place: { source: 'src/Token.sol' } } });
    expect([6, 10]).toContain(found.difference?.place?.line);
  });

  it('finds the constructor arguments where they end like metadata', async () => {
    const { address, transaction } = await deploy(built, 'Token', CBOR_LIKE_ARGS);
    const found = await check(address, { transaction });
    expect([found.level, found.arguments?.map(({ value }) => value)[0]]).toEqual(['identical', '1000']);
    expect((await check(address, { args: CBOR_LIKE_ARGS.replace('3e8', '3e9') })).level).toBe('exact');
  });

  it.each<[string, BuildSettings]>([
    ['without metadata', { bytecodeHash: 'none', appendCBOR: false }],
    ['with the hash of none', { bytecodeHash: 'none' }],
  ])('%s every byte is code', async (_, settings) => {
    const bare = await make(SOURCES, settings);
    const { address } = await deploy(bare, 'Factory');
    expect((await check(address, { against: bare })).level).toBe('identical');
    await patch(address, (code) => code.writeUInt8(code.readUInt8(code.length - 1) ^ 1, code.length - 1));
    expect((await check(address, { against: bare })).level).toBe('no match');
  });
});

describe.runIf(hasAnvil)('what must not pass', () => {
  it('an immutable that was patched at one of its places', async () => {
    const { address } = await deploy(built, 'Token', ARGS);
    const cap = artifact(built, 'Token').immutables.find(({ name }) => name === 'cap');
    expect(cap?.places.length).toBeGreaterThan(1);
    await patch(address, (code) => code.writeUInt8(1, (cap?.places[1]?.start ?? 0) + 10));
    expect(await check(address)).toMatchObject({
      level: 'no match',
      difference: { reason: 'immutable-copies-differ', subject: 'cap' },
    });
  });

  it('an address with dirty padding', async () => {
    const { address } = await deploy(built, 'Token', ARGS);
    const owner = artifact(built, 'Token').immutables.find(({ name }) => name === 'owner');
    await patch(address, (code) => owner?.places.forEach(({ start }) => void code.writeUInt8(1, start)));
    expect(await check(address)).toMatchObject({
      level: 'no match',
      difference: { reason: 'immutable-padding', subject: 'owner' },
    });
  });

  it('a library whose code is another, or is not there', async () => {
    const { address } = await deploy(built, 'Token', ARGS);
    const { libraries, level } = await check(address);
    expect(level).toBe('exact');
    const at = libraries[0]?.address ?? '';
    await patch(at, (code) => code.writeUInt8(code.readUInt8(60) ^ 1, 60));
    const patched = await check(address);
    expect([patched.level, patched.own, patched.libraries[0]?.checked?.level]).toEqual(['no match', 'exact', 'no match']);
    expect(patched.unproven.join()).toMatch(/the code of library src\/Math\.sol:Math/);
    await chain.set('anvil_setCode', at, '0x');
    const gone = await check(address);
    expect([gone.level, gone.libraries[0]?.checked?.level]).toEqual(['no match', 'no match']);
    const asked = await check(address, { uncheckedLibraries: ['src/Math.sol:Math'] });
    expect([asked.level, asked.libraries[0]?.counts]).toEqual(['exact', false]);
    expect(asked.unproven.join()).toMatch(/the code of library src\/Math\.sol:Math/);
  });

  it('a library that is not in the build, unless it is named', async () => {
    const { address } = await deploy(built, 'Token', ARGS);
    const artifacts = built.build.artifacts.filter(({ name }) => name !== 'Math');
    const against = { ...built, build: { ...built.build, artifacts } };
    const found = await check(address, { against });
    expect([found.level, found.own, found.undecided, found.libraries[0]?.checked]).toEqual(['no match', 'exact', false, null]);
    const asked = await check(address, { against, uncheckedLibraries: ['src/Math.sol:Math'] });
    expect(asked.level).toBe('exact');
  });

  it("a library whose address the compilation's settings give", async () => {
    const math = await chain.deploy(artifact(built, 'Math').bytecode);
    const preset = await make(SOURCES, { libraries: { 'src/Math.sol': { Math: math.address } } });
    const { address, transaction } = await chain.deploy(`${artifact(preset, 'Token').bytecode}${ARGS}`);
    expect(artifact(preset, 'Token').deployedLinkReferences).toEqual({});
    expect(await check(address, { against: preset, transaction })).toMatchObject({
      level: 'match', // the settings stand in the library's metadata
      own: 'identical',
      libraries: [{ library: 'src/Math.sol:Math', checked: { level: 'match' } }],
    });
    await patch(math.address, (code) => code.writeUInt8(code.readUInt8(60) ^ 1, 60));
    expect((await check(address, { against: preset, transaction })).level).toBe('no match');
  });

  it('a library that holds the address of another', async () => {
    const math = await chain.deploy(artifact(built, 'Math').bytecode);
    expect((await check(math.address, { transaction: math.transaction })).level).toBe('identical');
    await patch(math.address, (code) => code.fill(7, 1, 21));
    expect(await check(math.address)).toMatchObject({ level: 'no match', difference: { subject: 'own address' } });
  });

  it('bytes in the code that look like metadata', async () => {
    const odd = await make(CBOR_LIKE);
    const { address } = await deploy(odd, 'Odd');
    expect((await check(address, { against: odd })).level).toBe('identical');
    const code = Buffer.from(((await chain.call('eth_getCode', [address, 'latest'])) as string).slice(2), 'hex');
    await patch(address, (bytes) => bytes.writeUInt8(0, code.indexOf(Buffer.alloc(32, 0xff))));
    expect((await check(address, { against: odd })).level).toBe('no match');
  });

  it.each([
    ['an interface', 'IThing'],
    ['an abstract contract', 'Half'],
    ['a name that is not in the build', 'Nothing'],
  ])('%s as target', async (_, contract) => {
    const more = await make({
      ...SOURCES,
      'src/I.sol':
        'pragma solidity ^0.8.0; interface IThing { function f() external; } abstract contract Half { function g() external virtual; }',
    });
    const { address } = await deploy(built, 'Factory');
    await expect(check(address, { against: more, contract })).rejects.toMatchObject({ code: 'cli/bad-option' });
  });

  it('an account without code, and another transaction', async () => {
    await expect(check(`0x${'12'.repeat(20)}`)).rejects.toMatchObject({ code: 'cli/no-code' });
    const [one, two] = [await deploy(built, 'Factory'), await deploy(built, 'Factory')];
    await expect(check(one.address, { transaction: two.transaction })).rejects.toMatchObject({ code: 'cli/bad-option' });
  });
});

describe.runIf(hasAnvil)('proxies', () => {
  const word = (address: string): string => `0x${address.slice(2).padStart(64, '0')}`;
  const SLOT = '0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc';
  const BEACON = '0xa3f0ad74e5423aebfd80d3ef4346578335a9a72aeaee59ff6cb3582b35133d50';
  const STUB = '0x60006000fd';
  const at = (n: number): string => `0x${n.toString(16).padStart(40, 'a')}`;
  const BUILT_PROXY = {
    'src/Proxy.sol': `pragma solidity ^0.8.0;
contract Proxy {
  fallback() external payable {
    assembly {
      calldatacopy(0, 0, calldatasize())
      let ok := delegatecall(gas(), sload(${SLOT}), 0, calldatasize(), 0, 0)
      returndatacopy(0, 0, returndatasize())
      switch ok case 0 { revert(0, returndatasize()) } default { return(0, returndatasize()) }
    }
  }
}
contract Beacon {
  address public implementation;
  constructor(address to) { implementation = to; }
}
`,
  };
  const minimal = (to: string): string => `0x363d3d373d3d3d363d73${to.slice(2)}5af43d82803e903d91602b57fd5bf3`;
  let next = 0;
  const place = async (code: string, slot?: string, target?: string): Promise<string> => {
    const address = at(++next);
    await chain.set('anvil_setCode', address, code);
    if (slot !== undefined) await chain.set('anvil_setStorageAt', address, slot, word(target ?? ''));
    return address;
  };

  it('lead to their implementation, of every kind', async () => {
    const { address } = await deploy(built, 'Factory');
    // PUSH20 <address> PUSH1 0 MSTORE PUSH1 32 PUSH1 0 RETURN
    const beacon = await place(`0x73${address.slice(2)}60005260206000f3`);
    const kinds: unknown[] = [];
    for (const [each, level, kind] of [
      [await place(minimal(address)), 'identical', 'EIP-1167'],
      [await place(`0xef0100${address.slice(2)}`), 'identical', 'EIP-7702'],
      [await place(STUB, SLOT, address), 'no match', 'EIP-1967'],
      [await place(STUB, BEACON, beacon), 'no match', 'EIP-1967 beacon'],
    ] as const) {
      const found = await check(each);
      expect([each, found.level, found.own, found.address]).toEqual([each, level, 'identical', address]);
      const asked = await check(each, { uncheckedProxy: true });
      expect([each, asked.level]).toEqual([each, 'identical']);
      if (level === 'no match') expect(asked.unproven[0]).toMatch(/^the code of the proxy at/);
      kinds.push([found.proxies.map((proxy) => proxy.kind), kind]);
    }
    for (const [found, kind] of kinds as [string[], string][]) expect(found).toEqual([kind]);
  });

  it('that are in the build are no better than their implementation', async () => {
    const proxied = await make({ ...SOURCES, ...BUILT_PROXY });
    const { address: target } = await deploy(proxied, 'Factory');
    const { address } = await deploy(proxied, 'Proxy');
    const ask = () => check(address, { against: proxied });
    expect(await ask()).toMatchObject({ level: 'identical', contract: 'src/Proxy.sol:Proxy', parts: [] });
    await chain.set('anvil_setStorageAt', address, SLOT, word(target));
    expect(await ask()).toMatchObject({ level: 'identical', contract: 'src/Factory.sol:Factory', address: target });
    for (const code of ['0x6001', '0x'])
      for (const uncheckedProxy of [false, true]) {
        await chain.set('anvil_setStorageAt', address, SLOT, word(await place(code)));
        const found = await check(address, { against: proxied, uncheckedProxy });
        expect([found.level, found.parts.map(({ role, checked }) => `${role} ${checked.level}`)]).toEqual([
          'no match',
          ['proxy identical', 'implementation no match'],
        ]);
      }
  });

  it('behind a minimal one read the slots of the account itself', async () => {
    const proxied = await make({ ...SOURCES, ...BUILT_PROXY });
    const { address: target } = await deploy(proxied, 'Factory');
    const { address: proxy } = await deploy(proxied, 'Proxy');
    const clone = await place(minimal(proxy), SLOT, target);
    const found = await check(clone, { against: proxied });
    expect([found.level, found.proxies.map(({ kind }) => kind)]).toEqual(['identical', ['EIP-1167', 'EIP-1967']]);
    const bad = await place(minimal(proxy), SLOT, await place('0x6001'));
    expect((await check(bad, { against: proxied })).level).toBe('no match');
  });

  it('with both slots are as bad as the worse, and so are those with a beacon of other code', async () => {
    const proxied = await make({ ...SOURCES, ...BUILT_PROXY });
    const { address: target } = await deploy(proxied, 'Factory');
    const { address } = await deploy(proxied, 'Proxy');
    const good = await chain.deploy(`${artifact(proxied, 'Beacon').bytecode}${word(target).slice(2)}`);
    await chain.set('anvil_setStorageAt', address, BEACON, word(good.address));
    const found = await check(address, { against: proxied });
    expect([found.level, found.parts.map(({ role }) => role)]).toEqual(['exact', ['proxy', 'beacon', 'implementation']]);
    const other = await place('0x6001');
    await chain.set('anvil_setStorageAt', address, SLOT, word(other));
    expect(await check(address, { against: proxied })).toMatchObject({ level: 'no match', address: other });
    await chain.set('anvil_setStorageAt', address, SLOT, word(target));
    await chain.set('anvil_setStorageAt', address, BEACON, word(await place(`0x73${target.slice(2)}60005260206000f3`)));
    expect((await check(address, { against: proxied })).level).toBe('no match');
  });
});

describe.runIf(hasAnvil)('an RPC that lies', () => {
  /** The chain's own RPC with one method's result changed. */
  async function lying(method: string, change: (result: never) => unknown): Promise<string> {
    const server = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const asked = JSON.parse(Buffer.concat(chunks).toString()) as { method: string; params: unknown[] };
      const result = await chain.call(asked.method, asked.params);
      response.end(
        JSON.stringify({ jsonrpc: '2.0', id: 1, result: asked.method === method ? change(result as never) : result }),
      );
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  it.each<[string, string, (result: never) => unknown, string]>([
    ['serves other code than the proof shows', 'eth_getCode', (code: string) => `${code}00`, 'cli/rpc-lies'],
    [
      'breaks a node of the proof',
      'eth_getProof',
      (proof: { accountProof: string[] }) => ({
        ...proof,
        accountProof: proof.accountProof.map((node) => node.replace(/.$/, (last) => (last === '0' ? '1' : '0'))),
      }),
      'chain/proof-invalid',
    ],
    ['sends no proof', 'eth_getProof', () => ({}), 'chain/proof-malformed'],
    [
      'changes the state root of the block',
      'eth_getBlockByNumber',
      (block: object) => ({ ...block, stateRoot: `0x${'00'.repeat(32)}` }),
      'chain/proof-invalid',
    ],
    ['sends half a block', 'eth_getBlockByNumber', () => ({ hash: `0x${'00'.repeat(32)}` }), 'chain/proof-malformed'],
    ['sends no hex', 'eth_getCode', () => 'hello', 'cli/rpc-failed'],
  ])('%s', async (_, method, change, code) => {
    const { address } = await deploy(built, 'Factory');
    await expect(check(address, { url: await lying(method, change) })).rejects.toMatchObject({ code });
  });

  it.each<[string, (result: { storageProof: { proof: string[]; value: string }[] }) => unknown, string | null]>([
    ['hides the proof of a slot', (proof) => ({ ...proof, storageProof: [] }), 'chain/proof-malformed'],
    [
      'cuts the proof of a slot',
      ({ storageProof, ...proof }) => ({
        ...proof,
        storageProof: storageProof.map((each) => ({ ...each, proof: each.proof.map((node) => node.replace(/..$/, '')) })),
      }),
      'chain/proof-invalid',
    ],
    [
      'names another value than the proof',
      ({ storageProof, ...proof }) => ({ ...proof, storageProof: storageProof.map((each) => ({ ...each, value: '0x0' })) }),
      null,
    ],
  ])('%s', async (_, change, code) => {
    const { address } = await deploy(built, 'Factory');
    const slot = '0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc';
    await chain.set('anvil_setStorageAt', address, slot, `0x${'99'.repeat(20).padStart(64, '0')}`);
    // The account's own proof stays whole, so that only the slot is lied about.
    const url = await lying('eth_getProof', (proof: never) =>
      (proof as { storageProof: unknown[] }).storageProof.length === 0 ? proof : change(proof),
    );
    if (code === null)
      expect(await check(address, { url })).toMatchObject({ level: 'no match', proxies: [{ kind: 'EIP-1967' }] });
    else await expect(check(address, { url })).rejects.toMatchObject({ code });
  });

  it('says nothing of slots by eth_getStorageAt, and what it says by eth_call is named as its word', async () => {
    const { address, transaction } = await deploy(built, 'Token', ARGS);
    const { number, hash } = (await chain.call('eth_getBlockByNumber', ['latest', false])) as { number: string; hash: string };
    const target = await deploy(built, 'Factory');
    const slot = '0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc';
    const storage = await lying('eth_getStorageAt', () => `0x${target.address.slice(2).padStart(64, '0')}`);
    expect(await check(address, { url: storage, blockHash: hash })).toMatchObject({ level: 'exact', proxies: [] });
    const code = await chain.call('eth_getCode', [address, number]);
    const call = await lying('eth_call', () => code);
    const wrong = await check(address, { url: call, blockHash: hash, args: ARGS.replace('3e8', '3e9') });
    expect([wrong.own, /eth_call, which is the RPC's word, also with --block-hash/.test(wrong.unproven.join())]).toEqual([
      'identical',
      true,
    ]);
    const other = await lying('eth_call', () => '0x');
    expect((await check(address, { url: other, blockHash: hash, transaction })).level).toBe('exact');
    await chain.set('anvil_setStorageAt', address, slot, `0x${target.address.slice(2).padStart(64, '0')}`);
    const none = await lying('eth_getStorageAt', () => `0x${'00'.repeat(32)}`);
    expect(await check(address, { url: none })).toMatchObject({ proxies: [{ target: target.address.toLowerCase() }] });
  });

  it('is not needed to be believed under a block hash that is known', async () => {
    const { address } = await deploy(built, 'Factory');
    const { hash } = (await chain.call('eth_getBlockByNumber', ['latest', false])) as { hash: string };
    expect((await check(address, { blockHash: hash })).level).toBe('identical');
    const url = await lying('eth_getBlockByHash', (block: object) => ({ ...block, stateRoot: `0x${'11'.repeat(32)}` }));
    await expect(check(address, { url, blockHash: hash })).rejects.toMatchObject({ code: 'chain/proof-invalid' });
  });
});
