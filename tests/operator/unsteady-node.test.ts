/** A chain that takes a block back, and a node that never answers: nothing is believed too early, spent twice, or waited for without end. */

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Hex, type OwnerMessage, parseSigningPolicy, policyHash } from '@assay/operator';
import { describe, expect, onTestFinished, test } from 'vitest';
import { ANVIL, type LocalChain, startLocalChain } from './local-chain.ts';
import { API_KEY, type OwnedAgent, signedBy, startOwnedAgent } from './owned-agent.ts';

const KEY = { authorization: `Bearer ${API_KEY}` };
const ALICE: Hex = '0x86693cbe3f2581df512635823f46f0d593d96dba';
/** Milliseconds; the agent gives a node ten seconds. */
const PATIENCE = 60_000;

interface Answer {
  readonly code: string;
  readonly sent: boolean;
  readonly receipt_id: string;
  readonly transaction_hash: Hex;
}
interface Row {
  readonly state: string;
  readonly nonce: number;
  readonly final_receipt_id: string | null;
}

async function setPolicy(agent: OwnedAgent, urls: readonly string[], confirmations: number): Promise<void> {
  const { agent_id: agentId, control } = await agent.config();
  const chains = { 84532: { rpc_urls: urls, max_fee_per_gas: '20000000000', confirmations } };
  const rules = [{ id: 'eth', effect: 'allow', match: { recipients: [ALICE] }, caps: [{ asset: 'native', at_most: '100' }] }];
  const policy = { v: 'assay-operator-policy/1', chains, rules };
  const { version, change_hash: previousHash } = control.policy;
  const hash = policyHash(parseSigningPolicy(JSON.stringify(policy)));
  const expiry = Math.floor(Date.now() / 1000) + 600;
  const fields = { agentId, policyHash: hash, version: version + 1, previousHash, expiry };
  const message: OwnerMessage = { type: 'SetPolicy', fields };
  const sent = { message, signatures: await signedBy(message, 2), policy };
  expect((await agent.post('/api/v1/control', sent)).status).toBe(200);
}

async function pay(agent: OwnedAgent, rpcUrl: string, value: number): Promise<{ status: number; body: Answer }> {
  const asked = { transaction: { to: ALICE, value, gas: 21_000 }, rpc_url: rpcUrl };
  const { status, body } = await agent.post('/api/v1/sign-transaction', asked, KEY);
  return { status, body: body as Answer };
}

async function rows(agent: OwnedAgent): Promise<readonly Row[]> {
  const answer = await agent.request('/api/v1/transactions', { headers: KEY });
  return ((await answer.json()) as { readonly transactions: readonly Row[] }).transactions;
}

const mine = (chain: LocalChain, blocks: number): Promise<void> => chain.test.mine({ blocks });

describe.skipIf(ANVIL === null)('a chain', () => {
  test('that takes a block back: the transaction is sent again, ends once, and is counted once', {
    timeout: 2 * PATIENCE,
  }, async () => {
    const chain = await startLocalChain({ manual: true });
    const agent = await startOwnedAgent();
    const wallet = (await agent.config()).wallet.address!;
    await chain.fund(wallet, 10n ** 18n);
    await setPolicy(agent, [chain.url], 3);
    const before = await chain.test.snapshot();
    expect((await pay(agent, chain.url, 60)).body.sent).toBe(true);
    await mine(chain, 1);
    expect(await chain.client.getBalance({ address: ALICE })).toBe(60n);
    await expect.poll(async () => (await rows(agent))[0]?.state).toBe('sent');
    await chain.test.revert({ id: before });
    await chain.fund(wallet, 10n ** 18n);
    expect(await chain.client.getTransactionCount({ address: wallet })).toBe(0);
    expect((await rows(agent))[0]).toMatchObject({ state: 'sent', final_receipt_id: null });
    expect((await pay(agent, chain.url, 50)).body.code).toBe('operator/denied'); // 60 of 100 stay counted
    const blocks = async (): Promise<string | undefined> => {
      await mine(chain, 1);
      return (await rows(agent))[0]?.state;
    };
    await expect.poll(blocks, { timeout: PATIENCE, interval: 500 }).toBe('included');
    const [row, ...others] = await rows(agent);
    expect(others).toEqual([]);
    const included = (await agent.events(row?.final_receipt_id ?? '')).find(({ type }) => type === 'transaction.included');
    expect(included?.confirmations).toBeGreaterThanOrEqual(3);
    expect(await chain.client.getBalance({ address: ALICE })).toBe(60n);
    expect(await chain.client.getTransactionCount({ address: wallet })).toBe(1);
  });

  test('whose node never answers: a coded error; what was signed is sent later and ends', {
    timeout: 2 * PATIENCE,
  }, async () => {
    const chain = await startLocalChain();
    const agent = await startOwnedAgent();
    await chain.fund((await agent.config()).wallet.address!, 10n ** 18n);
    const silent = new Set(['eth_chainId']);
    const server = createServer((request, response) => {
      let body = '';
      request.on('data', (piece) => {
        body += String(piece);
      });
      request.on('end', () => {
        if (silent.has((JSON.parse(body) as { readonly method: string }).method)) return;
        fetch(chain.url, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
          .then(async (answer) => response.end(await answer.text()))
          .catch(() => response.destroy());
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    });
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    await setPolicy(agent, [url], 1);
    const refused = await pay(agent, url, 3);
    expect([refused.status, refused.body.code]).toEqual([502, 'operator/node-unreachable']);
    expect(await rows(agent)).toEqual([]);
    silent.clear();
    silent.add('eth_sendRawTransaction');
    const { status, body } = await pay(agent, url, 3);
    expect([status, body.sent]).toEqual([200, false]);
    silent.clear();
    await expect.poll(async () => (await rows(agent))[0]?.state, { timeout: PATIENCE, interval: 200 }).toBe('included');
    expect(await chain.client.getBalance({ address: ALICE })).toBe(3n);
  });
});
