/**
 * What the wallet costs, against a local chain (anvil; `node tools/install-anvil.mjs`).
 *
 *   node --conditions=@assay/source bench/chain.ts
 *
 * 1. one transaction after another: whole request; without the time in which the node was asked; and of that, what passes until the signed
 *    transaction leaves for the node: decision, durable reservation and signature (reach: p50 ≤ 4 ms, p99 ≤ 30 ms);
 * 2. 200 transactions, 16 in flight (reach: ≤ 2 s, no gap, nothing twice);
 * 3. a variable, until it is durable and in force (reach: p50 ≤ 8 ms);
 * 4. a decision by 200 rules (reach: ≤ 0.2 ms).
 */

import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { privateKeyToAccount } from 'viem/accounts';
import { parseConfig, startAgent } from '../packages/agent/src/index.ts';
import {
  decide,
  type Hex,
  hexOf,
  type OwnerMessage,
  parseSigningPolicy,
  policyHash,
  SpendingWindow,
  typedDataOf,
  valueHash,
} from '../packages/operator/src/index.ts';
import { programOptions } from '../tools/program-options.ts';

const ANVIL = new URL('../.cache/anvil/node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil', import.meta.url).pathname;
const KEY = 'key-of-the-bench-only';
const ALICE: Hex = '0x86693cbe3f2581df512635823f46f0d593d96dba';
const ZERO: Hex = `0x${'00'.repeat(32)}`;
const PORT = 18_545;
const RPC = `http://127.0.0.1:${PORT}`;

programOptions({
  call: 'npm run bench:chain',
  does: 'What the wallet costs, against a local chain (node tools/install-anvil.mjs).',
  options: {},
});
if (!existsSync(ANVIL)) throw new Error('anvil is missing: node tools/install-anvil.mjs');
const directory = mkdtempSync(join(tmpdir(), 'assay-bench-chain-'));
const owner = privateKeyToAccount(`0x${'22'.repeat(32)}`);
const sign = (message: OwnerMessage): Promise<Hex> => owner.signTypedData(typedDataOf(message) as never);
const at = (values: readonly number[], share: number): string =>
  ([...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))] ?? Number.NaN).toFixed(2);

