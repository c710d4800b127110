/**
 * Transactions with blobs or a delegation that nodes refuse, or that another transaction of the wallet replaces: the wallet goes on
 * (spec/operator.md §12). The node stands in front of a local chain of the Prague fork.
 */

import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type Hex, hexOf, NO_DELEGATE, parseSignedTransaction } from '@assay/operator';
import { privateKeyToAccount } from 'viem/accounts';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openSecrets } from '../../packages/agent/src/operator/secrets.ts';
import { ANVIL, type LocalChain, startLocalChain } from './local-chain.ts';
import { API_KEY, type OwnedAgent, startOwnedAgent, temporary } from './owned-agent.ts';
import { acknowledgeState, setPolicy } from './owner-messages.ts';

const KEY = { authorization: `Bearer ${API_KEY}` };
const ALICE: Hex = '0x86693cbe3f2581df512635823f46f0d593d96dba';
const CODE: Hex = `0x${'c0'.repeat(20)}`;
const ONE_BLOB = {
  blobs: [`0x${'00'.repeat(131_072)}`],
  commitments: [`0x${'00'.repeat(48)}`],
  proofs: [`0x${'00'.repeat(48)}`],
};
const RULES = [
  { id: 'code', effect: 'allow', match: { delegates: [CODE, NO_DELEGATE] } },
  { id: 'eth', effect: 'allow', match: { recipients: [ALICE] }, caps: [{ asset: 'native', at_most: '100' }] },
  {
    ...{ id: 'blobs', effect: 'allow', match: { blobs: { at_most: 1, max_fee_per_blob_gas: '100' } } },
    caps: [{ asset: 'native', at_most: String(131_072 * 100) }],
  },
];

interface Answer {
  readonly code: string;
  readonly detail: string;
  readonly signed_transaction: Hex;
  readonly transaction_hash: Hex;
  readonly receipt_id: string;
  readonly nonce: number;
  readonly sent: boolean;
}
interface Row {
  readonly state: string;
  readonly reason: string | null;
  readonly nonce: number;
  readonly delegates_to: Hex | null;
}

/** What the node does with raw transactions: why it refuses one, or `null`; one that it swallows it takes and forgets. */
interface Conduct {
  refuses: (raw: Hex) => string | null;
  swallows: boolean;
}

