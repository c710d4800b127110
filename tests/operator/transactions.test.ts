/** Transactions against a real local chain: the seed's requests, caps under concurrency, approvals, and what goes wrong. */

import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { type Hex, type OwnerMessage, parseSignedTransaction, parseSigningPolicy, policyHash } from '@assay/operator';
import { getContractAddress, keccak256 } from 'viem';
import { describe, expect, test } from 'vitest';
import { type ApiDocument, apiChecker } from '../e2e/openapi-answers.ts';
import { ANVIL, type LocalChain, startLocalChain } from './local-chain.ts';
import {
  API_KEY,
  MANIFEST,
  OPERATOR_KEY,
  OPERATOR_PUBLIC_KEY,
  type OwnedAgent,
  signedBy,
  startOwnedAgent,
  temporary,
  variableEntry,
} from './owned-agent.ts';

const KEY = { authorization: `Bearer ${API_KEY}` };
const ALICE: Hex = '0x86693cbe3f2581df512635823f46f0d593d96dba';
const TOKEN: Hex = '0x1c23a3912247f104d707dfef41f4b7842b241d4b';
const ETHER = 10n ** 18n;

interface Signed {
  readonly signed_transaction: Hex;
  readonly transaction_hash: Hex;
  readonly receipt_id: string;
  readonly nonce: number;
  readonly sent: boolean;
  readonly code: string;
  readonly detail: string;
  readonly approval: Hex;
}
interface Listed {
  readonly transactions: readonly {
    readonly transaction_hash: Hex;
    readonly state: string;
    readonly nonce: number;
    readonly final_receipt_id: string | null;
  }[];
  readonly pending: readonly { readonly hash: Hex }[];
}

const policyFor = (chain: LocalChain, rules: readonly object[], more: object = {}): object => ({
  v: 'assay-operator-policy/1',
  chains: { [chain.chainId]: { rpc_urls: [chain.url], max_fee_per_gas: '20000000000', confirmations: 1, ...more } },
  rules,
});
const ETH = { id: 'eth', effect: 'allow', match: { recipients: [ALICE] }, caps: [{ asset: 'native', at_most: '100' }] };

async function setPolicy(agent: OwnedAgent, policy: object): Promise<void> {
  const { agent_id: agentId, control } = await agent.config();
  const hash = policyHash(parseSigningPolicy(JSON.stringify(policy)));
  const links = { version: control.policy.version + 1, previousHash: control.policy.change_hash };
  const expiry = Math.floor(Date.now() / 1000) + 600;
  const message: OwnerMessage = { type: 'SetPolicy', fields: { agentId, policyHash: hash, ...links, expiry } };
  const { status, body } = await agent.post('/api/v1/control', { message, signatures: await signedBy(message, 2), policy });
  expect([status, body]).toEqual([200, expect.anything()]);
}

async function fundedAgent(
  rules: readonly object[],
  options: { manifest?: object; directory?: string; chain?: object } = {},
): Promise<{ agent: OwnedAgent; chain: LocalChain; wallet: Hex }> {
  const chain = await startLocalChain();
  const agent = await startOwnedAgent(options);
  const wallet = (await agent.config()).wallet.address!;
  await chain.fund(wallet, ETHER);
  await setPolicy(agent, policyFor(chain, rules, options.chain));
  return { agent, chain, wallet };
}

async function pay(agent: OwnedAgent, chain: LocalChain, transaction: object = {}, more: object = {}, headers: object = KEY) {
  const body = { transaction: { to: ALICE, value: 3, ...transaction }, rpc_url: chain.url, ...more };
  const answer = await agent.post('/api/v1/sign-transaction', body, headers as Record<string, string>);
  return { status: answer.status, body: answer.body as Signed };
}

async function listed(agent: OwnedAgent): Promise<Listed> {
  return (await (await agent.request('/api/v1/transactions', { headers: KEY })).json()) as Listed;
}

