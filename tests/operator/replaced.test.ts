/**
 * What frees spending: only another transaction of the wallet, shown by two nodes under the same nonce. A node that hides receipts or makes them
 * up, and a transaction that the wallet never signed, leave it counted. One that the wallet signed elsewhere stops it. A node that redirects gets
 * no signed transaction sent elsewhere.
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Hex, hexOf } from '@assay/operator';
import { type PrivateKeyAccount, privateKeyToAccount } from 'viem/accounts';
import { describe, expect, test } from 'vitest';
import { ChainNode } from '../../packages/agent/src/operator/chain-node.ts';
import { openSecrets } from '../../packages/agent/src/operator/secrets.ts';
import { ANVIL, type LocalChain, startLocalChain } from './local-chain.ts';
import { nodeBefore, serve } from './node-before.ts';
import { API_KEY, type OwnedAgent, startOwnedAgent } from './owned-agent.ts';
import { acknowledgeState, setPolicy } from './owner-messages.ts';

const KEY = { authorization: `Bearer ${API_KEY}` };
const ALICE: Hex = '0x86693cbe3f2581df512635823f46f0d593d96dba';
const BOB: Hex = '0x1c23a3912247f104d707dfef41f4b7842b241d4b';
const ETHER = 10n ** 18n;

type Settings = Readonly<Record<string, unknown>>;

/** Puts the first policy in force, or a later one with other nodes. */
const allow = (agent: OwnedAgent, chain: LocalChain, nodes: Settings): Promise<void> =>
  setPolicy(agent, {
    v: 'assay-operator-policy/1',
    chains: { [chain.chainId]: { max_fee_per_gas: '20000000000', confirmations: 1, ...nodes } },
    rules: [
      { id: 'eth', effect: 'allow', caps: [{ asset: 'native', at_most: '100' }] },
      { id: 'hello', effect: 'allow', match: { paths: ['message'], message: { one_of: ['hello'] } } },
    ],
  });

async function prepared(chain: LocalChain, node: string, more: Settings = {}): Promise<{ agent: OwnedAgent; wallet: Hex }> {
  const agent = await startOwnedAgent();
  const wallet = (await agent.config()).wallet.address!;
  await chain.fund(wallet, ETHER);
  await allow(agent, chain, { rpc_urls: [node], ...more });
  return { agent, wallet };
}

/** Another holder of the wallet's key. */
async function holderOf(agent: OwnedAgent): Promise<PrivateKeyAccount> {
  const kept = new Uint8Array(readFileSync(join(agent.directory, 'data', 'simulated-secret')));
  return privateKeyToAccount(hexOf((await openSecrets({ keptSecret: async () => kept } as never)).wallet));
}

/** Sends the wallet's transactions with these nonces past the agent. */
async function sendElsewhere(chain: LocalChain, agent: OwnedAgent, nonces: readonly number[]): Promise<void> {
  const holder = await holderOf(agent);
  const fees = { gas: 21_000n, maxFeePerGas: 10n ** 10n, maxPriorityFeePerGas: 1n };
  for (const nonce of nonces) {
    const other = { chainId: chain.chainId, nonce, to: BOB, value: 1n, ...fees };
    await chain.client.sendRawTransaction({ serializedTransaction: await holder.signTransaction(other) });
  }
}

interface Row {
  readonly nonce: number;
  readonly state: string;
  readonly reason: string | null;
  readonly final_receipt_id: string | null;
}

const pay = (agent: OwnedAgent, node: string, value: number) =>
  agent.post('/api/v1/sign-transaction', { transaction: { to: ALICE, value }, rpc_url: node }, KEY) as Promise<{
    status: number;
    body: { readonly code?: string; readonly detail?: string; readonly nonce?: number; readonly transaction_hash: Hex };
  }>;