async function nodeBefore(chain: LocalChain, conduct: Conduct): Promise<string> {
  const server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => {
      const body = Buffer.concat(pieces).toString();
      const { id, method, params } = JSON.parse(body) as { id: number; method: string; params: [Hex] };
      const why = method === 'eth_sendRawTransaction' ? conduct.refuses(params[0]) : null;
      const end = (members: object): void => void response.end(JSON.stringify({ jsonrpc: '2.0', id, ...members }));
      response.setHeader('content-type', 'application/json');
      if (why !== null) return end({ error: { code: -32_000, message: why } });
      if (method === 'eth_sendRawTransaction' && conduct.swallows) return end({ result: `0x${'22'.repeat(32)}` });
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
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

interface Stage {
  readonly agent: OwnedAgent;
  readonly chain: LocalChain;
  readonly node: string;
  readonly wallet: Hex;
  readonly conduct: Conduct;
  readonly directory: string;
}

const policyOn = ({ chain, node }: Pick<Stage, 'chain' | 'node'>, more: object = {}): object => {
  const nodes = { rpc_urls: [node], confirming_rpc_url: chain.url };
  const settings = { ...nodes, max_fee_per_gas: '20000000000', confirmations: 1, takes: ['eip4844', 'eip7702'] };
  return { v: 'assay-operator-policy/1', chains: { [chain.chainId]: { ...settings, ...more } }, rules: RULES };
};

async function stage(refuses: Conduct['refuses'], options: { manual?: boolean; swallows?: boolean } = {}): Promise<Stage> {
  const directory = temporary();
  const conduct: Conduct = { refuses, swallows: options.swallows ?? false };
  const chain = await startLocalChain({ manual: options.manual ?? false, hardfork: 'prague' });
  const node = await nodeBefore(chain, conduct);
  const agent = await startOwnedAgent({ directory });
  const wallet = (await agent.config()).wallet.address!;
  await chain.fund(wallet, 10n ** 18n);
  await setPolicy(agent, policyOn({ chain, node }));
  return { agent, chain, node, wallet, conduct, directory };
}

async function ask({ agent, node }: Pick<Stage, 'agent' | 'node'>, transaction: object): Promise<Answer> {
  const body = { transaction: { to: ALICE, value: 0, ...transaction }, rpc_url: node };
  return (await agent.post('/api/v1/sign-transaction', body, KEY)).body as Answer;
}

async function replace({ agent }: Pick<Stage, 'agent'>, hash: Hex, action: 'bump' | 'cancel'): Promise<Answer> {
  return (await agent.post('/api/v1/replace-transaction', { transaction_hash: hash, action }, KEY)).body as Answer;
}

async function rows(agent: OwnedAgent): Promise<readonly Row[]> {
  const answer = await agent.request('/api/v1/transactions', { headers: KEY });
  const { transactions } = (await answer.json()) as { transactions: readonly Row[] };
  return [...transactions].sort((a, b) => a.nonce - b.nonce);
}

/** Waits until every transaction is final, lowest nonce first. */
async function ended({ agent, chain }: Stage, manual = false): Promise<readonly Row[]> {
  for (let tries = 0; tries < 300; tries += 1) {
    const found = await rows(agent);
    if (found.every(({ state }) => ['included', 'reverted', 'replaced'].includes(state))) return found;
    if (manual) await chain.test.mine({ blocks: 1 });
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`not final after half a minute: ${JSON.stringify(await rows(agent))}`);
}

const typeOf = async ({ signed_transaction: signed }: Answer): Promise<string> => (await parseSignedTransaction(signed)).type;
const refusing = (prefix: string) => (raw: Hex) => (raw.startsWith(prefix) ? 'transaction type not supported' : null);
const blob = (more: object = {}) => ({ sidecar: ONE_BLOB, max_fee_per_blob_gas: 10, ...more });

describe.skipIf(ANVIL === null)('a transaction that no node takes', { timeout: 120_000 }, () => {
  test('with blobs is cancelled by a plain one, and what waits behind it goes on', async () => {
    const at = await stage(refusing('0x03'));
    const asked = await ask(at, blob({ value: 7 }));
    expect([asked.nonce, asked.sent]).toEqual([0, false]);
    const behind = await ask(at, { value: 3 });
    expect(behind.nonce).toBe(1);
    const cancelled = await replace(at, asked.transaction_hash, 'cancel');
    expect([cancelled.sent, await typeOf(cancelled)]).toEqual([true, 'eip1559']);
    expect(await ended(at)).toMatchObject([
      { nonce: 0, state: 'replaced', reason: 'it was cancelled' },
      { nonce: 1, state: 'included' },
    ]);
    // Nothing was paid for the blobs, so the whole cap is free.
    expect((await ask(at, blob({ max_fee_per_blob_gas: 100 }))).nonce).toBe(2);
  });

  test('the receipt of a cancellation says that no rule decided', async () => {
    const at = await stage(refusing('0x03'));
    const asked = await ask(at, blob());
    const bumped = await replace(at, asked.transaction_hash, 'bump');
    const cancelled = await replace(at, bumped.transaction_hash, 'cancel');
    const decisions = await Promise.all(
      [asked, bumped, cancelled].map(async ({ receipt_id: id }) =>
        (await at.agent.events(id)).find(({ type }) => type === 'decision.made'),
      ),
    );
    const cap = 131_072 * 100;
    const [first, second, third] = decisions as { action?: string | null }[];
    expect(first?.action).toBeNull();
    expect(second).toMatchObject({ action: 'bump', counters: [`native 0 ${131_072 * 21} ${cap}`] });
    expect(third).toMatchObject({ action: 'cancel', outcome: 'allow', rule: 'blobs', counters: [] });
  });

  test('a cancellation is replaced again: at a higher price, or in the other form when no node takes it', async () => {
    const at = await stage(() => 'no', { manual: true });
    const asked = await ask(at, blob());
    const forms: string[] = [];
    let last = asked;
    for (const action of ['cancel', 'bump', 'cancel', 'bump', 'cancel'] as const) {
      last = await replace(at, last.transaction_hash, action);
      forms.push(last.signed_transaction === undefined ? last.code : await typeOf(last));
    }
    expect(forms).toEqual(['eip1559', 'eip1559', 'eip4844', 'eip4844', 'eip1559']);
    at.conduct.refuses = () => null;
    expect(await ended(at, true)).toMatchObject([{ nonce: 0, state: 'replaced', reason: 'it was cancelled' }]);
  });

  test('an earlier cancellation that is included counts as one', async () => {
    const at = await stage(refusing('0x03'), { manual: true });
    const asked = await ask(at, blob());
    const first = await replace(at, asked.transaction_hash, 'cancel');
    expect(first.sent).toBe(true);
    at.conduct.refuses = () => 'no';
    const second = await replace(at, first.transaction_hash, 'bump');
    expect([second.nonce, second.sent]).toEqual([0, false]);
    expect(await ended(at, true)).toMatchObject([{ state: 'replaced', reason: 'it was cancelled' }]);
    expect((await ask(at, blob({ max_fee_per_blob_gas: 100 }))).nonce).toBe(1);
  });

  test('that delegates is cancelled by two plain ones, which use both nonces up', async () => {
    const at = await stage(refusing('0x04'));
    const asked = await ask(at, { delegate: CODE });
    expect([asked.nonce, asked.sent]).toEqual([0, false]);
    expect((await ask(at, { value: 3 })).nonce).toBe(2);
    const cancelled = await replace(at, asked.transaction_hash, 'cancel');
    expect([cancelled.sent, await typeOf(cancelled)]).toEqual([true, 'eip1559']);
    const signed = (await at.agent.events(cancelled.receipt_id)).filter(({ type }) => type === 'transaction.signed');
    expect(signed.map((event) => event.account_nonce)).toEqual([0, 1]);
    expect(await ended(at)).toMatchObject([
      { nonce: 0, state: 'replaced', delegates_to: null },
      { nonce: 1, state: 'included' },
      { nonce: 2, state: 'included' },
    ]);
    expect(await at.chain.client.getTransactionCount({ address: at.wallet })).toBe(3);
  });

  test('is denied before anything is signed where the policy does not say that the chain takes it', async () => {
    const at = await stage(() => null);
    await setPolicy(at.agent, policyOn(at, { takes: undefined }));
    expect((await ask(at, { delegate: CODE })).code).toBe('operator/denied');
    expect((await ask(at, blob())).code).toBe('operator/denied');
    expect(await rows(at.agent)).toEqual([]);
    expect((await ask(at, { value: 1 })).nonce).toBe(0);
  });

  test('a cancellation is held to the gas of the chain’s settings', async () => {
    const at = await stage(() => null, { manual: true });
    const asked = await ask(at, { delegate: CODE });
    expect(asked.sent).toBe(true);
    await setPolicy(at.agent, policyOn(at, { max_gas: 40_000 }));
    const refused = await replace(at, asked.transaction_hash, 'cancel');
    expect([refused.code, refused.detail]).toEqual(['operator/denied', expect.stringContaining('gas is 46000')]);
  });

  test('at most 16 with blobs wait', async () => {
    const at = await stage(refusing('0x03'));
    const few = await Promise.all(Array.from({ length: 20 }, () => ask(at, blob({ max_fee_per_blob_gas: 1 }))));
    expect(few.filter(({ signed_transaction: signed }) => signed !== undefined)).toHaveLength(16);
    expect(few.filter(({ code }) => code === 'server/busy')).toHaveLength(4);
    const first = few.find(({ nonce }) => nonce === 0);
    await replace(at, first!.transaction_hash, 'cancel');
    await expect.poll(async () => (await rows(at.agent))[0]?.state, { timeout: 30_000 }).toBe('replaced');
    expect((await ask(at, blob({ max_fee_per_blob_gas: 1 }))).nonce).toBe(16);
  });
});

describe.skipIf(ANVIL === null)('a delegation that another transaction replaced', { timeout: 120_000 }, () => {
  test.each([false, true])('uses its own nonce alone; restarted: %s', async (restarted) => {
    const at = await stage(() => null, { swallows: true });
    expect((await ask(at, { delegate: CODE })).nonce).toBe(0);
    expect((await ask(at, { value: 3 })).nonce).toBe(2);
    const kept = new Uint8Array(readFileSync(join(at.directory, 'data', 'simulated-secret')));
    const holder = privateKeyToAccount(hexOf((await openSecrets({ keptSecret: async () => kept } as never)).wallet));
    const fees = { gas: 21_000n, maxFeePerGas: 10n ** 10n, maxPriorityFeePerGas: 1n };
    const other = { chainId: at.chain.chainId, nonce: 0, to: ALICE, value: 1n, ...fees };
    await at.chain.client.sendRawTransaction({ serializedTransaction: await holder.signTransaction(other) });
    await expect.poll(async () => (await rows(at.agent))[0]?.state, { timeout: 60_000 }).toBe('replaced');
    at.conduct.swallows = false;
    if (restarted) await at.agent.agent.close();
    const again = restarted ? { ...at, agent: await startOwnedAgent({ directory: at.directory }) } : at;
    expect((await ask(again, { value: 4 })).code).toBe('operator/state-behind'); // the wallet signed it elsewhere
    await acknowledgeState(again.agent, at.chain.chainId, 1);
    expect((await ask(again, { value: 4 })).nonce).toBe(1);
    expect((await ask(again, { value: 5 })).nonce).toBe(3);
    expect((await ended(again)).map(({ state }) => state)).toEqual(['replaced', 'included', 'included', 'included']);
  });
});
