/** The Vercel AI SDK on a verified agent: `generateText` and `streamText` through its `fetch`, and what they do when somebody lies. */

import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { ChannelError } from '@assay/channel';
import { verifyReceiptSignature } from '@assay/receipt';
import { type OpenAiServer, startOpenAiServer } from '@assay/testing';
import { generateText, streamText } from 'ai';
import { type Agent, type ConnectOptions, connect, verify } from 'assay';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parseConfig, type RunningAgent, startAgent } from '../../packages/agent/src/index.ts';

const HELLO = 'Good morning, said the model.';
const PROMPT = 'a secret greeting';
let directory: string;
let model: OpenAiServer;
let running: RunningAgent;
let options: ConnectOptions;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'assay-ai-sdk-'));
  model = await startOpenAiServer({ answers: [{ kind: 'text', text: HELLO }] });
  running = await startAgent(
    parseConfig({
      AGENT_PORT: '0',
      ASSAY_DATA_DIR: directory,
      ASSAY_LOG_LEVEL: 'error',
      AI_PROVIDER: 'ollama',
      AI_API_BASE: model.base,
    }),
  );
  options = { trust: { simulatedRoot: readFileSync(join(directory, 'simulated-root.pem')) } };
}, 60_000);

afterAll(async () => {
  await running.close();
  await model.close();
  rmSync(directory, { recursive: true, force: true });
});

/** The SDK on `agent`, and the exact bytes it asked with and was answered. */
function sdk(agent: Agent) {
  const seen = { asked: '', answered: '', receipt: '' };
  const provider = createOpenAICompatible({
    name: 'assay',
    baseURL: agent.baseURL,
    fetch: async (input, init) => {
      seen.asked = String(init?.body);
      const answer = await agent.fetch(input, init);
      seen.receipt = answer.headers.get('x-receipt-id') ?? '';
      const keep = new TransformStream<Uint8Array, Uint8Array>({
        transform: (piece, controller) => {
          seen.answered += Buffer.from(piece).toString('utf8');
          controller.enqueue(piece);
        },
      });
      return new Response(answer.body?.pipeThrough(keep) ?? null, answer);
    },
  });
  return { seen, model: provider('default') };
}

const calls: readonly (readonly [string, (given: Parameters<typeof generateText>[0]) => Promise<string>])[] = [
  ['generateText', async (given) => (await generateText(given)).text],
  [
    'streamText',
    async (given) => {
      let text = '';
      const { stream } = streamText({ ...given, onError: () => {} });
      for await (const part of stream) {
        if (part.type === 'error') throw part.error;
        if (part.type === 'text-delta') text += part.text;
      }
      return text;
    },
  ],
];

const sha256 = (text: string): string => `sha256:${createHash('sha256').update(text).digest('hex')}`;

it.each(calls)('%s is answered sealed, and leaves a receipt of exactly what was asked and answered', async (_, ask) => {
  const onTheWire: string[] = [];
  const carry: typeof fetch = async (input, init) => {
    const request = new Request(input, init);
    onTheWire.push(`${request.url} ${Buffer.from(await request.clone().arrayBuffer()).toString('latin1')}`);
    return fetch(request);
  };
  const agent = await connect(running.url, { ...options, fetch: carry });
  const { seen, model: assay } = sdk(agent);
  expect(await ask({ model: assay, prompt: PROMPT })).toBe(HELLO);
  const proof = await agent.proof(seen.receipt);
  const { receipt } = proof;
  await verifyReceiptSignature(receipt, agent.attested.keyset);
  expect(receipt.endpoint).toBe('/v1/chat/completions');
  expect(seen.asked).toContain(PROMPT);
  expect(receipt.event_log).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ type: 'request.received', body_hash: sha256(seen.asked) }),
      expect.objectContaining({ type: 'response.returned', body_hash: sha256(seen.answered) }),
    ]),
  );
  expect(await verify(proof.encode(), { trust: options.trust })).toMatchObject({
    outcome: 'accepted',
    type: 'receipt',
    simulated: true,
  });
  expect(onTheWire.join('\n')).not.toMatch(/secret greeting|completions/);
});

/** Sealed requests pass in order: the question, then the fetch of its receipt. */
const lies: readonly (readonly [string, (count: number, answer: Response) => Response | Promise<Response>, RegExp])[] = [
  [
    'whose receipt is kept back',
    (count, answer) => (count === 2 ? new Response('gone', { status: 502 }) : answer),
    /^channel\/response-unencrypted$/,
  ],
  [
    'that was cut short',
    async (count, answer) =>
      count === 1 ? new Response((await answer.arrayBuffer()).slice(0, -20), { headers: answer.headers }) : answer,
    /^channel\/(?:truncated|decryption-failed)$/,
  ],
];

it.each(calls.flatMap(([name, ask]) => lies.map(([lie, spoil, code]) => ({ name, ask, lie, spoil, code }))))(
  '$name gives out no answer $lie',
  async ({ ask, spoil, code }) => {
    let count = 0;
    const lying: typeof fetch = async (input, init) => {
      const answer = await fetch(input, init);
      if (!answer.url.endsWith('/ohttp')) return answer;
      count += 1;
      return spoil(count, answer);
    };
    const agent = await connect(running.url, { ...options, fetch: lying });
    const failure: unknown = await ask({ model: sdk(agent).model, prompt: PROMPT, maxRetries: 0 }).catch((error) => error);
    const found: Error[] = [];
    for (let error = failure; error instanceof Error; error = error.cause) found.push(error);
    expect(found.find(ChannelError.is)?.code).toMatch(code);
    expect(found.map(({ message }) => message).join()).not.toContain(HELLO);
  },
);

it.each(calls)('%s asks nothing of an agent whose keyset was swapped', async (_, ask) => {
  const asked = model.requests.length;
  const swapped: typeof fetch = async (input, init) => {
    const report = await (await fetch(input, init)).json();
    report.attestation.workload_keyset.e2ee_public_keys[0].public_key = 'ab'.repeat(32);
    return Response.json(report);
  };
  const connected = connect(running.url, { ...options, fetch: swapped }).then((agent) =>
    ask({ model: sdk(agent).model, prompt: PROMPT }),
  );
  await expect(connected).rejects.toMatchObject({ code: 'client/attestation-refused' });
  expect(model.requests.length).toBe(asked);
});
