/**
 * A data directory that was put back, found by what others remember: a witness that the manifest names, and checkpoints that callers send.
 * Nothing is signed then until owners acknowledge it; receipts say what the state was held against.
 */

import { cpSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { encodeBase64 } from '@assay/encoding/base64';
import { utf8 } from '@assay/encoding/bytes';
import { type Hex, type OwnerMessage, parseSigningPolicy, policyHash } from '@assay/operator';
import { parseCheckpoint, parseVerifierKey, verifyCheckpoint } from '@assay/receipt';
import { verifyBundle } from 'assay';
import { describe, expect, test } from 'vitest';
import { ANVIL, startLocalChain } from './local-chain.ts';
import {
  API_KEY,
  type ConfigBody,
  MANIFEST,
  type OwnedAgent,
  signedBy,
  startOwnedAgent,
  temporary,
  variableEntry,
} from './owned-agent.ts';
import { type StandInWitness, startWitness } from './witness-stand-in.ts';

const KEY = { authorization: `Bearer ${API_KEY}` };
const ALICE: Hex = '0x86693cbe3f2581df512635823f46f0d593d96dba';
const ZERO: Hex = `0x${'00'.repeat(32)}`;

type Config = ConfigBody & {
  readonly log: { readonly verifier_keys: readonly string[] };
  readonly outside_head: {
    readonly witness: { readonly name: string; readonly cosigned_size: number | null } | null;
    readonly behind: { readonly size: number } | null;
    readonly acknowledged: {
      readonly size: number;
      readonly version: number;
      readonly change_hash: Hex;
      readonly without_witness: boolean;
    };
  };
};
const configOf = async (agent: OwnedAgent): Promise<Config> => (await agent.config()) as Config;

const POLICY = {
  v: 'assay-operator-policy/1',
  chains: { 84532: { rpc_urls: ['http://127.0.0.1:9'], max_fee_per_gas: '20000000000', confirmations: 1 } },
  rules: [{ id: 'status', effect: 'allow', match: { paths: ['message'], message: { starts_with: ['status: '] } } }],
};

async function setPolicy(agent: OwnedAgent, policy: typeof POLICY | object = POLICY): Promise<void> {
  const { agent_id: agentId, control } = await agent.config();
  const { version, change_hash: previousHash } = control.policy;
  const expiry = Math.floor(Date.now() / 1000) + 600;
  const hash = policyHash(parseSigningPolicy(JSON.stringify(policy)));
  const message: OwnerMessage = {
    type: 'SetPolicy',
    fields: { agentId, policyHash: hash, version: version + 1, previousHash, expiry },
  };
  const sent = { message, signatures: await signedBy(message, 2), policy };
  expect((await agent.post('/api/v1/control', sent)).status).toBe(200);
}

interface Answer {
  readonly code: string;
  readonly receipt_id: string;
  readonly detail: string;
}

async function sign(agent: OwnedAgent, headers: Readonly<Record<string, string>> = {}): Promise<[number, Answer]> {
  const { status, body } = await agent.post('/api/v1/sign-message', { message: 'status: well' }, { ...KEY, ...headers });
  return [status, body as Answer];
}

const remembered = async (agent: OwnedAgent): Promise<Readonly<Record<string, string>>> => ({
  'assay-checkpoint': encodeBase64(utf8(await (await agent.request('/log/checkpoint')).text())),
});

async function acknowledge(agent: OwnedAgent, size: number, count = 2, more: object = {}): Promise<[number, Answer]> {
  const { agent_id: agentId, outside_head: head } = await configOf(agent);
  const { version, change_hash: previousHash } = head.acknowledged;
  const expiry = Math.floor(Date.now() / 1000) + 600;
  const fields = { agentId, size, withoutWitness: false, version: version + 1, previousHash, expiry, ...more };
  const message: OwnerMessage = { type: 'AcknowledgeHead', fields };
  const { status, body } = await agent.post('/api/v1/control', { message, signatures: await signedBy(message, count) });
  return [status, body as Answer];
}

/** Starts an agent, keeps a copy of its data, lets `work` happen, and starts it again on the copy. */
async function putBack(manifest: object, work: (agent: OwnedAgent) => Promise<void>, before = setPolicy) {
  const directory = temporary();
  const first = await startOwnedAgent({ directory, manifest });
  await before(first);
  await first.agent.close();
  const [data, copy] = [join(directory, 'data'), join(directory, 'copy')];
  cpSync(data, copy, { recursive: true });
  const second = await startOwnedAgent({ directory, manifest });
  await work(second);
  await second.agent.close();
  rmSync(data, { recursive: true });
  cpSync(copy, data, { recursive: true });
  return startOwnedAgent({ directory, manifest });
}

async function witnessed(): Promise<{
  manifest: object;
  witness: StandInWitness;
  learn: (agent: OwnedAgent) => Promise<void>;
}> {
  let keys: readonly string[] = [];
  const witness = await startWitness(() => keys);
  const learn = async (agent: OwnedAgent): Promise<void> => {
    keys = (await configOf(agent)).log.verifier_keys;
  };
  return { manifest: { ...MANIFEST, witness: { url: witness.url, vkey: witness.vkey } }, witness, learn };
}

describe('a checkpoint of the caller', () => {
  test('stands in the receipt when the log continues it', async () => {
    const agent = await startOwnedAgent();
    await setPolicy(agent);
    const [, plain] = await sign(agent);
    expect((await agent.events(plain.receipt_id)).find(({ type }) => type === 'message.signed')).toMatchObject({
      rollback: 'not-checked',
    });
    const checkpoint = await remembered(agent);
    await sign(agent);
    const [status, answer] = await sign(agent, checkpoint);
    expect(status).toBe(200);
    const events = await agent.events(answer.receipt_id);
    expect(events.find(({ type }) => type === 'message.signed')).toMatchObject({ rollback: 'client-checkpoint' });
    const { size, root } = parseCheckpoint(Buffer.from(checkpoint['assay-checkpoint'] ?? '', 'base64').toString());
    expect(events.find(({ type }) => type === 'state.anchored')).toMatchObject({
      anchor: 'client-checkpoint',
      size,
      root: Buffer.from(root).toString('hex'),
    });
  });

  test('of a later log stops the wallet until owners acknowledge it', { timeout: 60_000 }, async () => {
    let later: Readonly<Record<string, string>> = {};
    let size = 0;
    const agent = await putBack(MANIFEST, async (second) => {
      await sign(second);
      later = await remembered(second);
      size = parseCheckpoint(Buffer.from(later['assay-checkpoint'] ?? '', 'base64').toString()).size;
    });
    expect((await sign(agent))[0]).toBe(200); // no anchor: no caller sent a checkpoint
    const [status, refused] = await sign(agent, later);
    expect([status, refused.code]).toEqual([409, 'operator/state-behind']);
    expect((await sign(agent))[1].code).toBe('operator/state-behind'); // also for callers without a checkpoint
    expect((await configOf(agent)).outside_head.behind).toEqual({ size });
    await agent.agent.close();
    const again = await startOwnedAgent({ directory: agent.directory });
    expect((await sign(again))[1].code).toBe('operator/state-behind'); // and after a restart
    expect((await acknowledge(again, size, 1))[1].code).toBe('operator/too-few-signers');
    expect((await acknowledge(again, size + 5_000))[1].code).toBe('operator/head-unknown');
    expect((await acknowledge(again, size - 1))[0]).toBe(200);
    expect((await sign(again))[1].code).toBe('operator/state-behind'); // not as much as is lost
    expect((await acknowledge(again, size, 2, { version: 1, previousHash: ZERO }))[1].code).toBe('operator/replayed');
    expect((await acknowledge(again, size))[0]).toBe(200);
    expect((await sign(again))[0]).toBe(200);
    const [after, signed] = await sign(again, later); // the lost head is known now, and anchors nothing
    expect(after).toBe(200);
    expect((await again.events(signed.receipt_id)).find(({ type }) => type === 'message.signed')).toMatchObject({
      rollback: 'not-checked',
    });
    expect((await sign(again, await remembered(again)))[0]).toBe(200);
  });

  test('that is none of this log is bad input', async () => {
    const agent = await startOwnedAgent();
    const other = await startOwnedAgent();
    await setPolicy(agent);
    const { 'assay-checkpoint': own = '' } = await remembered(agent);
    const [head = '', signatures = ''] = Buffer.from(own, 'base64').toString().split('\n\n');
    const [first = ''] = signatures.split('\n');
    const encoded = (note: string): string => Buffer.from(note).toString('base64');
    for (const [given, why] of [
      ['%%%', 'another'],
      ['a'.repeat(13_000), '13000 characters'],
      [(await remembered(other))['assay-checkpoint'] ?? '', 'another log'],
      [encoded(`${head}\n\n${first}\n`), 'both signatures'],
      [encoded(`${head.replace(/\n[0-9]+\n/, '\n999999\n')}\n\n${signatures}`), 'does not verify'],
    ] as const) {
      const [status, answer] = await sign(agent, { 'assay-checkpoint': given });
      expect([status, answer.code]).toEqual([422, 'task/bad-input']);
      expect(answer.detail).toContain(why);
    }
    expect((await configOf(agent)).outside_head.behind).toBeNull();
  });
});

describe('a witness of the manifest', () => {
  test('cosigns a head before each signature, and over each before it leaves', { timeout: 60_000 }, async () => {
    const { manifest, witness, learn } = await witnessed();
    const agent = await startOwnedAgent({ manifest });
    await learn(agent);
    await setPolicy(agent);
    const [status, answer] = await sign(agent);
    expect(status).toBe(200);
    const size = witness.size();
    const { outside_head: head } = await configOf(agent);
    expect(head.witness).toMatchObject({ name: 'witness.example/w1', cosigned_size: size });
    const receipt = (await agent.request(`/bundles/${answer.receipt_id}`, { headers: KEY })).arrayBuffer();
    const simulatedRoot = readFileSync(join(agent.directory, 'data', 'simulated-root.pem'));
    const verdict = await verifyBundle(new Uint8Array(await receipt), { trust: { simulatedRoot } });
    if (verdict.outcome !== 'accepted') throw new Error('expected an authentic bundle');
    const [found] = verdict.receipts;
    const anchored = found?.receipt.event_log.find(({ type }) => type === 'state.anchored');
    expect(anchored).toMatchObject({ anchor: 'witness', name: 'witness.example/w1' });
    // The receipt keeps the cosigned head: anyone rechecks it with the key of the manifest.
    const kept = found?.payloads.find(({ name }) => name === 'anchor/witness')?.content;
    const checkpoint = parseCheckpoint(Buffer.from(kept ?? new Uint8Array()).toString());
    const [cosignature] = await verifyCheckpoint(checkpoint, [parseVerifierKey(witness.vkey)]);
    expect(cosignature?.time).toBeGreaterThan(1_700_000_000);
    expect(checkpoint.size).toBe(anchored?.size);
    expect(size).toBeGreaterThan(checkpoint.size); // the head over the signature itself
    expect(found?.receipt.event_log.find(({ type }) => type === 'message.signed')).toMatchObject({ rollback: 'witness' });
  });

  test('finds a data directory that was put back; owners acknowledge it', { timeout: 60_000 }, async () => {
    const { manifest, witness, learn } = await witnessed();
    const agent = await putBack(
      manifest,
      async (second) => {
        for (let n = 0; n < 3; n += 1) expect((await sign(second))[0]).toBe(200);
      },
      async (first) => {
        await learn(first);
        await setPolicy(first);
      },
    );
    const size = witness.size();
    const [status, refused] = await sign(agent);
    expect([status, refused.code]).toEqual([409, 'operator/state-behind']);
    // A longer log is no better when it is another one.
    for (let n = 0; n < size; n += 1) await sign(agent);
    expect((await sign(agent))[1].code).toBe('operator/state-behind');
    expect((await acknowledge(agent, size))[0]).toBe(200);
    expect((await sign(agent))[1].code).toBe('operator/state-behind'); // the witness is as it was
    expect((await acknowledge(agent, size, 2, { withoutWitness: true }))[0]).toBe(200);
    expect((await configOf(agent)).outside_head.acknowledged.without_witness).toBe(true);
    const [after, signed] = await sign(agent);
    expect(after).toBe(200);
    expect((await agent.events(signed.receipt_id)).find(({ type }) => type === 'message.signed')).toMatchObject({
      rollback: 'not-checked',
    });
  });

  test('that gives no cosignature stops the wallet, and goes on when it does', { timeout: 60_000 }, async () => {
    const { manifest, witness, learn } = await witnessed();
    const agent = await startOwnedAgent({ manifest });
    await setPolicy(agent); // it knows no log yet; changes of owners do not wait for it
    expect((await sign(agent))[1].code).toBe('operator/witness-unreachable');
    await learn(agent);
    expect((await sign(agent))[0]).toBe(200);
    for (const other of [
      { status: 500, body: '' },
      { status: 409, body: 'many\n' },
      { status: 200, body: 'no signature\n' },
      { status: 200, body: `— witness.example/w1 ${Buffer.alloc(76, 1).toString('base64')}\n` },
      { status: 200, body: 'x'.repeat(20_000) },
    ]) {
      await variable(agent); // something new to cosign
      witness.answer(other);
      const [status, answer] = await sign(agent);
      expect([other, status, answer.code]).toEqual([other, 503, 'operator/witness-unreachable']);
      witness.answer(null);
    }
    expect((await sign(agent))[0]).toBe(200);
  });

  test.skipIf(ANVIL === null)(
    'is used together with the nonce of the chain for transactions',
    { timeout: 60_000 },
    async () => {
      const chain = await startLocalChain();
      const { manifest, learn } = await witnessed();
      const agent = await startOwnedAgent({ manifest });
      await learn(agent);
      await chain.fund((await agent.config()).wallet.address!, 10n ** 18n);
      const rules = [
        { id: 'eth', effect: 'allow', match: { recipients: [ALICE] }, caps: [{ asset: 'native', at_most: '100' }] },
      ];
      const chains = { 84532: { rpc_urls: [chain.url], max_fee_per_gas: '20000000000', confirmations: 1 } };
      await setPolicy(agent, { ...POLICY, chains, rules });
      const headers = { ...KEY, ...(await remembered(agent)) };
      const body = { transaction: { to: ALICE, value: 3 }, rpc_url: chain.url };
      const { status, body: answer } = await agent.post('/api/v1/sign-transaction', body, headers);
      expect(status).toBe(200);
      const events = await agent.events((answer as Answer).receipt_id);
      expect(events.find(({ type }) => type === 'transaction.signed')).toMatchObject({
        rollback: 'chain-nonce, witness, client-checkpoint',
      });
      expect(events.filter(({ type }) => type === 'state.anchored').map(({ anchor }) => anchor)).toEqual([
        'witness',
        'client-checkpoint',
      ]);
    },
  );

  test('whose key cosigns nothing, or is none, stops the start', async () => {
    const { verifier_keys: logKeys } = (await configOf(await startOwnedAgent())).log;
    for (const vkey of [logKeys[0] ?? '', 'witness.example/w1+00000000+BBBB'])
      await expect(
        startOwnedAgent({ manifest: { ...MANIFEST, witness: { url: 'http://127.0.0.1:9', vkey } } }),
      ).rejects.toMatchObject({ code: 'operator/manifest-malformed' });
  });
});

async function variable(agent: OwnedAgent): Promise<void> {
  const entry = await variableEntry(await agent.config(), 'greeting', `at ${Math.random()}`);
  expect((await agent.post('/api/v1/variables', { variables: [entry] })).status).toBe(200);
}
