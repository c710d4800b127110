/** Encrypted bodies in EHBP's form against a running agent: the answer comes back sealed, and nothing is taken twice. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type EhbpExchange,
  ENCAPSULATED_KEY_HEADER,
  KEY_CONFIG_PROBLEM,
  openExchange,
  openFrames,
  parseKeyConfigs,
  RESPONSE_NONCE_HEADER,
  readPieces,
  sealFrame,
  X25519,
} from '@assay/channel';
import { concatBytes, decodeUtf8, utf8 } from '@assay/encoding/bytes';
import { decodeHex, encodeHex } from '@assay/encoding/hex';
import { recordedChats } from '@assay/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parseConfig, type RunningAgent, startAgent } from '../../packages/agent/src/index.ts';

let directory: string;
let agent: RunningAgent;
const QUESTION = utf8(JSON.stringify({ model: 'default', messages: [{ role: 'user', content: 'my secret question' }] }));

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'assay-ehbp-'));
  agent = await startAgent(
    parseConfig({
      AGENT_PORT: '0',
      ASSAY_DATA_DIR: directory,
      ASSAY_LOG_LEVEL: 'error',
      AI_PROVIDER: 'recorded',
      ASSAY_RECORDED_FILE: recordedChats(directory, ['my secret question']),
    }),
  );
}, 60_000);

afterAll(async () => {
  await agent.close();
  rmSync(directory, { recursive: true, force: true });
});

async function exchangeWithAgent(): Promise<EhbpExchange> {
  const keys = new Uint8Array(await (await fetch(`${agent.url}/.well-known/hpke-keys`)).arrayBuffer());
  const [config] = parseKeyConfigs(keys);
  return openExchange(config!);
}

function send(exchange: EhbpExchange, body: Uint8Array): Promise<Response> {
  const headers = { 'content-type': 'application/json', [ENCAPSULATED_KEY_HEADER]: encodeHex(exchange.encapsulated) };
  return fetch(`${agent.url}/v1/chat/completions`, { method: 'POST', headers, body: body as BodyInit });
}

it('answers a sealed body with a sealed body', async () => {
  const exchange = await exchangeWithAgent();
  const sealed = await sealFrame(exchange.request, QUESTION);
  expect(decodeUtf8(Uint8Array.from(sealed, (byte) => byte & 0x7f))).not.toContain('secret');
  const answer = await send(exchange, sealed);
  expect(answer.status).toBe(200);
  const stream = exchange.response(decodeHex(answer.headers.get(RESPONSE_NONCE_HEADER) ?? ''));
  const parts: Uint8Array[] = [];
  for await (const part of openFrames(stream, readPieces(answer.body!))) parts.push(part);
  const body = JSON.parse(decodeUtf8(concatBytes(...parts))) as { choices: { message: { content: string } }[] };
  expect(body.choices[0]?.message.content.length).toBeGreaterThan(0);
  expect((await send(exchange, sealed)).status, 'the same request again').toBe(409);
});

it.each<[string, () => Promise<Response>, number, string]>([
  [
    'another key',
    async () => {
      const foreign = await openExchange({ keyId: 0, kem: 0x0020, publicKey: (await X25519.generate()).publicKey });
      return send(foreign, await sealFrame(foreign.request, QUESTION));
    },
    422,
    KEY_CONFIG_PROBLEM,
  ],
  [
    'an empty body',
    async () => send(await exchangeWithAgent(), new Uint8Array(4)),
    400,
    'urn:assay:error:channel/message-malformed',
  ],
  [
    'a cut frame',
    async () => {
      const exchange = await exchangeWithAgent();
      return send(exchange, (await sealFrame(exchange.request, QUESTION)).subarray(0, 40));
    },
    400,
    'urn:assay:error:channel/truncated',
  ],
])('%s is refused', async (_name, attempt, status, type) => {
  const answer = await attempt();
  expect(answer.status).toBe(status);
  expect(((await answer.json()) as { type: string }).type).toBe(type);
  expect(answer.headers.has(RESPONSE_NONCE_HEADER)).toBe(false);
});
