/** Owners, policy, variables and wallet on PostgreSQL, with two agents on one database: what one writes holds for the other, caps stay exact. */

import { type Hex, type OwnerMessage, parseSigningPolicy, policyHash } from '@assay/operator';
import { describe, expect, onTestFinished, test } from 'vitest';
import { freshDatabase, HAS_POSTGRES } from '../postgres/server.ts';
import { ANVIL, startLocalChain } from './local-chain.ts';
import { nodeBefore } from './node-before.ts';
import { API_KEY, type OwnedAgent, signedBy, startOwnedAgent, temporary, variableEntry } from './owned-agent.ts';
import { setPolicy } from './owner-messages.ts';

const KEY = { authorization: `Bearer ${API_KEY}` };
const ALICE: Hex = '0x86693cbe3f2581df512635823f46f0d593d96dba';

interface Answer {
  readonly code?: string;
  readonly nonce: number;
}

async function twoAgents(): Promise<{
  agents: readonly [OwnedAgent, OwnedAgent];
  directory: string;
  environment: Record<string, string>;
}> {
  const { url, drop } = await freshDatabase();
  onTestFinished(drop); // after the agents are closed
  const directory = temporary();
  const environment = { DATABASE_URL: url, ASSAY_RATE_LIMIT: '0' };
  const first = await startOwnedAgent({ directory, environment });
  const second = await startOwnedAgent({ directory, environment });
  return { agents: [first, second], directory, environment };
}

async function control(agent: OwnedAgent, message: OwnerMessage, count: number, policy?: object): Promise<number> {
  const signatures = await signedBy(message, count);
  return (await agent.post('/api/v1/control', { message, signatures, ...(policy === undefined ? {} : { policy }) })).status;
}

describe.skipIf(!HAS_POSTGRES)('two agents on one database', { timeout: 120_000 }, () => {
  test('are one agent: variables of one are those of the other, and of the next start', async () => {
    const { agents, directory, environment } = await twoAgents();
    const [first, second] = agents;
    const [one, two] = [await first.config(), await second.config()];
    expect(two.agent_id).toBe(one.agent_id);
    expect(two.wallet).toEqual(one.wallet);
    const set = async (agent: OwnedAgent, value: string): Promise<number> => {
      const variables = [await variableEntry(await agent.config(), 'greeting', value)];
      return (await agent.post('/api/v1/variables', { variables })).status;
    };
    const seen = async (agent: OwnedAgent): Promise<unknown> => (await agent.request('/api/v1/variables?name=greeting')).json();
    expect(await set(first, 'from the first')).toBe(200);
    expect(await seen(second)).toBe('from the first');
    expect(await set(second, 'from the second')).toBe(200);
    expect(await seen(first)).toBe('from the second');
    // The same version twice: one of them wins.
    const config = await first.config();
    const rivals = await Promise.all(['a', 'b'].map((value) => variableEntry(config, 'greeting', value)));
    const answers = await Promise.all(agents.map((agent, n) => agent.post('/api/v1/variables', { variables: [rivals[n]] })));
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 409]);
    const winner = await seen(first);
    expect(await seen(second)).toBe(winner);
    await Promise.all(agents.map(({ agent }) => agent.close()));
    const again = await startOwnedAgent({ directory, environment });
    expect(await seen(again)).toBe(winner);
  });

  test.skipIf(ANVIL === null)('spend at most one cap together, and use each nonce once', async () => {
    const chain = await startLocalChain();
    const { agents } = await twoAgents();
    const [first, second] = agents;
    const { agent_id: agentId, control: at, wallet } = await first.config();
    await chain.fund(wallet.address!, 10n ** 18n);
    const policy = {
      v: 'assay-operator-policy/1',
      chains: { [chain.chainId]: { rpc_urls: [chain.url], max_fee_per_gas: '20000000000', confirmations: 1 } },
      rules: [{ id: 'eth', effect: 'allow', match: { recipients: [ALICE] }, caps: [{ asset: 'native', at_most: '100' }] }],
    };
    const expiry = Math.floor(Date.now() / 1000) + 600;
    const links = { agentId, version: 1, expiry };
    const hash = policyHash(parseSigningPolicy(JSON.stringify(policy)));
    const fields = { ...links, policyHash: hash, previousHash: at.policy.change_hash };
    expect(await control(first, { type: 'SetPolicy', fields }, 2, policy)).toBe(200);
    const pay = async (agent: OwnedAgent, value = 7): Promise<Answer> => {
      const body = { transaction: { to: ALICE, value }, rpc_url: chain.url };
      return (await agent.post('/api/v1/sign-transaction', body, KEY)).body as Answer;
    };
    const answers: Answer[] = [];
    // Few at a time: each write of one agent makes the other read again.
    const caller = async (agent: OwnedAgent): Promise<void> => {
      for (let n = 0; n < 10; n += 1) answers.push(await pay(agent));
    };
    await Promise.all([caller(first), caller(second)]);
    const nonces = answers.filter(({ code }) => code === undefined).map(({ nonce }) => nonce);
    expect(nonces.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 14 }, (_, n) => n));
    expect(answers.flatMap(({ code }) => code ?? [])).toEqual(Array(6).fill('operator/denied'));
    const pause: OwnerMessage = { type: 'SetPaused', fields: { ...links, paused: true, previousHash: at.paused.change_hash } };
    expect(await control(second, pause, 1)).toBe(200);
    // Within the cap: what the first decides before it reads the pause cannot be written.
    expect((await pay(first, 2)).code).toBe('operator/paused');
  });

  test.skipIf(ANVIL === null)('know each other’s transactions, although the chain shows one before they are read', async () => {
    const chain = await startLocalChain();
    const { agents } = await twoAgents();
    const [first, second] = agents;
    const address = (await first.config()).wallet.address!;
    await chain.fund(address, 10n ** 18n);
    let asked = (): void => undefined;
    const isAsked = new Promise<void>((resolve) => {
      asked = resolve;
    });
    let answer = (): void => undefined;
    const mayAnswer = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const slow = await nodeBefore(chain, {
      eth_getTransactionCount: () => {
        asked();
        return mayAnswer;
      },
    });
    await setPolicy(first, {
      v: 'assay-operator-policy/1',
      chains: { [chain.chainId]: { rpc_urls: [chain.url, slow], max_fee_per_gas: '20000000000', confirmations: 1 } },
      rules: [{ id: 'eth', effect: 'allow', match: { recipients: [ALICE] }, caps: [{ asset: 'native', at_most: '100' }] }],
    });
    const pay = async (agent: OwnedAgent, node: string): Promise<Answer> => {
      const body = { transaction: { to: ALICE, value: 7 }, rpc_url: node };
      return (await agent.post('/api/v1/sign-transaction', body, KEY)).body as Answer;
    };
    const late = pay(second, slow);
    await isAsked;
    expect((await pay(first, chain.url)).nonce).toBe(0);
    await expect.poll(() => chain.client.getTransactionCount({ address })).toBe(1);
    answer();
    expect(await late).toMatchObject({ nonce: 1 });
  });
});
