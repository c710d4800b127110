/** Fee bumps and cancellation on a local chain: one nonce, counted once, ended by whichever signature is included. */

import { type Hex, type OwnerMessage, parseSignedTransaction } from '@assay/operator';
import { describe, expect, test } from 'vitest';
import { ANVIL, type LocalChain, startLocalChain } from './local-chain.ts';
import { nodeBefore } from './node-before.ts';
import { API_KEY, type OwnedAgent, signedBy, startOwnedAgent } from './owned-agent.ts';
import { setPolicy } from './owner-messages.ts';

const KEY = { authorization: `Bearer ${API_KEY}` };
const ALICE: Hex = '0x86693cbe3f2581df512635823f46f0d593d96dba';
const DAY_MS = 86_400_000;
const MAX_FEE = 20_000_000_000n;

interface Answer {
  readonly code: string;
  readonly sent: boolean;
  readonly signed_transaction: Hex;
  readonly transaction_hash: Hex;
  readonly receipt_id: string;
  readonly nonce: number;
}
interface Row {
  readonly state: string;
  readonly reason: string | null;
  readonly transaction_hash: Hex;
  readonly final_receipt_id: string | null;
}

const ETH = { id: 'eth', effect: 'allow', match: { recipients: [ALICE] }, caps: [{ asset: 'native', at_most: '100' }] };
interface Nodes {
  readonly chain: LocalChain;
  /** Another node of the same chain. */
  readonly second: string;
}
const policyOn = ({ chain, second }: Nodes, rules: readonly object[], maxFee = MAX_FEE): object => {
  const nodes = { rpc_urls: [chain.url], confirming_rpc_url: second };
  return {
    v: 'assay-operator-policy/1',
    chains: { [chain.chainId]: { ...nodes, max_fee_per_gas: String(maxFee), confirmations: 1 } },
    rules,
  };
};

async function waitingPayment(now?: () => number): Promise<Nodes & { readonly agent: OwnedAgent; readonly paid: Answer }> {
  const chain = await startLocalChain({ manual: true });
  const second = await nodeBefore(chain);
  const agent = await startOwnedAgent(now === undefined ? {} : { now });
  await chain.fund((await agent.config()).wallet.address!, 10n ** 18n);
  await setPolicy(agent, policyOn({ chain, second }, [ETH]));
  const paid = await pay(agent, chain, 60);
  expect(paid).toMatchObject({ sent: true, nonce: 0 });
  return { agent, chain, second, paid };
}

async function pay(agent: OwnedAgent, chain: LocalChain, value: number): Promise<Answer> {
  const body = { transaction: { to: ALICE, value }, rpc_url: chain.url };
  return (await agent.post('/api/v1/sign-transaction', body, KEY)).body as Answer;
}

async function replace(agent: OwnedAgent, body: object, headers: Record<string, string> = KEY): Promise<[number, Answer]> {
  const answer = await agent.post('/api/v1/replace-transaction', body, headers);
  return [answer.status, answer.body as Answer];
}

async function listed(agent: OwnedAgent): Promise<readonly Row[]> {
  const answer = await agent.request('/api/v1/transactions', { headers: KEY });
  return ((await answer.json()) as { transactions: Row[] }).transactions;
}

