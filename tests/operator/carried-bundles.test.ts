/** `assay verify` of a signed delegation (EIP-7702) and of a transaction with blobs (EIP-4844): the whole story is accepted, and no change of any part is. */

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Json, JsonObject } from '@assay/encoding/json';
import { authorizationDigest, type Hex, NO_DELEGATE, parseSignedTransaction, versionedHashes } from '@assay/operator';
import { transcript } from '@assay/testing';
import { verifyBundle } from 'assay';
import { describe, expect, test } from 'vitest';
import { run } from '../../packages/assay/src/command-line/program.ts';
import { ANVIL, type LocalChain, startLocalChain } from './local-chain.ts';
import { API_KEY, type OwnedAgent, startOwnedAgent } from './owned-agent.ts';
import { setPolicy } from './owner-messages.ts';

const KEY = { authorization: `Bearer ${API_KEY}` };
const ALICE: Hex = '0x86693cbe3f2581df512635823f46f0d593d96dba';
const CODE: Hex = `0x${'c0'.repeat(20)}`;
/** A blob of zeros: its commitment and its proof are the point at infinity. */
const INFINITY: Hex = `0xc0${'00'.repeat(47)}`;
const SIDECAR = { blobs: [`0x${'00'.repeat(131_072)}`], commitments: [INFINITY], proofs: [INFINITY] };
const RULES = [
  { id: 'code', effect: 'allow', match: { delegates: [CODE, NO_DELEGATE] } },
  {
    ...{ id: 'blobs', effect: 'allow', match: { blobs: { at_most: 2, max_fee_per_blob_gas: '100' } } },
    caps: [{ asset: 'native', at_most: String(131_072n * 100n) }],
  },
];

interface Ended {
  readonly agent: OwnedAgent;
  readonly bundle: Uint8Array;
  readonly signed: Hex;
  readonly verify: (file: Uint8Array) => ReturnType<typeof verifyBundle>;
}

/** Signs, sends, and waits for the end. */
async function ended(transaction: object, chain: LocalChain): Promise<Ended> {
  const agent = await startOwnedAgent();
  await chain.fund((await agent.config()).wallet.address!, 10n ** 18n);
  await chain.test.setCode({ address: CODE, bytecode: '0x00' });
  const settings = { rpc_urls: [chain.url], max_fee_per_gas: '20000000000', confirmations: 1, takes: ['eip4844', 'eip7702'] };
  await setPolicy(agent, { v: 'assay-operator-policy/1', chains: { [chain.chainId]: settings }, rules: RULES });
  const body = { transaction: { to: ALICE, value: 0, ...transaction }, rpc_url: chain.url };
  const answer = await agent.post('/api/v1/sign-transaction', body, KEY);
  const { signed_transaction: signed, receipt_id: receipt } = answer.body as {
    readonly signed_transaction: Hex;
    readonly receipt_id: string;
  };
  expect(answer.status).toBe(200);
  const last = async (): Promise<string | null> => {
    const listed = (await (await agent.request('/api/v1/transactions', { headers: KEY })).json()) as {
      readonly transactions: readonly { readonly state: string; readonly final_receipt_id: string | null }[];
    };
    return listed.transactions[0]?.state === 'included' ? listed.transactions[0].final_receipt_id : null;
  };
  await expect.poll(last, { timeout: 120_000, interval: 200 }).not.toBeNull();
  const bundled = await agent.request(`/bundles/${receipt},${await last()}`, { headers: KEY });
  const bundle = new Uint8Array(await bundled.arrayBuffer());
  const simulatedRoot = readFileSync(join(agent.directory, 'data', 'simulated-root.pem'));
  return { agent, bundle, signed, verify: (file) => verifyBundle(file, { trust: { simulatedRoot } }) };
}

