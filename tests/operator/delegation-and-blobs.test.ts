/** Delegation (EIP-7702) and blobs (EIP-4844) of a started agent, on a local chain of the Prague fork: signed, counted, bumped and cancelled. */

import {
  authorizationDigest,
  type Hex,
  NO_DELEGATE,
  parseSignedTransaction,
  recoverSigner,
  serializeSigned,
  transactionDigest,
  versionedHashes,
  withSidecar,
} from '@assay/operator';
import { createPublicClient, http } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { describe, expect, test } from 'vitest';
import { ANVIL, type LocalChain, startLocalChain } from './local-chain.ts';
import { nodeBefore } from './node-before.ts';
import { API_KEY, type OwnedAgent, startOwnedAgent, temporary } from './owned-agent.ts';
import { approvalOf, setPolicy } from './owner-messages.ts';

const KEY = { authorization: `Bearer ${API_KEY}` };
const ALICE: Hex = '0x86693cbe3f2581df512635823f46f0d593d96dba';
const CODE: Hex = `0x${'c0'.repeat(20)}`;
/** Runs nothing and succeeds. */
const STOP: Hex = '0x00';
const BLOB_GAS = 131_072n;

/** A blob of zeros and one that is 1 at every point: their commitments are the point at infinity and the generator, their proofs infinity. */
const INFINITY: Hex = `0xc0${'00'.repeat(47)}`;
const GENERATOR: Hex = '0x97f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f171bac586c55e83ff97a1aeffb3af00adb22c6bb';
const ZEROS: Hex = `0x${'00'.repeat(131_072)}`;
const ONES: Hex = `0x${`${'00'.repeat(31)}01`.repeat(4096)}`;
const ONE_BLOB = { blobs: [ONES], commitments: [GENERATOR], proofs: [INFINITY] };
const TWO_BLOBS = { blobs: [ZEROS, ONES], commitments: [INFINITY, GENERATOR], proofs: [INFINITY, INFINITY] };

const DELEGATION = { id: 'code', effect: 'allow', match: { delegates: [CODE, NO_DELEGATE] } };
const PAYMENT = { id: 'eth', effect: 'allow', match: { recipients: [ALICE] }, caps: [{ asset: 'native', at_most: '100' }] };
const BLOBS = {
  ...{ id: 'blobs', effect: 'allow', match: { blobs: { at_most: 2, max_fee_per_blob_gas: '100' } } },
  caps: [{ asset: 'native', at_most: String(BLOB_GAS * 100n) }],
};

interface Answer {
  readonly code: string;
  readonly detail: string;
  readonly signed_transaction: Hex;
  readonly transaction_hash: Hex;
  readonly receipt_id: string;
  readonly nonce: number;
  readonly sent: boolean;
  readonly reason: string | null;
  readonly approval: Hex;
}
interface Row {
  readonly state: string;
  readonly reason: string | null;
  readonly nonce: number;
  readonly transaction_hash: Hex;
  readonly delegates_to: Hex | null;
  readonly blobs: number;
}

async function agentOn(options: { manual?: boolean; directory?: string; rules?: readonly object[] } = {}) {
  const { manual = false, directory = temporary(), rules = [DELEGATION, PAYMENT, BLOBS] } = options;
  const chain = await startLocalChain({ manual, hardfork: 'prague' });
  const agent = await startOwnedAgent({ directory });
  const wallet = (await agent.config()).wallet.address!;
  await chain.fund(wallet, 10n ** 18n);
  await chain.test.setCode({ address: CODE, bytecode: STOP });
  const takes = ['eip4844', 'eip7702'];
  const nodes = { rpc_urls: [chain.url], confirming_rpc_url: await nodeBefore(chain) };
  const settings = { ...nodes, max_fee_per_gas: '20000000000', confirmations: 1, takes };
  await setPolicy(agent, { v: 'assay-operator-policy/1', chains: { [chain.chainId]: settings }, rules });
  return { agent, chain, wallet };
}

async function ask(agent: OwnedAgent, chain: LocalChain, transaction: object): Promise<[number, Answer]> {
  const body = { transaction: { to: ALICE, value: 0, ...transaction }, rpc_url: chain.url };
  const answer = await agent.post('/api/v1/sign-transaction', body, KEY);
  return [answer.status, answer.body as Answer];
}

