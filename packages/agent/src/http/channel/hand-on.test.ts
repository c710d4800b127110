/** Sealed requests for another agent: they go to the agent whose logged keyset lists the key, and neither time nor bytes are without end. */

import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { encapsulateRequest, MEDIA_TYPES, ohttpEntry, readHeader, X25519 } from '@assay/channel';
import { createSigningKeys, type KeyHolderAgent } from '@assay/ledger';
import { keysetDigest } from '@assay/receipt';
import { fakeReport } from '@assay/testing';
import { expect, onTestFinished, test } from 'vitest';
import { FORWARDED_HEADER, HandOn, type HandOnLimits } from './hand-on.ts';

const KEY_ID = 7;

async function replica(
  answer: RequestListener,
  { limits, lists = true }: { limits?: Partial<HandOnLimits>; lists?: boolean } = {},
) {
  let asked = 0;
  const server = createServer((request, response) => {
    asked += 1;
    answer(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const pair = await X25519.generate();
  const config = { keyId: KEY_ID, kem: pair.kem, publicKey: pair.publicKey };
  const { report, keyset } = fakeReport(createSigningKeys().keysetEntries, { channelKeys: [ohttpEntry(config)] });
  const digest = keysetDigest(keyset);
  const holder: KeyHolderAgent = {
    member: 'one',
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    keyset: digest,
  };
  const live = { holder: holder as KeyHolderAgent | null };
  const handOn = new HandOn({
    fleet: { holderOf: async (keyId) => (keyId === KEY_ID ? live.holder : null) },
    ledger: { loggedReport: async (of) => (lists && of === digest ? { report, nonce: null } : null) },
    fetch: globalThis.fetch,
    limits: { lookEveryMs: 20, ...limits },
  });
  const { bytes } = await encapsulateRequest(config, new Uint8Array(100));
  const header = readHeader(bytes)!;
  const ask = (more: Record<string, string> = {}, signal = AbortSignal.timeout(20_000)) =>
    handOn.answer(
      new Request('http://agent/ohttp', { method: 'POST', headers: { 'content-type': MEDIA_TYPES.request, ...more }, signal }),
      bytes,
      header,
    );
  return { ask, live, handOn, bytes, header, asked: () => asked };
}

test('the bytes go to the agent that has the key, and its answer comes back', async () => {
  const seen: Buffer[] = [];
  const { ask, bytes } = await replica(async (request, response) => {
    for await (const piece of request) seen.push(piece as Buffer);
    response.writeHead(200, { 'content-type': MEDIA_TYPES.response, 'set-cookie': 'a=b' });
    response.end('sealed answer');
  });
  const answer = (await ask())!;
  expect([answer.status, answer.headers.get('content-type'), answer.headers.get('set-cookie')]).toEqual([
    200,
    MEDIA_TYPES.response,
    null,
  ]);
  expect(await answer.text()).toBe('sealed answer');
  expect(new Uint8Array(Buffer.concat(seen))).toEqual(bytes);
});

test.each<[string, { lists?: boolean; more?: Record<string, string>; gone?: boolean }]>([
  ['its keyset is not in the log', { lists: false }],
  ['no live agent has the key', { gone: true }],
  ['it was handed on before', { more: { [FORWARDED_HEADER]: '1' } }],
])('it goes nowhere when %s', async (_, { lists = true, more = {}, gone = false }) => {
  const { ask, live, asked } = await replica((_request, response) => response.end(), { lists });
  if (gone) live.holder = null;
  expect([await ask(more), asked()]).toEqual([null, 0]);
});

test('it goes nowhere when the logged keyset lists another kind of key under the id', async () => {
  const { handOn, bytes, asked } = await replica((_request, response) => response.end());
  const request = new Request('http://agent/ohttp', { method: 'POST' });
  expect([await handOn.answer(request, bytes, { keyId: KEY_ID, kem: 25722 }), asked()]).toEqual([null, 0]);
});

test('bytes that no agent could open have no header', async () => {
  const { bytes } = await replica((_request, response) => response.end());
  const changed = (at: number) => bytes.map((byte, i) => (i === at ? byte ^ 0x40 : byte));
  for (const at of [1, 2, 3, 4, 5, 6]) expect(readHeader(changed(at)), String(at)).toBeNull();
  for (const length of [0, 1, 6, 7, 38, 54]) expect(readHeader(bytes.slice(0, length)), String(length)).toBeNull();
  expect(readHeader(bytes.slice(0, 55))).toEqual({ keyId: KEY_ID, kem: 32 });
});

const busy = expect.objectContaining({ code: 'server/busy', details: { retryAfterSeconds: 1 } });

test('an agent that answers nothing is waited for as long as it lives', async () => {
  const { ask, live } = await replica(() => undefined);
  const answer = ask();
  const settled = expect(answer).rejects.toEqual(busy);
  live.holder = null;
  await settled;
});

test('and no longer than a request may take', async () => {
  const { ask } = await replica(() => undefined, { limits: { milliseconds: 30 } });
  await expect(ask()).rejects.toEqual(busy);
});

test('an answer that stops in the middle ends with its agent', async () => {
  const { ask, live } = await replica((_, response) => {
    response.write('begun');
  });
  const answer = (await ask())!;
  live.holder = null;
  await expect(answer.text()).rejects.toThrow();
});

test('an answer without end is cut', async () => {
  const { ask } = await replica(
    (_, response) => {
      const more = (): void => {
        while (!response.destroyed && response.write(new Uint8Array(10_000)));
        response.once('drain', more);
      };
      more();
    },
    { limits: { answerBytes: 100_000 } },
  );
  await expect((await ask())!.arrayBuffer()).rejects.toThrow(/at most 100000 bytes/);
});

test('as many are on their way as may be; one that ended, or whose client went away, makes room', async () => {
  const { ask } = await replica((_, response) => void response.write('begun'), { limits: { atOnce: 2 } });
  const client = new AbortController();
  const [first, second] = [(await ask({}, client.signal))!, (await ask())!];
  await expect(ask()).rejects.toEqual(busy);
  client.abort();
  await expect(first.text()).rejects.toThrow();
  await second.body!.cancel();
  const [third, fourth] = [(await ask())!, (await ask())!];
  await expect(ask()).rejects.toEqual(busy);
  for (const each of [third, fourth]) await each.body!.cancel();
});

test('an agent that is not there', async () => {
  const { ask, live } = await replica((_, response) => response.end());
  live.holder = { ...live.holder!, address: 'http://127.0.0.1:9' };
  await expect(ask()).rejects.toEqual(busy);
});