/** The same with one character, number or truth changed, for each that there is, named by its place. */
function* changes(value: Json, place = ''): Generator<readonly [string, Json]> {
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries())
      for (const [where, other] of changes(item, `${place}/${index}`)) yield [where, value.with(index, other)];
  } else if (typeof value === 'object' && value !== null) {
    for (const [name, member] of Object.entries(value))
      for (const [where, other] of changes(member as Json, `${place}/${name}`)) yield [where, { ...value, [name]: other }];
  } else yield [place, changedLeaf(value)];
}

function changedLeaf(value: string | number | boolean | null): Json {
  if (typeof value === 'boolean') return !value;
  if (typeof value === 'number') return value + 1;
  if (value === null) return '0';
  const at = Math.floor(value.length / 2);
  return `${value.slice(0, at)}${value[at] === '1' ? '2' : '1'}${value.slice(at + 1)}`;
}

async function commandLine(agent: OwnedAgent, bundle: Uint8Array, command: string): Promise<readonly [number, string]> {
  writeFileSync(join(agent.directory, 'bundle.json'), bundle);
  const io = transcript({ cwd: agent.directory, now: Date.now(), env: {} });
  const code = await run([command, 'bundle.json', '--simulated-root', 'data/simulated-root.pem'], io);
  return [code, io.out()];
}

const KINDS = [
  {
    kind: 'a delegation',
    transaction: { delegate: CODE },
    members: async (signed: Hex) => {
      const { authorizations } = await parseSignedTransaction(signed);
      const digest = authorizationDigest(authorizations![0]!);
      return [{ type: 'authorization.signed', delegate: CODE, account_nonce: 1, digest }, { delegate: CODE }] as const;
    },
  },
  {
    kind: 'a transaction with blobs',
    transaction: { sidecar: SIDECAR, max_fee_per_blob_gas: 20 },
    members: async () => {
      const hashes = versionedHashes(SIDECAR.commitments);
      const signed = { type: 'transaction.signed', blob_hashes: hashes, blob_fee: String(131_072n * 20n) };
      return [signed, { blob_hashes: hashes, fee_per_blob_gas: '20' }] as const;
    },
  },
];

describe.skipIf(ANVIL === null).each(KINDS)('the bundle of $kind', { timeout: 600_000 }, ({ transaction, members }) => {
  test('is accepted as it is, and refused when any part of it is changed', async () => {
    const at = await ended(transaction, await startLocalChain({ hardfork: 'prague' }));
    const verdict = await at.verify(at.bundle);
    if (verdict.outcome !== 'accepted') throw new Error('expected an authentic bundle');
    const story = verdict.receipts.flatMap(({ receipt }) => receipt.event_log);
    const [event, decided] = await members(at.signed);
    expect(story.find(({ type }) => type === event.type)).toMatchObject(event);
    expect(story.map(({ type }) => type)).toEqual(
      expect.arrayContaining(['decision.made', 'transaction.signed', 'transaction.included']),
    );
    const kept = new Map(
      verdict.receipts
        .flatMap(({ payloads }) => payloads)
        .map(({ name, content }) => [name, new TextDecoder().decode(content!)]),
    );
    expect(kept.get('signed-transaction')).toBe(at.signed);
    expect(JSON.parse(kept.get('decision-request.json')!)).toMatchObject(decided);
    expect((await commandLine(at.agent, at.bundle, 'verify'))[0]).toBe(0);
    const accepted: string[] = [];
    const whole = JSON.parse(new TextDecoder().decode(at.bundle)) as JsonObject;
    let tried = 0;
    for (const [place, changed] of changes(whole)) {
      tried += 1;
      const { outcome } = await at.verify(new TextEncoder().encode(JSON.stringify(changed)));
      if (outcome === 'accepted') accepted.push(place);
    }
    expect(accepted).toEqual([]);
    expect(tried).toBeGreaterThan(100);
    const [code] = await commandLine(at.agent, at.bundle.with(at.bundle.length >> 1, 0x31), 'verify');
    expect(code).not.toBe(0);
  });
});
