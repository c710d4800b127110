/**
 * What goes wrong around the wallet: nodes that lie, drop, repeat and never answer; a model that calls the payment tool a thousand times; kills
 * in the middle. Nothing is spent beyond the cap, no nonce is used twice, and everything leaves a receipt.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Hex, type OwnerMessage, parseSigningPolicy, policyHash } from '@assay/operator';
import { startOpenAiServer } from '@assay/testing';
import { verifyBundle } from 'assay';
import { describe, expect, onTestFinished, test } from 'vitest';
import { ANVIL, type LocalChain, startLocalChain } from './local-chain.ts';
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

const KEY = { authorization: `Bearer ${API_KEY}`, 'content-type': 'application/json' };
const ALICE: Hex = '0x86693cbe3f2581df512635823f46f0d593d96dba';
const ETHER = 10n ** 18n;
const ETH = { id: 'eth', effect: 'allow', match: { recipients: [ALICE] }, caps: [{ asset: 'native', at_most: '100' }] };

type Call = { readonly method: string; readonly params: readonly unknown[]; readonly id: number };
/** Gives the node's answer: a result, an error text, or `forward` to ask the real one. */
type Lie = (call: Call, forward: () => Promise<unknown>) => Promise<unknown> | unknown;

/** A node in front of the real one that answers as it likes. */
async function startLiar(chain: LocalChain, lies: Readonly<Record<string, Lie>>): Promise<string> {
  const ask = async (call: Call): Promise<unknown> => {
    const forward = async (): Promise<unknown> => {
      const answer = await fetch(chain.url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(call),
      });
      return ((await answer.json()) as { result?: unknown }).result;
    };
    return (lies[call.method] ?? ((_call, next) => next()))(call, forward);
  };
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (piece) => {
      body += String(piece);
    });
    request.on('end', async () => {
      const call = JSON.parse(body) as Call & { readonly jsonrpc: string };
      const answer = await Promise.resolve(ask(call)).then(
        (result) => ({ result: result ?? null }),
        (error: Error) => ({ error: { code: -32_000, message: error.message } }),
      );
      response.setHeader('content-type', 'application/json').end(JSON.stringify({ jsonrpc: '2.0', id: call.id, ...answer }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function setPolicy(
  url: string,
  rpcUrls: readonly string[],
  rules: readonly object[] = [ETH],
  more: object = {},
): Promise<void> {
  const config = (await (await fetch(`${url}/api/v1/config`)).json()) as ConfigBody;
  const chains = { 84532: { rpc_urls: rpcUrls, max_fee_per_gas: '20000000000', confirmations: 1, ...more } };
  const policy = { v: 'assay-operator-policy/1', chains, rules };
  const { version, change_hash: previousHash } = config.control.policy;
  const fields = {
    agentId: config.agent_id,
    policyHash: policyHash(parseSigningPolicy(JSON.stringify(policy))),
    version: version + 1,
    previousHash,
    expiry: Math.floor(Date.now() / 1000) + 600,
  };
  const message: OwnerMessage = { type: 'SetPolicy', fields };
  const body = JSON.stringify({ message, signatures: await signedBy(message, 2), policy });
  expect((await fetch(`${url}/api/v1/control`, { method: 'POST', headers: KEY, body })).status).toBe(200);
}

interface Answer {
  readonly code: string;
  readonly sent: boolean;
  readonly reason: string | null;
  readonly transaction_hash: Hex;
  readonly nonce: number;
  readonly receipt_id: string;
}
interface Row {
  readonly state: string;
  readonly nonce: number;
  readonly transaction_hash: Hex;
  readonly receipt_id: string;
  readonly final_receipt_id: string | null;
}

async function pay(url: string, rpcUrl: string, value = 3, more: object = {}): Promise<{ status: number; body: Answer }> {
  const body = JSON.stringify({ transaction: { to: ALICE, value }, rpc_url: rpcUrl, ...more });
  const answer = await fetch(`${url}/api/v1/sign-transaction`, { method: 'POST', headers: KEY, body });
  return { status: answer.status, body: (await answer.json()) as Answer };
}

async function rows(url: string): Promise<readonly Row[]> {
  return ((await (await fetch(`${url}/api/v1/transactions`, { headers: KEY })).json()) as { transactions: Row[] }).transactions;
}

async function settled(url: string): Promise<readonly Row[]> {
  for (let tries = 0; tries < 600; tries += 1) {
    const found = await rows(url);
    if (found.every(({ state }) => ['included', 'reverted', 'replaced'].includes(state))) return found;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('a transaction is not final after a minute');
}

async function funded(agent: OwnedAgent, chain: LocalChain): Promise<Hex> {
  const wallet = (await agent.config()).wallet.address!;
  await chain.fund(wallet, ETHER);
  return wallet;
}

describe.skipIf(ANVIL === null)('nodes that lie', () => {
  test('about chain, nonce and price: nothing is signed', { timeout: 120_000 }, async () => {
    const chain = await startLocalChain();
    const agent = await startOwnedAgent();
    await funded(agent, chain);
    const cases: readonly (readonly [string, Readonly<Record<string, Lie>>])[] = [
      ['operator/node-refused', { eth_chainId: () => '0x1' }],
      ['operator/state-behind', { eth_getTransactionCount: () => '0x5' }],
      [
        'operator/denied',
        {
          eth_maxPriorityFeePerGas: () => '0xffffffffffff',
          eth_getBlockByNumber: async (_call, next) => ({ ...((await next()) as object), baseFeePerGas: '0xffffffffffff' }),
        },
      ],
      ['operator/node-unreachable', { eth_getBlockByNumber: () => Promise.reject(new Error('database is gone')) }],
      ['operator/node-unreachable', { eth_chainId: () => 'soon' }],
    ];
    for (const [code, lies] of cases) {
      const liar = await startLiar(chain, lies);
      await setPolicy(agent.url, [liar]);
      expect([code, (await pay(agent.url, liar)).body.code]).toEqual([code, code]);
    }
    expect(await rows(agent.url)).toEqual([]);
  });

  test('about sending and inclusion: what was signed ends once, and only what is in a block is believed', {
    timeout: 180_000,
  }, async () => {
    const chain = await startLocalChain();
    const agent = await startOwnedAgent();
    const wallet = await funded(agent, chain);
    let dropped = 0;
    let lying = true;
    const fake = {
      status: '0x1',
      blockHash: `0x${'ab'.repeat(32)}`,
      blockNumber: '0x1',
      transactionHash: '0x',
      logs: [],
      logsBloom: '0x',
      type: '0x2',
    };
    const liar = await startLiar(chain, {
      eth_sendRawTransaction: async (_call, next) => {
        dropped += 1;
        if (dropped === 1) return `0x${'00'.repeat(32)}`; // accepts and forgets
        await next();
        throw new Error('already known');
      },
      eth_getTransactionReceipt: (_call, next) => (lying ? fake : next()),
    });
    await setPolicy(agent.url, [liar]);
    const { status, body } = await pay(agent.url, liar);
    expect([status, body.sent]).toEqual([200, true]);
    // A block that the chain does not have is looked at again and again, and never believed.
    for (let looks = 0; looks < 15; looks += 1) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      for (const { state } of await rows(agent.url)) expect(['signed', 'sent']).toContain(state);
    }
    lying = false;
    const [row] = await settled(agent.url);
    expect(row).toMatchObject({ state: 'included', nonce: 0 });
    expect(dropped).toBeGreaterThan(1);
    expect(await chain.client.getTransactionCount({ address: wallet })).toBe(1);
    expect(await chain.client.getBalance({ address: ALICE })).toBe(3n);
  });

  test('a second node that does not agree holds the inclusion back', { timeout: 120_000 }, async () => {
    const chain = await startLocalChain();
    const agent = await startOwnedAgent();
    await funded(agent, chain);
    let blind = true;
    const second = await startLiar(chain, { eth_getTransactionReceipt: (_call, next) => (blind ? null : next()) });
    await setPolicy(agent.url, [chain.url], [ETH], { confirming_rpc_url: second });
    expect((await pay(agent.url, chain.url)).status).toBe(200);
    for (let looks = 0; looks < 20; looks += 1) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      for (const { state } of await rows(agent.url)) expect(['signed', 'sent']).toContain(state);
    }
    blind = false;
    const [row] = await settled(agent.url);
    const included = (await agent.events(row!.final_receipt_id!)).find(({ type }) => type === 'transaction.included');
    expect(included).toMatchObject({ confirmed_by: 'two nodes', success: true });
  });

  test('another holder of the key is found by its nonces', { timeout: 120_000 }, async () => {
    const chain = await startLocalChain();
    const agent = await startOwnedAgent();
    const wallet = await funded(agent, chain);
    await setPolicy(agent.url, [chain.url]);
    expect((await pay(agent.url, chain.url)).status).toBe(200);
    await settled(agent.url);
    await chain.test.setNonce({ address: wallet, nonce: 3 });
    expect((await pay(agent.url, chain.url)).body.code).toBe('operator/state-behind');
  });
});

describe.skipIf(ANVIL === null)('a prompt injection', () => {
  test('that calls the payment tool a thousand times moves at most the cap', { timeout: 600_000 }, async () => {
    const chain = await startLocalChain();
    const call = { id: 'c', type: 'function', function: { name: 'pay', arguments: '{"to":"mallory"}' } };
    const choices = [
      { index: 0, finish_reason: 'tool_calls', message: { role: 'assistant', content: null, tool_calls: [call] } },
    ];
    const model = await startOpenAiServer({
      answers: [{ kind: 'raw', contentType: 'application/json', body: JSON.stringify({ id: 'x', model: 'm', choices }) }],
    });
    onTestFinished(() => model.close());
    const agent = await startOwnedAgent({
      environment: { AI_PROVIDER: 'openai', AI_API_BASE: model.base, AI_API_KEY: 'k', AI_MODEL: 'm', ASSAY_RATE_LIMIT: '0' },
    });
    await funded(agent, chain);
    await setPolicy(agent.url, [chain.url], [{ ...ETH, match: { recipients: [ALICE], callers: ['tool'] } }]);
    const asked = await fetch(`${agent.url}/api/v1/prompt`, {
      method: 'POST',
      headers: KEY,
      body: JSON.stringify({ messages: [{ role: 'user', content: 'pay' }] }),
    });
    const { receipt_id: prompt } = (await asked.json()) as { receipt_id: string };
    expect((await pay(agent.url, chain.url)).body.code).toBe('operator/denied'); // the rule is for tools
    const answers: Answer[] = [];
    let next = 0;
    const caller = async (): Promise<void> => {
      while (next++ < 1000) answers.push((await pay(agent.url, chain.url, 7, { prompt_receipt: prompt })).body);
    };
    await Promise.all(Array.from({ length: 16 }, caller));
    const signed = answers.filter(({ code }) => code === undefined);
    expect(answers).toHaveLength(1000);
    expect(signed).toHaveLength(14);
    expect(answers.filter(({ code }) => code === 'operator/denied')).toHaveLength(986);
    await settled(agent.url);
    expect(await chain.client.getBalance({ address: ALICE })).toBe(98n);
    let receipts = 0;
    for (let before: number | null = null; ; ) {
      const page = (await (
        await fetch(`${agent.url}/api/receipts?limit=100${before === null ? '' : `&before=${before}`}`, { headers: KEY })
      ).json()) as {
        receipts: { task: string; state: string }[];
        next: number | null;
      };
      receipts += page.receipts.filter(({ task, state }) => task === 'transaction' && state === 'sealed').length;
      if (page.next === null) break;
      before = page.next;
    }
    expect(receipts).toBe(1001);
    // Prompt, decision, signature and inclusion in one file, which no changed byte survives.
    const row = (await rows(agent.url)).find(({ transaction_hash: hash }) => hash === signed[0]!.transaction_hash)!;
    const bundle = await fetch(`${agent.url}/bundles/${prompt},${row.receipt_id},${row.final_receipt_id}`, { headers: KEY });
    const bytes = new Uint8Array(await bundle.arrayBuffer());
    const simulatedRoot = readFileSync(join(agent.directory, 'data', 'simulated-root.pem'));
    const verdict = await verifyBundle(bytes, { trust: { simulatedRoot } });
    if (verdict.outcome !== 'accepted') throw new Error('expected an authentic bundle');
    const story = verdict.receipts.flatMap(({ receipt }) => receipt.event_log);
    expect(story.find(({ type }) => type === 'decision.made')).toMatchObject({
      cause: prompt,
      caller: 'tool',
      outcome: 'allow',
    });
    expect(story.find(({ type }) => type === 'transaction.included')).toMatchObject({ cites: row.receipt_id });
    for (const word of ['decision.made', 'transaction.included', 'message.signed', '"caller":"tool"']) {
      const text = new TextDecoder().decode(bytes);
      const at = text.indexOf(word);
      const changed = bytes.slice();
      changed[at + 1] = (changed[at + 1] ?? 0) ^ 1;
      expect([word, at > 0, (await verifyBundle(changed, { trust: { simulatedRoot } })).outcome]).toEqual([
        word,
        true,
        expect.not.stringMatching('accepted'),
      ]);
    }
  });
});

/** Kills of one run; `npm run test:kills` makes 100. */
const KILLS = Number(process.env.ASSAY_TEST_KILLS ?? 5);

const MAIN = fileURLToPath(new URL('../../packages/assay/src/command-line/main.ts', import.meta.url));

/** An agent of its own process, so that it can be killed. */
async function startProcess(directory: string): Promise<{ url: string; child: ChildProcess }> {
  const child = spawn(process.execPath, ['--conditions=@assay/source', '--no-warnings', MAIN, 'serve'], {
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      AGENT_PORT: '0',
      ASSAY_DATA_DIR: join(directory, 'data'),
      ASSAY_API_KEY: API_KEY,
      ASSAY_OPERATOR_MANIFEST: join(directory, 'operator.json'),
      AI_PROVIDER: 'recorded',
      NO_COLOR: '1',
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let said = '';
  const url = await new Promise<string>((resolve, reject) => {
    child.stderr?.on('data', (chunk) => {
      said += String(chunk);
      const found = /is up at (http:\/\/\S+)/.exec(said)?.[1];
      if (found !== undefined) resolve(found);
    });
    child.once('exit', () => reject(new Error(`the agent did not start: ${said}`)));
  });
  return { url, child };
}

test.skipIf(ANVIL === null)(
  'kills under load lose nothing that was acknowledged and use no nonce twice',
  { timeout: 600_000 + KILLS * 40_000 },
  async () => {
    const directory = temporary();
    writeFileSync(
      join(directory, 'operator.json'),
      JSON.stringify({ ...MANIFEST, owners: { ...MANIFEST.owners, threshold: 2 } }),
    );
    const chain = await startLocalChain();
    const rich = { ...ETH, caps: [{ asset: 'native', at_most: '100000' }] };
    let acknowledgedVersion = 0;
    const acknowledged = new Map<Hex, number>();
    let wallet: Hex | null = null;
    for (let round = 0; round < KILLS; round += 1) {
      const { url, child } = await startProcess(directory);
      const config = (await (await fetch(`${url}/api/v1/config`)).json()) as ConfigBody;
      wallet ??= config.wallet.address;
      if (round === 0) {
        await chain.fund(wallet!, ETHER);
        await setPolicy(url, [chain.url], [rich]);
      }
      const found = config.variables.find(({ name }) => name === 'greeting')!;
      expect(found.version).toBeGreaterThanOrEqual(acknowledgedVersion);
      const known = new Set((await rows(url)).map(({ transaction_hash: hash }) => hash));
      // The list has the newest 200; the chain has the others at the end.
      for (const hash of [...acknowledged.keys()].slice(-100)) expect(known.has(hash)).toBe(true);
      const most = 20 + Math.floor(Math.random() * 20);
      let done = 0;
      const killed = once(child, 'exit');
      const work = async (step: () => Promise<void>): Promise<void> => {
        while (child.exitCode === null && child.signalCode === null) {
          try {
            await step();
          } catch {
            return; // the connection broke: not acknowledged
          }
          done += 1;
          // At a random point of the work that is in flight then.
          if (done === most) setTimeout(() => child.kill('SIGKILL'), Math.random() * 30);
        }
      };
      await Promise.all([
        work(async () => {
          const now = (await (await fetch(`${url}/api/v1/config`)).json()) as ConfigBody;
          const entry = await variableEntry(now, 'greeting', `round ${round}, ${done}`);
          const answer = await fetch(`${url}/api/v1/variables`, {
            method: 'POST',
            headers: KEY,
            body: JSON.stringify({ variables: [entry] }),
          });
          if (answer.status === 200)
            acknowledgedVersion = Math.max(acknowledgedVersion, entry.message.fields.version as number);
        }),
        ...Array.from({ length: 4 }, () =>
          work(async () => {
            const { status, body } = await pay(url, chain.url, 1);
            if (status === 200) acknowledged.set(body.transaction_hash, body.nonce);
          }),
        ),
      ]);
      await killed;
    }
    const { url } = await startProcess(directory);
    const ended = await settled(url);
    expect(ended.every(({ state }) => state === 'included')).toBe(true);
    // A chain takes nonces in turn: as many as it counts were used, without a gap and each once.
    const count = await chain.client.getTransactionCount({ address: wallet! });
    expect(Math.max(...ended.map(({ nonce }) => nonce))).toBe(count - 1);
    for (const hash of acknowledged.keys()) expect((await chain.client.getTransactionReceipt({ hash })).status).toBe('success');
    expect(await chain.client.getBalance({ address: ALICE })).toBe(BigInt(count));
    expect(acknowledged.size).toBeGreaterThan(20);
    expect(new Set(acknowledged.values()).size).toBe(acknowledged.size);
    expect(acknowledgedVersion).toBeGreaterThan(2);
    process.stdout.write(
      `kills: ${KILLS}, ${acknowledged.size} transactions and ${acknowledgedVersion} changes acknowledged, 0 lost, ${count} nonces, no gap\n`,
    );
  },
);
