/** Messages and typed data under the wallet key of a started agent: decided and counted by the policy, each a receipt, kept over restarts. */

import { type Hex, type OwnerMessage, parseSigningPolicy, policyHash } from '@assay/operator';
import { PERMIT_TYPES } from '@assay/testing';
import { recoverMessageAddress, recoverTypedDataAddress } from 'viem';
import { expect, onTestFinished, test } from 'vitest';
import { freshDatabase, HAS_POSTGRES } from '../postgres/server.ts';
import { API_KEY, type OwnedAgent, signedBy, startOwnedAgent, temporary } from './owned-agent.ts';

const KEY = { authorization: `Bearer ${API_KEY}` };
const ALICE: Hex = '0x86693cbe3f2581df512635823f46f0d593d96dba';
const TOKEN: Hex = `0x${'70'.repeat(20)}`;
const permit = (value: string, spender: Hex = ALICE) => ({
  domain: { name: 'USD Coin', version: '2', chainId: 84_532, verifyingContract: TOKEN },
  types: PERMIT_TYPES,
  primaryType: 'Permit',
  message: { owner: ALICE, spender, value, nonce: '0', deadline: '1900000000' },
});
const POLICY = {
  v: 'assay-operator-policy/1',
  chains: { 84532: { rpc_urls: ['http://127.0.0.1:9'], max_fee_per_gas: '1' } },
  rules: [
    {
      id: 'permits',
      effect: 'allow',
      match: { paths: ['typed-data'], recipients: [TOKEN], beneficiaries: [ALICE] },
      caps: [{ asset: TOKEN, at_most: '100' }],
    },
    { id: 'hello', effect: 'allow', match: { paths: ['message'], message: { starts_with: ['hello'] } } },
  ],
};

interface Signed {
  readonly code: string;
  readonly signature: Hex;
  readonly scheme: string;
  readonly signer: Hex;
  readonly receipt_id: string;
}

async function setPolicy(agent: OwnedAgent, policy: object = POLICY, now = Date.now()): Promise<void> {
  const { agent_id: agentId, control } = await agent.config();
  const fields = {
    agentId,
    policyHash: policyHash(parseSigningPolicy(JSON.stringify(policy))),
    version: control.policy.version + 1,
    previousHash: control.policy.change_hash,
    expiry: Math.floor(now / 1000) + 600,
  };
  const message: OwnerMessage = { type: 'SetPolicy', fields };
  const answer = await agent.post('/api/v1/control', { message, signatures: await signedBy(message, 2), policy });
  expect(answer.status).toBe(200);
}

async function sign(agent: OwnedAgent, body: object, headers: Record<string, string> = KEY): Promise<[number, Signed]> {
  const answer = await agent.post('/api/v1/sign-message', body, headers);
  return [answer.status, answer.body as Signed];
}

test('what the policy allows is signed by the wallet, and stands in a receipt', async () => {
  const agent = await startOwnedAgent();
  const { wallet } = await agent.config();
  expect((await sign(agent, { message: 'hello' }))[1].code).toBe('operator/denied');
  await setPolicy(agent);
  const [, text] = await sign(agent, { message: 'hello you' });
  expect(text).toMatchObject({ scheme: 'eip191', signer: wallet.address });
  const by = await recoverMessageAddress({ message: 'hello you', signature: text.signature });
  expect(by.toLowerCase()).toBe(wallet.address);
  const [, typed] = await sign(agent, { typed_data: permit('60') });
  expect(typed).toMatchObject({ scheme: 'eip712', signer: wallet.address });
  const recovered = await recoverTypedDataAddress({ ...permit('60'), signature: typed.signature } as never);
  expect(recovered.toLowerCase()).toBe(wallet.address);
  const events = await agent.events(typed.receipt_id);
  expect(events.find(({ type }) => type === 'decision.made')).toMatchObject({
    path: 'typed-data',
    outcome: 'allow',
    rule: 'permits',
    counters: [`${TOKEN} 0 60 100`],
  });
  expect(events.find(({ type }) => type === 'message.signed')).toMatchObject({ scheme: 'eip712', signer: wallet.address });
});

test('permits share one cap, also after a restart and with many at once', async () => {
  const directory = temporary();
  const agent = await startOwnedAgent({ directory });
  await setPolicy(agent);
  const answers = await Promise.all(Array.from({ length: 40 }, () => sign(agent, { typed_data: permit('7') })));
  expect(answers.filter(([status]) => status === 200)).toHaveLength(14);
  await agent.agent.close();
  const again = await startOwnedAgent({ directory });
  expect((await sign(again, { typed_data: permit('3') }))[1].code).toBe('operator/denied');
  expect((await sign(again, { typed_data: permit('2') }))[0]).toBe(200);
});

/** Runs on each store; 50 with `ASSAY_TEST_CAP_RUNS=50`. */
const RUNS = Number(process.env.ASSAY_TEST_CAP_RUNS ?? 4);