async function rowWhere(agent: OwnedAgent, fits: (row: Row) => boolean): Promise<Row> {
  for (let tries = 0; tries < 300; tries += 1) {
    const { transactions } = (await (await agent.request('/api/v1/transactions', { headers: KEY })).json()) as {
      readonly transactions: readonly Row[];
    };
    const row = transactions.find(fits);
    if (row !== undefined) return row;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('the transaction does not get there in 30 seconds');
}

const isCounted = ({ reason }: Row): boolean => reason?.includes('stays counted') === true;

describe.skipIf(ANVIL === null)('a nonce that is used', () => {
  test('a node that hides receipts frees nothing', { timeout: 120_000 }, async () => {
    const chain = await startLocalChain();
    const node = await nodeBefore(chain, { eth_getTransactionReceipt: null });
    const { agent } = await prepared(chain, node);
    expect((await pay(agent, node, 100)).status).toBe(200);
    expect(await rowWhere(agent, isCounted)).toMatchObject({ state: 'sent', final_receipt_id: null });
    expect((await pay(agent, node, 1)).body.code).toBe('operator/denied');
    expect(await chain.client.getBalance({ address: ALICE })).toBe(100n);
  });

  test('a transaction that the wallet did not sign frees nothing', { timeout: 120_000 }, async () => {
    const chain = await startLocalChain();
    const node = await nodeBefore(chain, { eth_sendRawTransaction: `0x${'00'.repeat(32)}` });
    const { agent, wallet } = await prepared(chain, node);
    expect((await pay(agent, node, 100)).status).toBe(200);
    await chain.test.impersonateAccount({ address: wallet });
    await chain.test.sendUnsignedTransaction({ from: wallet, to: BOB, value: 1n });
    expect(await rowWhere(agent, isCounted)).toMatchObject({ state: 'sent' });
    expect((await pay(agent, node, 1)).body.code).toBe('operator/denied');
  });

  test.each(['that no second node confirms', 'that a later policy names as the second node of another'])(
    'a node %s makes up the inclusion of a cancellation, sends the payment later, and moves no more than the cap',
    {
      timeout: 120_000,
    },
    async (which) => {
      const chain = await startLocalChain();
      await chain.test.mine({ blocks: 2 });
      const block = await chain.client.getBlock();
      const madeUp = (transactionHash: Hex): object => ({
        ...{ status: '0x1', type: '0x2', logs: [], logsBloom: '0x', transactionHash },
        ...{ blockHash: block.hash, blockNumber: `0x${block.number.toString(16)}` },
      });
      const kept: Hex[] = [];
      const node = await nodeBefore(chain, {
        eth_sendRawTransaction: (signed: Hex) => {
          kept.push(signed);
          return `0x${'00'.repeat(32)}`;
        },
        eth_getTransactionReceipt: (hash: Hex) => (hash === cancellation ? madeUp(hash) : undefined),
      });
      let cancellation = '';
      const { agent } = await prepared(chain, node);
      const { body } = await pay(agent, node, 100);
      const cancel = { transaction_hash: body.transaction_hash, action: 'cancel' };
      const cancelled = await agent.post('/api/v1/replace-transaction', cancel, KEY);
      const later = which.startsWith('that a later policy');
      if (later) await allow(agent, chain, { rpc_urls: [chain.url], confirming_rpc_url: node });
      cancellation = (cancelled.body as { readonly transaction_hash: Hex }).transaction_hash;
      const row = await rowWhere(agent, ({ state }) => state === 'replaced');
      expect(row).toMatchObject({ reason: 'it was cancelled' });
      const story = await agent.events(row.final_receipt_id!);
      expect(story.find(({ type }) => type === 'transaction.replaced')).toMatchObject({ confirmed_by: 'one node' });
      await chain.client.sendRawTransaction({ serializedTransaction: kept[0]! });
      await expect.poll(() => chain.client.getBalance({ address: ALICE })).toBe(100n);
      expect((await pay(agent, later ? chain.url : node, 1)).body.code).toBe('operator/denied');
    },
  );

  test.each([
    ['one node', 'none', { to: BOB, value: 1n, gas: 21_000n }],
    ['two nodes', 'another', { to: BOB, value: 1n, gas: 21_000n }],
    ['one node', 'none', { data: '0x00', gas: 60_000n }],
    ['one node', 'itself, by a later policy', { to: BOB, value: 1n, gas: 21_000n }],
  ] as const)(
    'a transaction that the wallet signed elsewhere stops it; what was counted is freed by two nodes: %s, the second %s, %o',
    { timeout: 120_000 },
    async (confirmedBy, second, sent) => {
      const chain = await startLocalChain();
      const node = await nodeBefore(chain, { eth_sendRawTransaction: `0x${'00'.repeat(32)}` });
      const { agent, wallet } = await prepared(chain, node, second === 'another' ? { confirming_rpc_url: chain.url } : {});
      const { body } = await pay(agent, node, 100);
      const paysBy = second.startsWith('itself') ? chain.url : node;
      if (paysBy !== node) await allow(agent, chain, { rpc_urls: [paysBy], confirming_rpc_url: node });
      const holder = await holderOf(agent);
      expect(holder.address.toLowerCase()).toBe(wallet);
      const fees = { maxFeePerGas: 10n ** 10n, maxPriorityFeePerGas: 1n };
      const other = { type: 'eip1559', chainId: chain.chainId, nonce: 0, ...sent, ...fees } as const;
      const hash = await chain.client.sendRawTransaction({ serializedTransaction: await holder.signTransaction(other) });
      const row = await rowWhere(agent, ({ state }) => state === 'replaced');
      const story = await agent.events(row.final_receipt_id!);
      expect(story.find(({ type }) => type === 'transaction.replaced')).toMatchObject({
        transaction_id: body.transaction_hash,
        replaced_by: hash,
        confirmed_by: confirmedBy,
      });
      expect(await pay(agent, paysBy, 100)).toMatchObject({ status: 409, body: { code: 'operator/state-behind' } });
      await acknowledgeState(agent, chain.chainId, 1);
      const freed = confirmedBy === 'two nodes';
      expect(await pay(agent, paysBy, 100)).toMatchObject(freed ? { status: 200 } : { body: { code: 'operator/denied' } });
    },
  );

  test('a second node that does not have it frees nothing', { timeout: 120_000 }, async () => {
    const chain = await startLocalChain();
    const node = await nodeBefore(chain, { eth_sendRawTransaction: `0x${'00'.repeat(32)}` });
    const second = await nodeBefore(chain, { eth_getTransactionReceipt: null });
    const { agent } = await prepared(chain, node, { confirming_rpc_url: second });
    expect((await pay(agent, node, 100)).status).toBe(200);
    await sendElsewhere(chain, agent, [0]);
    expect(await rowWhere(agent, isCounted)).toMatchObject({ state: 'sent' });
    expect((await pay(agent, node, 1)).body.code).toBe('operator/denied');
  });

  test('by a transaction that the wallet signed elsewhere stops all that signs but cancellations', {
    timeout: 120_000,
  }, async () => {
    const chain = await startLocalChain();
    const node = await nodeBefore(chain, { eth_sendRawTransaction: `0x${'00'.repeat(32)}` });
    const { agent } = await prepared(chain, node);
    await pay(agent, node, 60);
    const { body: waiting } = await pay(agent, node, 40);
    await sendElsewhere(chain, agent, [0]);
    await rowWhere(agent, ({ nonce, state }) => nonce === 0 && state === 'replaced');
    const message = () => agent.post('/api/v1/sign-message', { message: 'hello' }, KEY);
    const replace = (action: string) =>
      agent.post('/api/v1/replace-transaction', { transaction_hash: waiting.transaction_hash, action }, KEY);
    const behind = { status: 409, body: { code: 'operator/state-behind' } };
    for (const answer of [await pay(agent, node, 0), await message(), await replace('bump')])
      expect(answer).toMatchObject(behind);
    expect(await replace('cancel')).toMatchObject({ status: 200, body: { nonce: 1 } });
    await acknowledgeState(agent, chain.chainId, 1);
    expect(await message()).toMatchObject({ status: 200 });
  });

  test('the nonce that a refusal names lets the wallet go on, at the nonce of the chain', { timeout: 120_000 }, async () => {
    const chain = await startLocalChain();
    const node = await nodeBefore(chain, { eth_sendRawTransaction: `0x${'00'.repeat(32)}` });
    const { agent } = await prepared(chain, node);
    await pay(agent, node, 1);
    await sendElsewhere(chain, agent, [0, 1, 2]);
    await rowWhere(agent, ({ state }) => state === 'replaced');
    const { body: refused } = await pay(agent, node, 1);
    expect(refused).toMatchObject({ code: 'operator/state-behind', detail: expect.stringMatching(/with the nonce 3$/) });
    await acknowledgeState(agent, chain.chainId, 3);
    expect(await pay(agent, node, 1)).toMatchObject({ status: 200, body: { nonce: 3 } });
  });
});

test('a node that redirects, or answers without an end, is refused', { timeout: 60_000 }, async () => {
  let reached = 0;
  const inner = await serve((_request, response) => {
    reached += 1;
    response.end(JSON.stringify({ jsonrpc: '2.0', id: 1, result: `0x${'11'.repeat(32)}` }));
  });
  const outer = await serve((_request, response) => response.writeHead(307, { location: `${inner}/admin` }).end());
  expect(await ChainNode.at(outer).send('0x01')).toMatchObject({ sent: false });
  expect(reached).toBe(0);
  let written = 0;
  const piece = Buffer.alloc(1024 * 1024, 0x20);
  const endless = await serve((_request, response) => {
    response.setHeader('content-type', 'application/json');
    const more = (): void => {
      while (written < 400 && !response.destroyed) {
        written += 1;
        if (!response.write(piece)) return void response.once('drain', more);
      }
      response.end('{}');
    };
    more();
  });
  expect(await ChainNode.at(endless).send('0x01')).toMatchObject({ sent: false });
  expect(written).toBeLessThan(100);
});
