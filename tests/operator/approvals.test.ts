/** How long owners' approval of a transaction holds: once, under the policy that asked for it, and for the bumps of what it was given for. */

import type { Hex } from '@assay/operator';
import { describe, expect, test } from 'vitest';
import { ANVIL, startLocalChain } from './local-chain.ts';
import { API_KEY, startOwnedAgent, variableEntry } from './owned-agent.ts';
import { approvalOf, setPolicy } from './owner-messages.ts';

const KEY = { authorization: `Bearer ${API_KEY}` };
const ALICE: Hex = '0x86693cbe3f2581df512635823f46f0d593d96dba';
const FREE = { id: 'eth', effect: 'allow', match: { recipients: [ALICE] }, caps: [{ asset: 'native', at_most: '100' }] };
const ASKED = { ...FREE, approval: { above: '10' } };

interface Answer {
  readonly status: number;
  readonly body: { readonly code?: string; readonly approval: Hex; readonly transaction_hash: Hex };
}

async function stage(...first: readonly object[]) {
  const chain = await startLocalChain({ manual: true });
  const agent = await startOwnedAgent();
  await chain.fund((await agent.config()).wallet.address!, 10n ** 18n);
  const chains = { [chain.chainId]: { rpc_urls: [chain.url], max_fee_per_gas: '20000000000', confirmations: 1 } };
  const policy = (...rules: readonly object[]): Promise<void> =>
    setPolicy(agent, { v: 'assay-operator-policy/1', chains, rules });
  await policy(...first);
  const pay = (approval?: object, token?: object): Promise<Answer> => {
    const body = { transaction: { to: ALICE, value: 20 }, rpc_url: chain.url, approval, ...token };
    return agent.post('/api/v1/sign-transaction', body, token === undefined ? KEY : {}) as Promise<Answer>;
  };
  const bump = (hash: Hex): Promise<Answer> =>
    agent.post('/api/v1/replace-transaction', { transaction_hash: hash, action: 'bump' }, KEY) as Promise<Answer>;
  const waiting = async (): Promise<number> =>
    ((await (await agent.request('/api/v1/transactions', { headers: KEY })).json()) as { pending: unknown[] }).pending.length;
  return { agent, policy, pay, bump, waiting, approve: (hash: Hex) => approvalOf(agent, chain.chainId, hash) };
}

describe.skipIf(ANVIL === null)('an approval', { timeout: 120_000 }, () => {
  test.each([
    ['the same', ASKED],
    ['another that wants owners', { ...ASKED, approval: { above: '5' } }],
    ['one that does not', FREE],
  ])('ends with its policy, when the next is %s', async (_, next) => {
    const { policy, pay, waiting, approve } = await stage(ASKED);
    const given = await approve((await pay()).body.approval);
    expect(await waiting()).toBe(1);
    await policy(next);
    expect(await waiting()).toBe(0);
    expect((await pay(given)).body.code).toBe('operator/approval-mismatch');
    await policy(ASKED);
    expect((await pay(given)).body.code).toBe('operator/approval-mismatch');
    const again = await approve((await pay()).body.approval);
    expect((await pay(again)).status).toBe(200);
  });

  test('covers the bumps of what it was given for, under a later policy too', async () => {
    const { policy, pay, bump, approve } = await stage(ASKED);
    const { body } = await pay(await approve((await pay()).body.approval));
    await policy(ASKED);
    expect((await bump(body.transaction_hash)).status).toBe(200);
  });

  test('that was never given covers no bump, when the next policy wants one', async () => {
    const { policy, pay, bump } = await stage(FREE);
    const { body } = await pay();
    await policy(ASKED);
    expect((await bump(body.transaction_hash)).body.code).toBe('operator/denied');
    await policy(FREE);
    expect((await bump(body.transaction_hash)).status).toBe(200);
  });

  test('is used up where no rule asks for it', async () => {
    const free = { ...FREE, match: { ...FREE.match, callers: ['key'] } };
    const { agent, pay, approve } = await stage(free, { ...ASKED, id: 'others' });
    const entry = await variableEntry(await agent.config(), 'secret_token', 'a long token');
    expect((await agent.post('/api/v1/variables', { variables: [entry] }, KEY)).status).toBe(200);
    const token = { secret_token: 'a long token' };
    const given = await approve((await pay(undefined, token)).body.approval);
    expect((await pay(given)).status).toBe(200);
    expect((await pay(given, token)).body.code).toBe('operator/replayed');
  });
});