async function replace(agent: OwnedAgent, hash: Hex, action: 'bump' | 'cancel'): Promise<[number, Answer]> {
  const answer = await agent.post('/api/v1/replace-transaction', { transaction_hash: hash, action }, KEY);
  return [answer.status, answer.body as Answer];
}

async function rows(agent: OwnedAgent): Promise<readonly Row[]> {
  return ((await (await agent.request('/api/v1/transactions', { headers: KEY })).json()) as { transactions: Row[] })
    .transactions;
}

/** Waits until every transaction is final, newest first. */
async function ended(agent: OwnedAgent, chain: LocalChain, manual = false): Promise<readonly Row[]> {
  for (let tries = 0; tries < 600; tries += 1) {
    const found = await rows(agent);
    if (found.every(({ state }) => ['included', 'reverted', 'replaced'].includes(state))) return found;
    if (manual) await chain.test.mine({ blocks: 1 });
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('a transaction is not final after a minute');
}

/** anvil reads its KZG setup with the first blob, which takes longer than an agent waits. The transaction is another account's. */
async function loadSetup(chain: LocalChain): Promise<void> {
  const account = privateKeyToAccount(`0x${'55'.repeat(32)}`);
  const fees = { feePerGas: 10n ** 10n, priorityFeePerGas: 1n };
  const blobs = { versionedHashes: versionedHashes(ONE_BLOB.commitments), feePerBlobGas: 100n };
  const call = { chainId: chain.chainId, nonce: 0, to: ALICE, value: 0n, data: '0x', gas: 21_000n } as const;
  const unsigned = { ...call, ...fees, type: 'eip4844', blobs } as const;
  await chain.fund(account.address, 10n ** 18n);
  const signed = withSidecar(serializeSigned(unsigned, await account.sign({ hash: transactionDigest(unsigned) })), ONE_BLOB);
  const client = createPublicClient({ transport: http(chain.url, { retryCount: 0, timeout: 120_000 }) });
  await client.sendRawTransaction({ serializedTransaction: signed });
}

const codeOf = (chain: LocalChain, address: Hex) => chain.client.getCode({ address }).then((code) => code ?? '0x');

describe.skipIf(ANVIL === null)('delegation', { timeout: 180_000 }, () => {
  test('to a contract that a rule names: the authorisation is the wallet’s, for the next nonce, and in the receipt', async () => {
    const { agent, chain, wallet } = await agentOn();
    expect((await ask(agent, chain, { delegate: ALICE }))[1].code).toBe('operator/denied');
    const [status, answer] = await ask(agent, chain, { delegate: CODE });
    expect([status, answer.sent, answer.reason, answer.nonce]).toEqual([200, true, null, 0]);
    const signed = await parseSignedTransaction(answer.signed_transaction);
    const [authorization] = signed.authorizations!;
    expect(signed).toMatchObject({ type: 'eip7702', from: wallet, nonce: 0, hash: answer.transaction_hash });
    expect(authorization).toMatchObject({ chainId: chain.chainId, delegate: CODE, nonce: 1 });
    expect(recoverSigner(authorizationDigest(authorization!), authorization!.signature)).toBe(wallet);
    const [row] = await ended(agent, chain);
    expect(row).toMatchObject({ state: 'included', delegates_to: CODE, blobs: 0 });
    expect(await codeOf(chain, wallet)).toBe(`0xef0100${CODE.slice(2)}`);
    const events = await agent.events(answer.receipt_id);
    expect(events.find(({ type }) => type === 'decision.made')).toMatchObject({ outcome: 'allow', rule: 'code' });
    expect(events.find(({ type }) => type === 'authorization.signed')).toMatchObject({
      ...{ chain_id: String(chain.chainId), signer: wallet, delegate: CODE, account_nonce: 1 },
      digest: authorizationDigest(authorization!),
    });
    // Both nonces are used up, here and on the chain.
    expect((await ask(agent, chain, { value: 3 }))[1]).toMatchObject({ nonce: 2, sent: true });
    await ended(agent, chain);
    const [revoked, ending] = await ask(agent, chain, { delegate: NO_DELEGATE });
    expect([revoked, ending.nonce]).toEqual([200, 3]);
    await ended(agent, chain);
    expect(await codeOf(chain, wallet)).toBe('0x');
    expect(await chain.client.getTransactionCount({ address: wallet })).toBe(5);
  });

  test('keeps both nonces over a restart, and among many at once', async () => {
    const directory = temporary();
    const { agent, chain, wallet } = await agentOn({ directory });
    const asked = Array.from({ length: 6 }, (_, n) => ask(agent, chain, n % 3 === 0 ? { delegate: CODE } : { value: 1 }));
    const nonces = (await Promise.all(asked)).flatMap(([, { nonce }], n) => (n % 3 === 0 ? [nonce, nonce + 1] : [nonce]));
    expect(nonces.sort((a, b) => a - b)).toEqual(Array.from({ length: 8 }, (_, n) => n));
    await ended(agent, chain);
    await agent.agent.close();
    const again = await startOwnedAgent({ directory });
    expect((await ask(again, chain, { value: 1 }))[1]).toMatchObject({ nonce: 8, sent: true });
    await ended(again, chain);
    expect(await chain.client.getTransactionCount({ address: wallet })).toBe(9);
  });

  test('that is cancelled delegates to nothing, and leaves no authorisation that others could use', async () => {
    const { agent, chain, wallet } = await agentOn({ manual: true });
    const [, asked] = await ask(agent, chain, { delegate: CODE });
    const [bumpStatus, bumped] = await replace(agent, asked.transaction_hash, 'bump');
    expect([bumpStatus, bumped.sent, bumped.reason]).toEqual([200, true, null]);
    const [before, after] = await Promise.all(
      [asked, bumped].map(({ signed_transaction: signed }) => parseSignedTransaction(signed)),
    );
    expect(after).toMatchObject({ nonce: 0, authorizations: before!.authorizations });
    const [status, cancelled] = await replace(agent, bumped.transaction_hash, 'cancel');
    expect([status, cancelled.sent, cancelled.reason]).toEqual([200, true, null]);
    expect(await parseSignedTransaction(cancelled.signed_transaction)).toMatchObject({
      ...{ to: wallet, value: 0n, nonce: 0 },
      authorizations: [{ delegate: NO_DELEGATE, nonce: 1 }],
    });
    const [row] = await ended(agent, chain, true);
    expect(row).toMatchObject({ state: 'replaced', reason: 'it was cancelled', delegates_to: NO_DELEGATE });
    expect(await codeOf(chain, wallet)).toBe('0x');
    expect(await chain.client.getTransactionCount({ address: wallet })).toBe(2);
    expect((await ask(agent, chain, { value: 1 }))[1].nonce).toBe(2);
  });

  test('and blobs are refused where the request contradicts itself, or no rule names them', async () => {
    const { agent, chain } = await agentOn({ rules: [PAYMENT] });
    const code = async (transaction: object): Promise<unknown[]> => {
      const [status, answer] = await ask(agent, chain, transaction);
      return [status, answer.code];
    };
    const bad = [422, 'task/bad-input'];
    expect(await code({ delegate: CODE, sidecar: ONE_BLOB })).toEqual(bad);
    expect(await code({ delegate: CODE, to: null })).toEqual(bad);
    expect(await code({ delegate: CODE, type: 'legacy' })).toEqual(bad);
    expect(await code({ delegate: 'any' })).toEqual(bad);
    expect(await code({ type: 'eip7702' })).toEqual(bad);
    expect(await code({ type: 'eip4844' })).toEqual(bad);
    expect(await code({ max_fee_per_blob_gas: 1 })).toEqual(bad);
    expect(await code({ authorizationList: [] })).toEqual(bad);
    expect(await code({ sidecar: { ...ONE_BLOB, proofs: [] } })).toEqual(bad);
    expect(await code({ sidecar: { ...ONE_BLOB, blobs: ['0x00'] } })).toEqual(bad);
    const denied = [403, 'operator/denied'];
    expect(await code({ delegate: CODE })).toEqual(denied);
    expect(await code({ delegate: NO_DELEGATE })).toEqual(denied);
    expect(await code({ sidecar: ONE_BLOB })).toEqual(denied);
    expect(await rows(agent)).toEqual([]);
  });

  test('under a rule with a line needs owners whatever it spends; they approve this delegate and no other', async () => {
    const line = { ...DELEGATION, caps: [{ asset: 'native', at_most: '100' }], approval: { above: '50' } };
    const { agent, chain } = await agentOn({ rules: [line] });
    expect((await ask(agent, chain, { delegate: CODE }))[0]).toBe(202);
    const [status, waits] = await ask(agent, chain, { delegate: CODE, value: 20 });
    expect(status).toBe(202);
    const { pending } = (await (await agent.request('/api/v1/transactions', { headers: KEY })).json()) as {
      pending: { hash: Hex; delegates_to: Hex | null; blobs: number }[];
    };
    expect(pending.find(({ hash }) => hash === waits.approval)).toMatchObject({ delegates_to: CODE, blobs: 0 });
    const approval = await approvalOf(agent, chain.chainId, waits.approval);
    const send = async (transaction: object): Promise<unknown> => {
      const body = { transaction: { to: ALICE, ...transaction }, rpc_url: chain.url, approval };
      const answer = await agent.post('/api/v1/sign-transaction', body, KEY);
      return (answer.body as Answer).code ?? answer.status;
    };
    expect(await send({ delegate: NO_DELEGATE, value: 20 })).toBe('operator/approval-mismatch');
    expect(await send({ delegate: CODE, value: 20 })).toBe(200);
  });
});

describe.skipIf(ANVIL === null)('blobs', { timeout: 180_000 }, () => {
  test('within a rule’s limits are signed, sent with their sidecar, and counted at their highest price', async () => {
    const { agent, chain, wallet } = await agentOn();
    await loadSetup(chain);
    const blob = (more: object) => ask(agent, chain, { sidecar: ONE_BLOB, ...more });
    expect((await blob({ max_fee_per_blob_gas: 101 }))[1].code).toBe('operator/denied');
    const three = { blobs: [ZEROS, ZEROS, ZEROS], commitments: [INFINITY, INFINITY, INFINITY] };
    expect((await ask(agent, chain, { sidecar: { ...three, proofs: three.commitments } }))[1].code).toBe('operator/denied');
    const [status, answer] = await ask(agent, chain, { sidecar: TWO_BLOBS, max_fee_per_blob_gas: 20, value: 1 });
    expect([status, answer.sent, answer.reason]).toEqual([200, true, null]);
    const signed = await parseSignedTransaction(answer.signed_transaction);
    expect(signed).toMatchObject({
      ...{ type: 'eip4844', from: wallet, hash: answer.transaction_hash },
      blobs: { versionedHashes: versionedHashes(TWO_BLOBS.commitments), feePerBlobGas: 20n },
    });
    const [row] = await ended(agent, chain);
    expect(row).toMatchObject({ state: 'included', blobs: 2 });
    const shown = await chain.client.getTransaction({ hash: answer.transaction_hash });
    expect(shown.blobVersionedHashes).toEqual(versionedHashes(TWO_BLOBS.commitments));
    const events = await agent.events(answer.receipt_id);
    const fee = BLOB_GAS * 40n;
    expect(events.find(({ type }) => type === 'transaction.signed')).toMatchObject({ blob_fee: String(fee) });
    const cap = BLOB_GAS * 100n;
    expect(events.find(({ type }) => type === 'decision.made')).toMatchObject({ counters: [`native 0 ${fee + 1n} ${cap}`] });
    // 60 of the price of a blob are left, less one wei.
    expect((await blob({ max_fee_per_blob_gas: 60 }))[1].code).toBe('operator/denied');
    expect((await blob({ max_fee_per_blob_gas: 59 }))[0]).toBe(200);
    await ended(agent, chain);
  });

  test('are bumped at twice the price, cancelled with the blobs, and what these cost stays counted', async () => {
    const { agent, chain, wallet } = await agentOn({ manual: true });
    await loadSetup(chain);
    const [, asked] = await ask(agent, chain, { sidecar: ONE_BLOB, max_fee_per_blob_gas: 10, value: 50 });
    expect([asked.sent, asked.reason]).toEqual([true, null]);
    const [, bumped] = await replace(agent, asked.transaction_hash, 'bump');
    expect([bumped.sent, bumped.reason]).toEqual([true, null]);
    const { blobs, value } = await parseSignedTransaction(bumped.signed_transaction);
    expect([blobs?.feePerBlobGas, value]).toEqual([21n, 50n]);
    const [, cancelled] = await replace(agent, bumped.transaction_hash, 'cancel');
    expect([cancelled.sent, cancelled.reason]).toEqual([true, null]);
    const empty = await parseSignedTransaction(cancelled.signed_transaction);
    expect(empty).toMatchObject({ to: wallet, value: 0n, blobs: { feePerBlobGas: 43n } });
    const [row] = await ended(agent, chain, true);
    expect(row).toMatchObject({ state: 'replaced', reason: 'it was cancelled', blobs: 1 });
    expect((await ask(agent, chain, { sidecar: ONE_BLOB, max_fee_per_blob_gas: 58 }))[1].code).toBe('operator/denied');
    expect((await ask(agent, chain, { sidecar: ONE_BLOB, max_fee_per_blob_gas: 57 }))[1]).toMatchObject({ nonce: 1 });
  });

  test('are cancelled also where a bump would cost more than the rule allows, up to eight times what it allowed', async () => {
    const { agent, chain } = await agentOn({ manual: true });
    await loadSetup(chain);
    expect((await ask(agent, chain, { sidecar: ONE_BLOB, max_fee_per_blob_gas: 0 }))[1].code).toBe('operator/denied');
    const [, asked] = await ask(agent, chain, { sidecar: ONE_BLOB, max_fee_per_blob_gas: 80 });
    expect(asked.sent).toBe(true);
    expect((await replace(agent, asked.transaction_hash, 'bump'))[1].code).toBe('operator/denied');
    const prices: unknown[] = [];
    let hash = asked.transaction_hash;
    for (let tries = 0; tries < 3; tries += 1) {
      const [, cancelled] = await replace(agent, hash, 'cancel');
      if (cancelled.code !== undefined) prices.push(cancelled.code);
      else {
        prices.push((await parseSignedTransaction(cancelled.signed_transaction)).blobs?.feePerBlobGas, cancelled.sent);
        hash = cancelled.transaction_hash;
      }
    }
    expect(prices).toEqual([161n, true, 323n, true, 'operator/denied']);
    const [row] = await ended(agent, chain, true);
    expect(row).toMatchObject({ state: 'replaced', reason: 'it was cancelled' });
    // Counted, though above the cap.
    expect((await ask(agent, chain, { sidecar: ONE_BLOB, max_fee_per_blob_gas: 1 }))[1].code).toBe('operator/denied');
  });

  test('above a line need owners, who approve the most that they cost; a bump does not pass the line', async () => {
    const line = { ...BLOBS, approval: { above: String(BLOB_GAS * 30n) } };
    const { agent, chain } = await agentOn({ manual: true, rules: [line] });
    await loadSetup(chain);
    const [status, waits] = await ask(agent, chain, { sidecar: ONE_BLOB, max_fee_per_blob_gas: 40 });
    expect(status).toBe(202);
    const listed = (await (await agent.request('/api/v1/transactions', { headers: KEY })).json()) as { pending: object[] };
    expect(listed.pending).toMatchObject([{ blobs: 1, most_for_blobs: String(BLOB_GAS * 40n) }]);
    const approval = await approvalOf(agent, chain.chainId, waits.approval);
    const approved = async (fee: number): Promise<unknown> => {
      const transaction = { to: ALICE, value: 0, sidecar: ONE_BLOB, max_fee_per_blob_gas: fee };
      const answer = await agent.post('/api/v1/sign-transaction', { transaction, rpc_url: chain.url, approval }, KEY);
      return (answer.body as Answer).code ?? answer.status;
    };
    expect(await approved(41)).toBe('operator/approval-mismatch');
    expect(await approved(39)).toBe(200);
    // Value and blobs count together, whichever is more.
    const value = String(BLOB_GAS * 25n);
    const [, below] = await ask(agent, chain, { sidecar: ONE_BLOB, max_fee_per_blob_gas: 5, value });
    expect(below.sent).toBe(true);
    expect((await replace(agent, below.transaction_hash, 'bump'))[1].code).toBe('operator/denied');
    expect((await replace(agent, below.transaction_hash, 'cancel'))[0]).toBe(200);
  });
});
