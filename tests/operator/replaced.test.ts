/**
 * What frees spending: only another transaction of the wallet, shown by two nodes under the same nonce. A node that hides receipts or makes them
 * up, and a transaction that the wallet never signed, leave it counted. One that the wallet signed elsewhere stops it. A node that redirects gets
 * no signed transaction sent elsewhere.
 */

import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type Hex, hexOf, type OwnerMessage, parseSigningPolicy, policyHash } from '@assay/operator';
import { privateKeyToAccount } from 'viem/accounts';
import { describe, expect, onTestFinished, test } from 'vitest';
import { ChainNode } from '../../packages/agent/src/operator/chain-node.ts';
import { openSecrets } from '../../packages/agent/src/operator/secrets.ts';
import { ANVIL, type LocalChain, startLocalChain } from './local-chain.ts';
import { API_KEY, type OwnedAgent, signedBy, startOwnedAgent } from './owned-agent.ts';
import { acknowledgeState } from './owner-messages.ts';

const KEY = { authorization: `Bearer ${API_KEY}` };
const ALICE: Hex = '0x86693cbe3f2581df512635823f46f0d593d96dba';
const BOB: Hex = '0x1c23a3912247f104d707dfef41f4b7842b241d4b';
const ETHER = 10n ** 18n;

async function serve(answer: (request: IncomingMessage, response: ServerResponse, body: string) => void): Promise<string> {
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (piece) => {
      body += String(piece);
    });
    request.on('end', () => answer(request, response, body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A node in front of the real one; a method that is named here gets this result, or what is made of its first parameter. */
function nodeWith(chain: LocalChain, results: Readonly<Record<string, unknown>>): Promise<string> {
  return serve((_request, response, body) => {
    const { id, method, params } = JSON.parse(body) as {
      readonly id: number;
      readonly method: string;
      readonly params: unknown[];
    };
    response.setHeader('content-type', 'application/json');
    const given = Object.hasOwn(results, method) ? results[method] : undefined;
    const result: unknown = typeof given === 'function' ? given(params[0]) : given;
    if (result !== undefined) return response.end(JSON.stringify({ jsonrpc: '2.0', id, result }));
    fetch(chain.url, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
      .then(async (answer) => response.end(await answer.text()))
      .catch(() => response.destroy());
  });
}

async function prepared(chain: LocalChain, node: string, more: object = {}): Promise<{ agent: OwnedAgent; wallet: Hex }> {
  const agent = await startOwnedAgent();
  const { agent_id: agentId, control, wallet } = await agent.config();
  await chain.fund(wallet.address!, ETHER);
  const policy = {
    v: 'assay-operator-policy/1',
    chains: { [chain.chainId]: { rpc_urls: [node], max_fee_per_gas: '20000000000', confirmations: 1, ...more } },
    rules: [{ id: 'eth', effect: 'allow', caps: [{ asset: 'native', at_most: '100' }] }],
  };
  const links = { version: 1, previousHash: control.policy.change_hash, expiry: Math.floor(Date.now() / 1000) + 600 };
  const hash = policyHash(parseSigningPolicy(JSON.stringify(policy)));
  const message: OwnerMessage = { type: 'SetPolicy', fields: { agentId, policyHash: hash, ...links } };
  const set = await agent.post('/api/v1/control', { message, signatures: await signedBy(message, 2), policy });
  expect(set.status).toBe(200);
  return { agent, wallet: wallet.address! };
}

interface Row {
  readonly state: string;
  readonly reason: string | null;
  readonly final_receipt_id: string | null;
}

const pay = (agent: OwnedAgent, node: string, value: number) =>
  agent.post('/api/v1/sign-transaction', { transaction: { to: ALICE, value }, rpc_url: node }, KEY) as Promise<{
    status: number;
    body: { readonly code?: string; readonly transaction_hash: Hex };
  }>;

async function rowWhere(agent: OwnedAgent, fits: (row: Row) => boolean): Promise<Row> {
  for (let tries = 0; tries < 300; tries += 1) {
    const { transactions } = (await (await agent.request('/api/v1/transactions', { headers: KEY })).json()) as {
      readonly transactions: readonly Row[];
    };
    const [row] = transactions;
    if (row !== undefined && fits(row)) return row;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('the transaction does not get there in 30 seconds');
}

const isCounted = ({ reason }: Row): boolean => reason?.includes('stays counted') === true;

describe.skipIf(ANVIL === null)('a nonce that is used', () => {
  test('a node that hides receipts frees nothing', { timeout: 120_000 }, async () => {
    const chain = await startLocalChain();
    const node = await nodeWith(chain, { eth_getTransactionReceipt: null });
    const { agent } = await prepared(chain, node);
    expect((await pay(agent, node, 100)).status).toBe(200);
    expect(await rowWhere(agent, isCounted)).toMatchObject({ state: 'sent', final_receipt_id: null });
    expect((await pay(agent, node, 1)).body.code).toBe('operator/denied');
    expect(await chain.client.getBalance({ address: ALICE })).toBe(100n);
  });

  test('a transaction that the wallet did not sign frees nothing', { timeout: 120_000 }, async () => {
    const chain = await startLocalChain();
    const node = await nodeWith(chain, { eth_sendRawTransaction: `0x${'00'.repeat(32)}` });
    const { agent, wallet } = await prepared(chain, node);
    expect((await pay(agent, node, 100)).status).toBe(200);
    await chain.test.impersonateAccount({ address: wallet });
    await chain.test.sendUnsignedTransaction({ from: wallet, to: BOB, value: 1n });
    expect(await rowWhere(agent, isCounted)).toMatchObject({ state: 'sent' });
    expect((await pay(agent, node, 1)).body.code).toBe('operator/denied');
  });

  test('a node that makes up the inclusion of a cancellation, and sends the payment later, moves no more than the cap', {
    timeout: 120_000,
  }, async () => {
    const chain = await startLocalChain();
    await chain.test.mine({ blocks: 2 });
    const block = await chain.client.getBlock();
    const madeUp = (transactionHash: Hex): object => ({
      ...{ status: '0x1', type: '0x2', logs: [], logsBloom: '0x', transactionHash },
      ...{ blockHash: block.hash, blockNumber: `0x${block.number.toString(16)}` },
    });
    const kept: Hex[] = [];
    const node = await nodeWith(chain, {
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
    cancellation = (cancelled.body as { readonly transaction_hash: Hex }).transaction_hash;
    expect(await rowWhere(agent, ({ state }) => state === 'replaced')).toMatchObject({ reason: 'it was cancelled' });
    await chain.client.sendRawTransaction({ serializedTransaction: kept[0]! });
    await expect.poll(() => chain.client.getBalance({ address: ALICE })).toBe(100n);
    expect((await pay(agent, node, 1)).body.code).toBe('operator/denied');
  });

  test.each([
    ['one node', false, { to: BOB, value: 1n, gas: 21_000n }],
    ['two nodes', true, { to: BOB, value: 1n, gas: 21_000n }],
    ['one node', false, { data: '0x00', gas: 60_000n }],
  ] as const)(
    'a transaction that the wallet signed elsewhere stops it; what was counted is freed by two nodes: %s, %s, %o',
    { timeout: 120_000 },
    async (confirmedBy, two, sent) => {
      const chain = await startLocalChain();
      const node = await nodeWith(chain, { eth_sendRawTransaction: `0x${'00'.repeat(32)}` });
      const { agent, wallet } = await prepared(chain, node, two ? { confirming_rpc_url: chain.url } : {});
      const { body } = await pay(agent, node, 100);
      const kept = new Uint8Array(readFileSync(join(agent.directory, 'data', 'simulated-secret')));
      const holder = privateKeyToAccount(hexOf((await openSecrets({ keptSecret: async () => kept } as never)).wallet));
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
      expect(await pay(agent, node, 100)).toMatchObject({ status: 409, body: { code: 'operator/state-behind' } });
      await acknowledgeState(agent, chain.chainId, 1);
      expect(await pay(agent, node, 100)).toMatchObject(two ? { status: 200 } : { body: { code: 'operator/denied' } });
    },
  );

  test('a second node that does not have it frees nothing', { timeout: 120_000 }, async () => {
    const chain = await startLocalChain();
    const node = await nodeWith(chain, { eth_sendRawTransaction: `0x${'00'.repeat(32)}` });
    const second = await nodeWith(chain, { eth_getTransactionReceipt: null });
    const { agent } = await prepared(chain, node, { confirming_rpc_url: second });
    expect((await pay(agent, node, 100)).status).toBe(200);
    const kept = new Uint8Array(readFileSync(join(agent.directory, 'data', 'simulated-secret')));
    const holder = privateKeyToAccount(hexOf((await openSecrets({ keptSecret: async () => kept } as never)).wallet));
    const fees = { gas: 21_000n, maxFeePerGas: 10n ** 10n, maxPriorityFeePerGas: 1n };
    const other = { chainId: chain.chainId, nonce: 0, to: BOB, value: 1n, ...fees };
    await chain.client.sendRawTransaction({ serializedTransaction: await holder.signTransaction(other) });
    expect(await rowWhere(agent, isCounted)).toMatchObject({ state: 'sent' });
    expect((await pay(agent, node, 1)).body.code).toBe('operator/denied');
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