/** Waits until every transaction is final. */
async function settled(agent: OwnedAgent): Promise<Listed['transactions']> {
  for (let tries = 0; tries < 300; tries += 1) {
    const { transactions } = await listed(agent);
    if (transactions.every(({ state }) => ['included', 'reverted', 'replaced'].includes(state))) return transactions;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('a transaction is not final after 30 seconds');
}

/** Codes of refused transactions, as their receipts say, newest first. */
async function refusals(agent: OwnedAgent): Promise<readonly unknown[]> {
  const list = (await (await agent.request('/api/receipts?limit=200', { headers: KEY })).json()) as {
    receipts: { task: string; receipt_id: string }[];
  };
  const found: unknown[] = [];
  for (const { receipt_id: id } of list.receipts.filter((each) => each.task === 'transaction')) {
    const code = (await agent.events(id)).find(({ type }) => type === 'decision.made')?.code;
    if (code !== undefined) found.push(code);
  }
  return found;
}

describe.skipIf(ANVIL === null)('on a local chain', () => {
  test("the seed's two requests work as written in compatibility mode: legacy transactions, signed and sent", async () => {
    const token = {
      id: 'token',
      effect: 'allow',
      match: { recipients: [TOKEN] },
      caps: [{ asset: TOKEN, at_most: '5000000000000' }],
    };
    const manifest = { ...MANIFEST, compatibility: { operator_public_key: OPERATOR_PUBLIC_KEY } };
    const { agent, chain, wallet } = await fundedAgent([ETH, token], { manifest });
    const eth = { to: '0x86693CbE3f2581DF512635823F46f0d593D96dbA', value: 3, data: '0x' };
    const erc20 = {
      to: '0x1c23A3912247f104D707dfEf41F4B7842B241d4B',
      value: 0,
      data: '0xa9059cbb00000000000000000000000000693cbe3f2581df512635823f46f0d593d96dba0000000000000000000000000000000000000000000000000000048c27395000',
      gas: 60000,
    };
    for (const [nonce, transaction] of [eth, erc20].entries()) {
      const { status, body } = await pay(agent, chain, transaction);
      expect([status, body.sent]).toEqual([200, true]);
      const signed = await parseSignedTransaction(body.signed_transaction);
      expect(signed).toMatchObject({ type: 'legacy', chainId: 84_532, from: wallet, nonce, hash: body.transaction_hash });
    }
    expect((await settled(agent)).map(({ state }) => state)).toEqual(['included', 'included']);
    expect(await chain.client.getBalance({ address: ALICE })).toBe(3n);
    const [, first] = await settled(agent);
    const story = await agent.events(first!.final_receipt_id!);
    expect(story.find(({ type }) => type === 'transaction.included')).toMatchObject({
      transaction_id: first!.transaction_hash,
      success: true,
    });
  });

  test('without key and token nothing is signed; an empty token is none', async () => {
    const { agent, chain } = await fundedAgent([ETH]);
    for (const more of [{}, { secret_token: '' }, { secret_token: 'guess' }]) {
      const { status, body } = await pay(agent, chain, {}, more, {});
      expect([status, body.detail]).toEqual([401, 'Invalid secret token']);
    }
    const entry = await variableEntry(await agent.config(), 'secret_token', 'a long token');
    expect((await agent.post('/api/v1/variables', { variables: [entry] })).status).toBe(200);
    expect((await pay(agent, chain, {}, { secret_token: 'a long token' }, {})).status).toBe(200);
    expect((await pay(agent, chain, {}, { secret_token: '' }, {})).status).toBe(401);
    const missing = await agent.post('/api/v1/sign-transaction', { rpc_url: chain.url }, KEY);
    expect([missing.status, (missing.body as Signed).detail]).toEqual([422, 'Missing transaction data']);
    expect(await refusals(agent)).toEqual(['task/bad-input', ...Array.from({ length: 4 }, () => 'http/unauthorized')]);
  });

  test('the cap holds to one wei under 64 requests at once; nonces have no gap; each decision is a receipt', async () => {
    const { agent, chain, wallet } = await fundedAgent([ETH]);
    const answers = await Promise.all(Array.from({ length: 64 }, () => pay(agent, chain, { value: 7 })));
    const signed = answers.filter(({ status }) => status === 200);
    expect(signed).toHaveLength(14); // 98 of 100 wei
    expect(answers.filter(({ body }) => body.code === 'operator/denied')).toHaveLength(50);
    expect(signed.map(({ body }) => body.nonce).sort((a, b) => a - b)).toEqual(Array.from({ length: 14 }, (_, n) => n));
    expect((await pay(agent, chain, { value: 3 })).body.code).toBe('operator/denied');
    expect((await pay(agent, chain, { value: 2 })).status).toBe(200);
    await settled(agent);
    expect(await chain.client.getBalance({ address: ALICE })).toBe(100n);
    expect(await chain.client.getTransactionCount({ address: wallet })).toBe(15);
    const list = (await (await agent.request('/api/receipts?limit=200', { headers: KEY })).json()) as {
      receipts: { task: string; receipt_id: string }[];
    };
    const decisions = list.receipts.filter(({ task }) => task === 'transaction');
    expect(decisions).toHaveLength(66);
    const events = await agent.events(
      answers.find(({ status }) => status === 403)!.body === undefined ? '' : decisions[2]!.receipt_id,
    );
    expect(events.find(({ type }) => type === 'decision.made')).toMatchObject({
      outcome: 'deny',
      rule: 'eth',
      policy_version: 1,
    });
    const allowed = await agent.events(signed[0]!.body.receipt_id);
    expect(allowed.find(({ type }) => type === 'decision.made')).toMatchObject({
      outcome: 'allow',
      rule: 'eth',
      caller: 'key',
    });
    expect(allowed.find(({ type }) => type === 'transaction.signed')).toMatchObject({
      from: wallet,
      transaction_id: signed[0]!.body.transaction_hash,
    });
  });

  test('an idempotency key signs once, also at the same time, and refuses another body', async () => {
    const { agent, chain } = await fundedAgent([ETH]);
    const headers = { ...KEY, 'idempotency-key': 'order-1' };
    const answers = await Promise.all([1, 2, 3].map(() => pay(agent, chain, {}, {}, headers)));
    expect(new Set(answers.map(({ body }) => body.transaction_hash)).size).toBe(1);
    expect((await pay(agent, chain, {}, {}, headers)).body.transaction_hash).toBe(answers[0]!.body.transaction_hash);
    const other = await pay(agent, chain, { value: 4 }, {}, headers);
    expect([other.status, other.body.code]).toEqual([409, 'operator/idempotency-mismatch']);
    expect((await listed(agent)).transactions).toHaveLength(1);
    expect(await refusals(agent)).toEqual(['operator/idempotency-mismatch']);
  });

  test('owners approve a large payment once, and no other', async () => {
    const { agent, chain } = await fundedAgent([{ ...ETH, approval: { above: '10' } }]);
    const check = apiChecker((await (await agent.request('/openapi.json')).json()) as ApiDocument);
    for (const [value, status] of [
      [1, 200],
      [19, 202],
    ]) {
      const body = JSON.stringify({ transaction: { to: ALICE, value }, rpc_url: chain.url });
      const init = { method: 'POST', headers: { ...KEY, 'content-type': 'application/json' }, body };
      const answer = await agent.request('/api/v1/sign-transaction', init);
      expect([answer.status, await check.answer('POST /api/v1/sign-transaction', answer)]).toEqual([status, []]);
    }
    const asked = await pay(agent, chain, { value: 20 });
    expect(asked.status).toBe(202);
    expect((await listed(agent)).pending.map(({ hash }) => hash)).toContain(asked.body.approval);
    const added = await agent.post('/api/operator/keys', { name: 'other' }, { 'x-operator-key': OPERATOR_KEY });
    const other = { authorization: `Bearer ${(added.body as { key: string }).key}` };
    const seen = await agent.request('/api/v1/transactions', { headers: other });
    expect(await seen.json()).toMatchObject({ transactions: [], pending: [] });
    const { agent_id: agentId } = await agent.config();
    const fields = {
      agentId,
      chainId: chain.chainId,
      transactionHash: asked.body.approval,
      expiry: Math.floor(Date.now() / 1000) + 600,
    };
    const message: OwnerMessage = { type: 'ApproveTransaction', fields };
    const approval = { message, signatures: await signedBy(message, 2) };
    const refused = async (transaction: object, given: object): Promise<string> =>
      (await pay(agent, chain, transaction, { approval: given })).body.code;
    expect(await refused({ value: 21 }, approval)).toBe('operator/approval-mismatch');
    expect(await refused({ value: 20 }, { message, signatures: approval.signatures.slice(0, 1) })).toBe(
      'operator/too-few-signers',
    );
    expect(await refused({ value: 20 }, { message, signatures: [approval.signatures[0], approval.signatures[0]] })).toBe(
      'operator/signer-repeated',
    );
    const late: OwnerMessage = { type: 'ApproveTransaction', fields: { ...fields, expiry: 1 } };
    expect(await refused({ value: 20 }, { message: late, signatures: await signedBy(late, 2) })).toBe('operator/expired');
    const crossed: OwnerMessage = { type: 'ApproveTransaction', fields: { ...fields, chainId: 1 } };
    expect(await refused({ value: 20 }, { message: crossed, signatures: await signedBy(crossed, 2) })).toBe(
      'operator/approval-mismatch',
    );
    const many = await Promise.all(Array.from({ length: 24 }, () => pay(agent, chain, { value: 20 }, { approval })));
    expect(many.map(({ status, body }) => (status === 200 ? 'signed' : body.code)).sort()).toEqual([
      ...Array.from({ length: 23 }, () => 'operator/replayed'),
      'signed',
    ]);
    expect(await refused({ value: 20 }, approval)).toBe('operator/replayed');
    await settled(agent);
    expect(await chain.client.getBalance({ address: ALICE })).toBe(21n);
  });

  test('what waits for owners is shown to the key that asked, and to keys that may operate', async () => {
    const { agent, chain } = await fundedAgent([{ ...ETH, approval: { above: '10' } }]);
    expect((await pay(agent, chain, { value: 20 })).status).toBe(202);
    expect((await listed(agent)).pending).toHaveLength(1);
    await agent.agent.close();
    const operator = { 'content-type': 'application/json', 'x-operator-key': 'the-key-of-the-operator' };
    const environment = { ASSAY_OPERATOR_KEY: operator['x-operator-key'] };
    const next = await startOwnedAgent({ directory: agent.directory, environment });
    const seen = async (name: string, scopes: readonly string[]): Promise<unknown> => {
      const body = JSON.stringify({ name, scopes });
      const added = await next.request('/api/operator/keys', { method: 'POST', headers: operator, body });
      const { key } = (await added.json()) as { readonly key: string };
      const answer = await next.request('/api/v1/transactions', { headers: { 'x-api-key': key } });
      return ((await answer.json()) as { readonly pending: readonly unknown[] }).pending.length;
    };
    expect(await seen('another', ['read', 'sign'])).toBe(0);
    expect(await seen('watcher', ['read', 'operate'])).toBe(1);
  });

  test('a data directory that was put back is found, and owners let it go on', async () => {
    const directory = temporary();
    const { agent, chain, wallet } = await fundedAgent([ETH], { directory });
    await pay(agent, chain);
    await settled(agent);
    await agent.agent.close();
    cpSync(join(directory, 'data'), join(directory, 'before'), { recursive: true });
    const second = await startOwnedAgent({ directory });
    for (let n = 0; n < 5; n += 1) expect((await pay(second, chain)).status).toBe(200);
    await settled(second);
    await second.agent.close();
    cpSync(join(directory, 'before'), join(directory, 'data'), { recursive: true });
    const restored = await startOwnedAgent({ directory });
    const behind = await pay(restored, chain);
    expect([behind.status, behind.body.code]).toEqual([409, 'operator/state-behind']);
    expect(behind.body.detail).toContain('AcknowledgeState with the nonce 6');
    const { agent_id: agentId } = await restored.config();
    const links = { version: 1, previousHash: `0x${'00'.repeat(32)}` as Hex, expiry: Math.floor(Date.now() / 1000) + 600 };
    const message: OwnerMessage = { type: 'AcknowledgeState', fields: { agentId, chainId: chain.chainId, nonce: 6, ...links } };
    const one = await restored.post('/api/v1/control', { message, signatures: await signedBy(message, 1) });
    expect(one.status).toBe(403);
    expect((await restored.post('/api/v1/control', { message, signatures: await signedBy(message, 2) })).status).toBe(200);
    expect((await pay(restored, chain)).body).toMatchObject({ nonce: 6, sent: true });
    await settled(restored);
    expect(await chain.client.getTransactionCount({ address: wallet })).toBe(7);
  });

  test('bad requests, nodes of no list and of another chain are refused with a receipt', async () => {
    const { agent, chain } = await fundedAgent([ETH]);
    const foreign = await startLocalChain({ chainId: 1 });
    const code = async (transaction: object, more: object = {}): Promise<unknown[]> => {
      const { status, body } = await pay(agent, chain, transaction, more);
      return [status, body.code];
    };
    expect(await code({}, { rpc_url: 'http://127.0.0.1:1' })).toEqual([403, 'operator/denied']);
    expect(await code({ to: null })).toEqual([403, 'operator/denied']);
    expect(await code({ to: TOKEN })).toEqual([403, 'operator/denied']);
    expect(await code({ data: '0xdeadbeef', gas: 60_000 })).toEqual([403, 'operator/denied']);
    expect(await code({ gas_price: '30000000000' })).toEqual([403, 'operator/denied']);
    expect(await code({ nonce: 9 })).toEqual([422, 'task/bad-input']);
    expect(await code({ value: 1.5 })).toEqual([422, 'task/bad-input']);
    expect(await code({ value: String(2n ** 256n) })).toEqual([422, 'task/bad-input']);
    expect(await code({ value: String(2n ** 256n - 1n) })).toEqual([403, 'operator/denied']);
    expect(await code({ authorizationList: [] })).toEqual([422, 'task/bad-input']);
    expect(await code({}, { prompt_receipt: `rcpt_${'0'.repeat(32)}` })).toEqual([422, 'task/bad-input']);
    await setPolicy(agent, policyFor({ ...foreign, chainId: 84_532 }, [ETH]));
    expect(await code({}, { rpc_url: foreign.url })).toEqual([502, 'operator/node-refused']);
    await setPolicy(agent, {
      ...policyFor(chain, [ETH]),
      chains: { 84532: { rpc_urls: ['http://127.0.0.1:9'], max_fee_per_gas: '1' } },
    });
    expect(await code({}, { rpc_url: 'http://127.0.0.1:9' })).toEqual([502, 'operator/node-unreachable']);
    expect((await listed(agent)).transactions).toEqual([]);
  });

  test('a contract is created when a rule names its code, and the receipt says where', async () => {
    const code: Hex = '0x600a600c600039600a6000f3602a60005260206000f3';
    const factory = { id: 'factory', effect: 'allow', match: { creates: [keccak256(code)] } };
    const { agent, chain, wallet } = await fundedAgent([ETH, factory]);
    const create = (data: Hex) => pay(agent, chain, { to: undefined, value: 0, data });
    expect((await create(`${code}00`)).body.code).toBe('operator/denied');
    const { status, body } = await create(code);
    expect([status, body.sent]).toEqual([200, true]);
    const creates = getContractAddress({ from: wallet, nonce: BigInt(body.nonce) }).toLowerCase();
    expect(await settled(agent)).toMatchObject([{ state: 'included', to: null, creates }]);
    expect(await chain.client.getCode({ address: creates as Hex })).toBe('0x602a60005260206000f3');
    const signed = (await agent.events(body.receipt_id)).find(({ type }) => type === 'transaction.signed');
    expect(signed).toMatchObject({ creates, value: '0' });
    expect(signed).not.toHaveProperty('to');
  });

  test('a pause by one owner stops the wallet', async () => {
    const { agent, chain } = await fundedAgent([ETH]);
    const { agent_id: agentId, control } = await agent.config();
    const links = {
      agentId,
      version: 1,
      previousHash: control.paused.change_hash,
      expiry: Math.floor(Date.now() / 1000) + 600,
    };
    const message: OwnerMessage = { type: 'SetPaused', fields: { ...links, paused: true } };
    await agent.post('/api/v1/control', { message, signatures: await signedBy(message, 1) });
    expect((await pay(agent, chain)).body.code).toBe('operator/paused');
  });

  test('a chain that goes away and comes back: what was answered is sent again and ends', async () => {
    const directory = temporary();
    const chain = await startLocalChain({ state: join(directory, 'chain.json') });
    const agent = await startOwnedAgent({ directory });
    await chain.fund((await agent.config()).wallet.address!, ETHER);
    await setPolicy(agent, policyFor(chain, [ETH]));
    await pay(agent, chain);
    await settled(agent);
    // The node takes the questions and dies before the transaction.
    const answers = await Promise.all([pay(agent, chain, { value: 5 }), pay(agent, chain, { value: 6 })]);
    await chain.stop();
    expect((await pay(agent, chain)).body.code).toBe('operator/node-unreachable');
    await chain.start();
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    const states = (await settled(agent)).map(({ state }) => state);
    expect(states).toEqual(['included', 'included', 'included']);
    expect(await chain.client.getBalance({ address: ALICE })).toBe(14n);
  });
});
