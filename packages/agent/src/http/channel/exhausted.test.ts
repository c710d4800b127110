/** A channel key that is used up: the memory of what was answered is bounded, and nothing is answered beyond it. */

import {
  ENCAPSULATED_KEY_HEADER,
  encapsulateRequest,
  encodeRequest,
  MEDIA_TYPES,
  openExchange,
  sealFrame,
} from '@assay/channel';
import { encodeHex } from '@assay/encoding/hex';
import { expectAdvice } from '@assay/testing';
import { beforeAll, expect, test } from 'vitest';
import { ChannelKeys, MAX_REQUESTS_PER_KEY } from '../../identity/channel-keys.ts';
import { answerEhbp } from './ehbp.ts';
import { answerEncapsulated } from './ohttp-gateway.ts';

const NOW = 1_800_000_000_000;
const MESSAGE = new TextEncoder().encode('question');
let keys: ChannelKeys;
let handled = 0;

beforeAll(async () => {
  keys = await ChannelKeys.generate(NOW / 1000 + 60);
  const encapsulated = new Uint8Array(32);
  const counter = new DataView(encapsulated.buffer);
  for (let count = 0; count < MAX_REQUESTS_PER_KEY - 1; count += 1) {
    counter.setUint32(0, count);
    keys.claim(encapsulated);
  }
}, 120_000);

const options = () => ({
  keys,
  handle: async () => {
    handled += 1;
    return Response.json({ status: 'ok' });
  },
  now: () => NOW,
  maxRequestBytes: 1024,
});

function config() {
  const [key] = keys.keys;
  if (key === undefined) throw new Error('expected a key');
  return { keyId: key.keyId, kem: 0x0020, publicKey: key.keyPair.publicKey } as const;
}

async function overOhttp(): Promise<Response> {
  const head = { method: 'POST', scheme: 'http', authority: 'agent', path: '/talk', headers: [] };
  const { bytes } = await encapsulateRequest(config(), encodeRequest({ ...head, body: MESSAGE }));
  const headers = { 'content-type': MEDIA_TYPES.request };
  const body = new Uint8Array(bytes);
  return answerEncapsulated(new Request('http://agent/ohttp', { method: 'POST', headers, body }), options());
}

async function overEhbp(): Promise<Response> {
  const exchange = await openExchange(config());
  const headers = { [ENCAPSULATED_KEY_HEADER]: encodeHex(exchange.encapsulated) };
  const body = new Uint8Array(await sealFrame(exchange.request, MESSAGE));
  return answerEhbp(new Request('http://agent/talk', { method: 'POST', headers, body }), { ...options(), sender: 'known' });
}

test('channel/key-exhausted: a key that took a million requests takes no other', async () => {
  expect([(await overOhttp()).status, handled]).toEqual([200, 1]);
  for (const send of [overOhttp, overEhbp]) {
    const answer = await send();
    expect([answer.status, answer.headers.get('retry-after'), handled], send.name).toEqual([503, '2', 1]);
    const { code, detail } = (await answer.json()) as { readonly code: string; readonly detail: string };
    expect(code).toBe('channel/key-exhausted');
    expectAdvice(detail, ['took all requests', 'verify the attestation again']);
  }
});
