/** A token that is compiled here, on a local chain: the wallet creates it, and moves of it no more than a rule's cap, whatever call moves it. */

import type { Hex } from '@assay/operator';
import { encodeFunctionData, keccak256, maxUint256, parseAbi } from 'viem';
import { expect, onTestFinished, test } from 'vitest';
import { openCompilers } from '../../packages/agent/src/adapters/compilers/compilers.ts';
import { compilersFolder } from '../contracts/installed.ts';
import { ANVIL, startLocalChain } from './local-chain.ts';
import { API_KEY, startOwnedAgent } from './owned-agent.ts';
import { setPolicy } from './owner-messages.ts';

const KEY = { authorization: `Bearer ${API_KEY}` };
const ALICE: Hex = '0x86693cbe3f2581df512635823f46f0d593d96dba';
const SOLC = '0.8.24';
const SOURCE = `// SPDX-License-Identifier: MIT
pragma solidity 0.8.24;
contract Coin {
    mapping(address => uint256) public balanceOf;
    mapping(address => mapping(address => uint256)) public allowance;
    constructor() { balanceOf[msg.sender] = 500; }
    function transfer(address to, uint256 amount) external returns (bool) {
        balanceOf[msg.sender] -= amount;
        balanceOf[to] += amount;
        return true;
    }
    function approve(address spender, uint256 amount) external returns (bool) {
        allowance[msg.sender][spender] = amount;
        return true;
    }
    function transferFrom(address from, address to, uint256 amount) external returns (bool) {
        allowance[from][msg.sender] -= amount;
        balanceOf[from] -= amount;
        balanceOf[to] += amount;
        return true;
    }
}
`;
const COIN = parseAbi([
  'function balanceOf(address) view returns (uint256)',
  'function allowance(address, address) view returns (uint256)',
  'function transfer(address to, uint256 amount)',
  'function approve(address spender, uint256 amount)',
  'function transferFrom(address from, address to, uint256 amount)',
]);

interface Answer {
  readonly code?: string;
  readonly detail?: string;
}
interface Row {
  readonly state: string;
  readonly creates: Hex | null;
}

async function compiled(): Promise<Hex> {
  const compilers = openCompilers({ folder: await compilersFolder(SOLC) });
  onTestFinished(() => compilers.close());
  const outputSelection = { '*': { '*': ['evm.bytecode.object'] } };
  const input = JSON.stringify({ language: 'Solidity', sources: { c: { content: SOURCE } }, settings: { outputSelection } });
  const output = await compilers.compile({ version: SOLC, input, wallMs: 120_000, signal: new AbortController().signal });
  const { contracts } = JSON.parse(output) as { contracts: { c: { Coin: { evm: { bytecode: { object: string } } } } } };
  return `0x${contracts.c.Coin.evm.bytecode.object}`;
}

test.skipIf(ANVIL === null)(
  'a token that the wallet creates moves up to its cap, exact to one unit, by transfer, allowance and transferFrom',
  { timeout: 300_000 },
  async () => {
    const code = await compiled();
    const chain = await startLocalChain();
    const agent = await startOwnedAgent();
    const wallet = (await agent.config()).wallet.address!;
    await chain.fund(wallet, 10n ** 18n);
    const settings = { rpc_urls: [chain.url], max_fee_per_gas: '20000000000', confirmations: 1 };
    const policyWith = (rule: object): object => ({
      ...{ v: 'assay-operator-policy/1', chains: { [chain.chainId]: settings } },
      rules: [{ id: 'coin', effect: 'allow', ...rule }],
    });
    const ask = async (transaction: object): Promise<string> => {
      const { status, body } = await agent.post('/api/v1/sign-transaction', { transaction, rpc_url: chain.url }, KEY);
      const { code: refused, detail } = body as Answer;
      return status === 200 ? 'signed' : `${refused} ${detail}`;
    };
    const ended = async (): Promise<readonly Row[]> => {
      for (let tries = 0; tries < 600; tries += 1) {
        const answer = await agent.request('/api/v1/transactions', { headers: KEY });
        const { transactions } = (await answer.json()) as { transactions: Row[] };
        if (transactions.every(({ state }) => state === 'included' || state === 'reverted')) return transactions;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      throw new Error('a transaction is not final after a minute');
    };

    await setPolicy(agent, policyWith({ match: { creates: [keccak256(code)] } }));
    expect(await ask({ data: code })).toBe('signed');
    const token = (await ended())[0]!.creates!;
    const read = (functionName: 'balanceOf' | 'allowance', ...args: Hex[]) =>
      chain.client.readContract({ address: token, abi: COIN, functionName, args } as never);
    expect(await read('balanceOf', wallet)).toBe(500n);

    await setPolicy(agent, policyWith({ match: { recipients: [token] }, caps: [{ asset: token, at_most: '100' }] }));
    const call = (functionName: 'transfer' | 'approve' | 'transferFrom', ...args: readonly (Hex | bigint)[]) =>
      ask({ to: token, data: encodeFunctionData({ abi: COIN, functionName, args } as never) });
    const denied = expect.stringContaining('operator/denied');
    expect(await call('approve', ALICE, maxUint256)).toEqual(denied);
    expect(await call('transfer', ALICE, 101n)).toEqual(denied);
    expect(await call('transfer', ALICE, 60n)).toBe('signed');
    expect(await call('approve', wallet, 30n)).toBe('signed');
    await ended();
    // 10 are left: an allowance counts in full, even before anything was moved under it.
    expect(await call('transferFrom', wallet, ALICE, 11n)).toEqual(denied);
    expect(await call('transferFrom', wallet, ALICE, 10n)).toBe('signed');
    expect(await call('transfer', ALICE, 1n)).toEqual(denied);
    expect((await ended()).map(({ state }) => state)).toEqual(Array(4).fill('included'));
    expect(await read('balanceOf', ALICE)).toBe(70n);
    expect(await read('allowance', wallet, wallet)).toBe(20n);

    // What the chain reverts is counted, because it was signed and is in a block.
    const more = { caps: [{ asset: token, at_most: '1000' }] };
    await setPolicy(agent, policyWith({ match: { recipients: [token] }, ...more }));
    const tooMuch = (amount: bigint): object => ({
      ...{ to: token, gas: 100_000 },
      data: encodeFunctionData({ abi: COIN, functionName: 'transfer', args: [ALICE, amount] }),
    });
    expect(await ask(tooMuch(431n))).toBe('signed');
    expect((await ended())[0]?.state).toBe('reverted');
    expect(await read('balanceOf', wallet)).toBe(430n);
    expect(await ask(tooMuch(470n))).toEqual(denied);
  },
);