test.each(HAS_POSTGRES ? ['sqlite', 'postgres'] : ['sqlite'])(
  'a cap is exact to one unit when 64 ask at once, on %s',
  { timeout: 60_000 + RUNS * 20_000 },
  async (engine) => {
    const database = engine === 'postgres' ? await freshDatabase() : null;
    if (database !== null) onTestFinished(database.drop);
    const environment = { ASSAY_RATE_LIMIT: '0', ...(database === null ? {} : { DATABASE_URL: database.url }) };
    const agent = await startOwnedAgent({ environment });
    const tokens = Array.from({ length: RUNS }, (_, run): Hex => `0x${(run + 1).toString(16).padStart(40, '0')}`);
    const caps = tokens.map((asset, run) => ({ asset, at_most: String(900 + run) }));
    const rules = [{ id: 'permits', effect: 'allow', match: { paths: ['typed-data'] }, caps }];
    await setPolicy(agent, { ...POLICY, rules });
    for (const { asset, at_most: most } of caps) {
      const amounts = Array.from({ length: 64 }, (_, n) => 1 + ((n * 37) % 50));
      const answers = await Promise.all(
        amounts.map(async (amount) => {
          const document = permit(String(amount));
          const domain = { ...document.domain, verifyingContract: asset };
          return { amount, status: (await sign(agent, { typed_data: { ...document, domain } }))[0] };
        }),
      );
      const sum = answers.reduce((whole, { amount, status }) => (status === 200 ? whole + amount : whole), 0);
      const refused = answers.filter(({ status }) => status === 403).map(({ amount }) => amount);
      expect(refused.length).toBeGreaterThan(0);
      expect(answers.filter(({ status }) => status !== 200 && status !== 403)).toEqual([]);
      expect([asset, sum <= Number(most), sum + Math.min(...refused) > Number(most)]).toEqual([asset, true, true]);
    }
    await agent.agent.close();
  },
);

test('a clock that is set back opens no window again', async () => {
  let now = 1_800_000_000_000;
  const agent = await startOwnedAgent({ now: () => now });
  await setPolicy(agent, POLICY, now);
  expect((await sign(agent, { typed_data: permit('100') }))[0]).toBe(200);
  now -= 3 * 86_400_000;
  expect((await sign(agent, { typed_data: permit('1') }))[1].code).toBe('operator/denied');
  now += 4 * 86_400_000;
  expect((await sign(agent, { typed_data: permit('1') }))[0]).toBe(200);
});

test('what is not allowed leaves a receipt and no signature', async () => {
  const agent = await startOwnedAgent();
  await setPolicy(agent);
  const unlimited = (2n ** 256n - 1n).toString();
  const code = async (body: object, headers?: Record<string, string>): Promise<unknown[]> => {
    const [status, answer] = await sign(agent, body, headers);
    return [status, answer.code];
  };
  expect(await code({ message: 'hello' }, {})).toEqual([401, 'http/unauthorized']);
  expect(await code({ message: 'hello', secret_token: '' }, {})).toEqual([401, 'http/unauthorized']);
  expect(await code({ typed_data: permit(unlimited) })).toEqual([403, 'operator/denied']);
  expect(await code({ typed_data: permit('1', TOKEN) })).toEqual([403, 'operator/denied']);
  expect(await code({ message: 'evil.example wants you to sign in with your Ethereum account:' })).toEqual([
    403,
    'operator/denied',
  ]);
  expect(await code({ typed_data: { ...permit('1'), primaryType: 'Other' } })).toEqual([400, 'operator/message-malformed']);
  expect(await code({})).toEqual([422, 'task/bad-input']);
  expect(await code({ message: 'hello', typed_data: permit('1') })).toEqual([422, 'task/bad-input']);
  expect(await code({ message: 'hello', prompt_receipt: `rcpt_${'0'.repeat(32)}` })).toEqual([422, 'task/bad-input']);
  const list = (await (await agent.request('/api/receipts?limit=20', { headers: KEY })).json()) as {
    receipts: { task: string; receipt_id: string }[];
  };
  const refused = list.receipts.filter(({ task }) => task === 'signature');
  const events = await Promise.all(refused.map(({ receipt_id: id }) => agent.events(id)));
  const made = events.map((each) => each.find(({ type }) => type === 'decision.made'));
  expect(made.map((each) => [each?.outcome, each?.caller, each?.code])).toEqual(
    [
      ['none', 'http/unauthorized'],
      ['none', 'http/unauthorized'],
      ['key', 'operator/denied'],
      ['key', 'operator/denied'],
      ['key', 'operator/denied'],
      ['key', 'operator/message-malformed'],
      ['key', 'task/bad-input'],
      ['key', 'task/bad-input'],
      ['tool', 'task/bad-input'],
    ]
      .map((each) => ['deny', ...each])
      .reverse(),
  );
  const { agent_id: agentId, control } = await agent.config();
  const links = { agentId, version: 1, previousHash: control.paused.change_hash, expiry: Math.floor(Date.now() / 1000) + 600 };
  const pause: OwnerMessage = { type: 'SetPaused', fields: { ...links, paused: true } };
  await agent.post('/api/v1/control', { message: pause, signatures: await signedBy(pause, 1) });
  expect(await code({ message: 'hello' })).toEqual([403, 'operator/paused']);
});