async function ended(agent: OwnedAgent, chain: LocalChain): Promise<readonly Row[]> {
  for (let tries = 0; tries < 300; tries += 1) {
    const transactions = await listed(agent);
    if (transactions.every(({ state }) => ['included', 'replaced'].includes(state))) return transactions;
    await chain.test.mine({ blocks: 1 });
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('a transaction is not final after half a minute');
}

describe.skipIf(ANVIL === null)('a transaction that waits', { timeout: 120_000 }, () => {
  test('is paid more for: the same nonce, counted once', async () => {
    const { agent, chain, paid } = await waitingPayment();
    const [status, bumped] = await replace(agent, { transaction_hash: paid.transaction_hash, action: 'bump' });
    expect([status, bumped]).toEqual([200, expect.objectContaining({ sent: true, nonce: 0 })]);
    const [before, after] = await Promise.all(
      [paid, bumped].map(({ signed_transaction: signed }) => parseSignedTransaction(signed)),
    );
    expect(after!.feePerGas * 10n).toBeGreaterThanOrEqual(before!.feePerGas * 11n);
    expect(after).toMatchObject({ to: before!.to, value: before!.value, nonce: before!.nonce });
    expect((await pay(agent, chain, 41)).code).toBe('operator/denied');
    expect((await pay(agent, chain, 40)).nonce).toBe(1);
    const rows = await ended(agent, chain);
    expect(rows.map(({ state }) => state)).toEqual(['included', 'included']);
    expect(rows[1]?.transaction_hash).toBe(bumped.transaction_hash);
    expect(await chain.client.getBalance({ address: ALICE })).toBe(100n);
    const signed = (await agent.events(bumped.receipt_id)).find(({ type }) => type === 'transaction.signed');
    expect(signed).toMatchObject({ action: 'bump', replaces: paid.transaction_hash });
  });

  test('counts in every window until it ends, and for one window from then on', async () => {
    let now = Date.now();
    const { agent, chain } = await waitingPayment(() => now);
    now += 3 * DAY_MS;
    expect((await pay(agent, chain, 41)).code).toBe('operator/denied');
    const [row] = await ended(agent, chain);
    expect(row?.state).toBe('included');
    now += DAY_MS / 2;
    expect((await pay(agent, chain, 41)).code).toBe('operator/denied');
    now += DAY_MS;
    expect((await pay(agent, chain, 41)).nonce).toBe(1);
  });

  test('is bumped under the policy that is in force then', async () => {
    const { agent, chain, second, paid } = await waitingPayment();
    const bump = (hash = paid.transaction_hash) => replace(agent, { transaction_hash: hash, action: 'bump' });
    const others = { ...ETH, match: { recipients: [`0x${'b0'.repeat(20)}`] } };
    const never = { id: 'never', effect: 'deny', match: { recipients: [ALICE] } };
    const less = { ...ETH, caps: [{ asset: 'native', at_most: '59' }] };
    const { feePerGas } = await parseSignedTransaction(paid.signed_transaction);
    for (const [rules, maxFee, rule] of [
      [[], MAX_FEE, null],
      [[others], MAX_FEE, null],
      [[ETH, never], MAX_FEE, 'never'],
      [[less], MAX_FEE, 'eth'],
      [[ETH], feePerGas, null],
    ] as const) {
      await setPolicy(agent, policyOn({ chain, second }, rules, maxFee));
      const [status, { code }] = await bump();
      expect([status, code]).toEqual([403, 'operator/denied']);
      const { policy } = (await agent.config()).control;
      const list = (await (await agent.request('/api/receipts?limit=1', { headers: KEY })).json()) as {
        receipts: { receipt_id: string }[];
      };
      const events = await agent.events(list.receipts[0]!.receipt_id);
      expect(events.find(({ type }) => type === 'decision.made')).toMatchObject({
        ...{ outcome: 'deny', rule, policy: policy.policy_hash, policy_version: policy.version },
      });
    }
    const renamed = { ...ETH, id: 'new', caps: [{ asset: 'native', at_most: '70' }] };
    await setPolicy(agent, policyOn({ chain, second }, [renamed]));
    const [status, bumped] = await bump();
    expect([status, bumped.nonce]).toEqual([200, 0]);
    const events = await agent.events(bumped.receipt_id);
    expect(events.find(({ type }) => type === 'decision.made')).toMatchObject({
      ...{ outcome: 'allow', rule: 'new', policy_version: 7, counters: ['native 0 60 70'] },
    });
    // It counts under the new rule, once.
    expect((await pay(agent, chain, 11)).code).toBe('operator/denied');
    expect((await pay(agent, chain, 10)).nonce).toBe(1);
    await ended(agent, chain);
  });

  test('is cancelled: nothing is paid, and what it counted is free when two nodes show the empty one in the chain', async () => {
    const { agent, chain, paid } = await waitingPayment();
    const [, cancelled] = await replace(agent, { transaction_hash: paid.transaction_hash, action: 'cancel' });
    expect(cancelled).toMatchObject({ sent: true, nonce: 0 });
    expect((await pay(agent, chain, 41)).code).toBe('operator/denied');
    const [, again] = await replace(agent, { transaction_hash: cancelled.transaction_hash, action: 'bump' });
    expect(await parseSignedTransaction(again.signed_transaction)).toMatchObject({ nonce: 0, value: 0n });
    const [row] = await ended(agent, chain);
    expect(row).toMatchObject({ state: 'replaced', reason: 'it was cancelled' });
    const event = (await agent.events(row!.final_receipt_id!)).find(({ type }) => type === 'transaction.replaced');
    expect(event).toMatchObject({ transaction_id: paid.transaction_hash, replaced_by: again.transaction_hash });
    expect((await pay(agent, chain, 100)).nonce).toBe(1);
    await ended(agent, chain);
    expect(await chain.client.getBalance({ address: ALICE })).toBe(100n);
  });

  test('that is included before its cancellation counts as it was', async () => {
    const { agent, chain, paid } = await waitingPayment();
    await chain.test.dropTransaction({ hash: paid.transaction_hash });
    const [, cancelled] = await replace(agent, { transaction_hash: paid.transaction_hash, action: 'cancel' });
    // Until it is written down as sent the agent sends it again at its next look; it pays more and would take the other's place.
    const own = async (): Promise<Row | undefined> =>
      (await listed(agent)).find(({ transaction_hash: hash }) => hash === cancelled.transaction_hash);
    await expect.poll(async () => (await own())?.state).toBe('sent');
    await chain.test.dropTransaction({ hash: cancelled.transaction_hash });
    await chain.client.request({ method: 'eth_sendRawTransaction', params: [paid.signed_transaction] });
    await chain.test.mine({ blocks: 1 });
    const [row] = await ended(agent, chain);
    expect(row?.state).toBe('included');
    expect((await pay(agent, chain, 41)).code).toBe('operator/denied');
  });

  test('bad replacements are refused, and sign nothing', async () => {
    const { agent, paid } = await waitingPayment();
    const hash = paid.transaction_hash;
    const code = async (body: object, headers?: Record<string, string>): Promise<string> =>
      (await replace(agent, body, headers))[1].code;
    expect(await code({ transaction_hash: hash, action: 'bump' }, {})).toBe('http/unauthorized');
    expect(await code({ transaction_hash: `0x${'12'.repeat(32)}`, action: 'bump' })).toBe('task/bad-input');
    expect(await code({ transaction_hash: hash, action: 'change' })).toBe('task/bad-input');
    expect(await code({ transaction_hash: hash, action: 'bump', fee_per_gas: '1' })).toBe('task/bad-input');
    expect(await code({ transaction_hash: hash, action: 'bump', fee_per_gas: String(MAX_FEE + 1n) })).toBe('operator/denied');
    expect(await code({ transaction_hash: hash, action: 'cancel', fee_per_gas: String(MAX_FEE + 1n) })).toBe('operator/denied');
    const { agent_id: agentId, control } = await agent.config();
    const links = {
      agentId,
      version: 1,
      previousHash: control.paused.change_hash,
      expiry: Math.floor(Date.now() / 1000) + 600,
    };
    const pause: OwnerMessage = { type: 'SetPaused', fields: { ...links, paused: true } };
    await agent.post('/api/v1/control', { message: pause, signatures: await signedBy(pause, 1) });
    expect(await code({ transaction_hash: hash, action: 'bump' })).toBe('operator/paused');
  });
});