const chain = spawn(ANVIL, ['--port', String(PORT), '--chain-id', '84532', '--silent'], { stdio: 'ignore' });
const rpc = async (method: string, params: readonly unknown[]): Promise<unknown> => {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
  const answer = await fetch(RPC, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  return ((await answer.json()) as { result: unknown }).result;
};
while ((await rpc('eth_chainId', []).catch(() => null)) === null) await new Promise((resolve) => setTimeout(resolve, 20));

// The time in which at least one question to the node is open, while requests come one by one.
let asking = 0;
let since = 0;
let asked = 0;
/** When the signed transaction left, less what the node had been asked until then. */
let left = 0;
const plainFetch = globalThis.fetch;
globalThis.fetch = async (input, init) => {
  const toNode = String(input instanceof Request ? input.url : input).startsWith(RPC);
  if (toNode && asking++ === 0) since = performance.now();
  if (toNode && String(init?.body).includes('eth_sendRawTransaction')) left = since - asked;
  try {
    return await plainFetch(input, init);
  } finally {
    if (toNode && --asking === 0) asked += performance.now() - since;
  }
};

const manifest = join(directory, 'operator.json');
writeFileSync(
  manifest,
  JSON.stringify({
    v: 'assay-operator/1',
    name: 'bench',
    owners: { addresses: [owner.address.toLowerCase()], threshold: 1 },
    variables: { note: { visibility: 'public' } },
  }),
);
const agent = await startAgent(
  parseConfig({
    AGENT_PORT: '0',
    ASSAY_DATA_DIR: join(directory, 'data'),
    ASSAY_LOG_LEVEL: 'silent',
    ASSAY_API_KEY: KEY,
    ASSAY_OPERATOR_MANIFEST: manifest,
    AI_PROVIDER: 'recorded',
  }),
);
const headers = { 'content-type': 'application/json', authorization: `Bearer ${KEY}` };
const post = async (path: string, body: unknown): Promise<Record<string, unknown>> => {
  const answer = await fetch(`${agent.url}/api/v1/${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
  const value = (await answer.json()) as Record<string, unknown>;
  if (answer.status !== 200) throw new Error(JSON.stringify(value));
  return value;
};
const config = (await (await fetch(`${agent.url}/api/v1/config`)).json()) as { agent_id: Hex; wallet: { address: Hex } };
await rpc('anvil_setBalance', [config.wallet.address, '0xde0b6b3a7640000']);
const rules = Array.from({ length: 199 }, (_, n) => ({
  id: `deny-${n}`,
  effect: 'deny',
  match: { recipients: [`0x${n.toString(16).padStart(40, '0')}`] },
}));
const policy = {
  v: 'assay-operator-policy/1',
  chains: { 84532: { rpc_urls: [RPC], max_fee_per_gas: '20000000000' } },
  rules: [
    ...rules,
    { id: 'eth', effect: 'allow', match: { recipients: [ALICE] }, caps: [{ asset: 'native', at_most: '100000000' }] },
  ],
};
const parsed = parseSigningPolicy(JSON.stringify(policy));
const links = { agentId: config.agent_id, version: 1, previousHash: ZERO, expiry: Math.floor(Date.now() / 1000) + 3600 };
const setPolicy: OwnerMessage = { type: 'SetPolicy', fields: { ...links, policyHash: policyHash(parsed) } };
await post('control', { message: setPolicy, signatures: [await sign(setPolicy)], policy });

const pay = (): Promise<Record<string, unknown>> =>
  post('sign-transaction', { transaction: { to: ALICE, value: 1 }, rpc_url: RPC });
for (let n = 0; n < 20; n += 1) await pay();
const whole: number[] = [];
const own: number[] = [];
const signed: number[] = [];
for (let n = 0; n < 200; n += 1) {
  asked = 0;
  const begun = performance.now();
  await pay();
  const took = performance.now() - begun;
  whole.push(took);
  own.push(took - asked);
  signed.push(left - begun);
}
console.log(`one by one        whole p50 ${at(whole, 0.5)} ms, p99 ${at(whole, 0.99)} ms`);
console.log(
  `  until it leaves       p50 ${at(signed, 0.5)} ms, p99 ${at(signed, 0.99)} ms (decision, durable reservation, signature)`,
);
console.log(
  `  without the node      p50 ${at(own, 0.5)} ms, p99 ${at(own, 0.99)} ms (two commits: signature, then that it was sent)`,
);

const nonces: number[] = [];
let waiting = 200;
const begun = performance.now();
await Promise.all(
  Array.from({ length: 16 }, async () => {
    while (waiting-- > 0) nonces.push(Number((await pay()).nonce));
  }),
);
const took = performance.now() - begun;
const gaps = [...nonces]
  .sort((a, b) => a - b)
  .filter((nonce, index, all) => index > 0 && nonce !== (all[index - 1] ?? 0) + 1).length;
console.log(`200, 16 in flight ${took.toFixed(0)} ms, ${gaps} gaps or duplicates`);

let previousHash = ZERO;
const changes: number[] = [];
for (let version = 1; version <= 100; version += 1) {
  const salt = crypto.getRandomValues(new Uint8Array(32));
  const value = `value ${version}`;
  const fields = {
    name: 'note',
    visibility: 'public',
    mutability: 'mutable',
    valueHash: valueHash(salt, value),
    policyHash: policyHash(parsed),
  } as const;
  const message: OwnerMessage = { type: 'SetVariable', fields: { ...links, version, previousHash, ...fields } };
  const signatures = [await sign(message)];
  const start = performance.now();
  await post('variables', { variables: [{ message, signatures, value, salt: hexOf(salt) }] });
  changes.push(performance.now() - start);
  const listed = (await (await fetch(`${agent.url}/api/v1/variables`)).json()) as { note: { change_hash: Hex; value: string } };
  if (listed.note.value !== value) throw new Error('a change is not in force');
  previousHash = listed.note.change_hash;
}
console.log(`a variable        p50 ${at(changes, 0.5)} ms, p99 ${at(changes, 0.99)} ms`);

const request = {
  chainId: 84_532,
  type: 'eip1559',
  to: ALICE,
  value: 1n,
  data: '0x',
  gas: 21_000n,
  feePerGas: 1n,
  caller: 'key',
  time: 1_800_000_000,
} as const;
const window = new SpendingWindow();
for (let n = 0; n < 2000; n += 1) decide(parsed, request, window);
const start = performance.now();
for (let n = 0; n < 2000; n += 1) decide(parsed, request, window);
console.log(`200 rules         ${((performance.now() - start) / 2000).toFixed(4)} ms a decision`);

await agent.close();
chain.kill();
rmSync(directory, { recursive: true, force: true });
