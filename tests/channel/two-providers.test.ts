/** The channel as browsers have it (WebCrypto) and as Node has it, in both directions: whole OHTTP exchanges between two copies. */

import type * as Channel from '@assay/channel';
import { concatBytes, utf8 } from '@assay/encoding/bytes';
import { beforeAll, describe, expect, it, vi } from 'vitest';

type Side = 'node' | 'web';
const copies = {} as Record<Side, typeof Channel>;
let webCalls = 0;

beforeAll(async () => {
  copies.node = await import('@assay/channel');
  const { getBuiltinModule } = process;
  process.getBuiltinModule = (() => undefined) as never;
  try {
    vi.resetModules();
    copies.web = await import('@assay/channel');
  } finally {
    process.getBuiltinModule = getBuiltinModule;
  }
  const { encrypt } = crypto.subtle;
  crypto.subtle.encrypt = (...parameters) => {
    webCalls += 1;
    return encrypt.apply(crypto.subtle, parameters);
  };
});

async function collect(source: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of source) parts.push(part);
  return concatBytes(...parts);
}

it('loads two copies, of which one alone calls WebCrypto', async () => {
  expect(copies.node.X25519).not.toBe(copies.web.X25519);
  const seal = async (side: Side): Promise<number> => {
    const before = webCalls;
    const { publicKey } = await copies[side].X25519.generate();
    await copies[side].encapsulateRequest({ keyId: 1, kem: 0x0020, publicKey }, utf8('hello'));
    return webCalls - before;
  };
  expect(await seal('node')).toBe(0);
  expect(await seal('web')).toBe(1);
});

describe.each<[Side, Side]>([
  ['node', 'web'],
  ['web', 'node'],
])('a client on %s and an enclave on %s', (from, to) => {
  it.each(['X25519', 'X_WING'] as const)('exchange requests, whole answers and streams with %s', async (name) => {
    const [client, enclave] = [copies[from], copies[to]];
    const keyPair = await enclave[name].generate();
    const config = { keyId: 3, kem: keyPair.kem, publicKey: keyPair.publicKey };
    const message = utf8('POST /v1/chat/completions');
    const sealed = await client.encapsulateRequest(config, message, 'chunked');
    const opened = await enclave.decapsulateRequest(sealed.bytes, 'chunked', [{ keyId: 3, keyPair }]);
    expect(opened.message).toEqual(message);

    const whole = await enclave.encapsulateFinalChunk(opened, utf8('one chunk'));
    expect(client.isFinalChunkAlone(whole)).toBe(true);
    expect(await client.decapsulateFinalChunk(sealed.opener, whole)).toEqual(utf8('one chunk'));

    async function* words(): AsyncGenerator<Uint8Array> {
      for (const word of ['data: one\n\n', 'data: two\n\n', 'data: [DONE]\n\n']) yield utf8(word);
    }
    const stream = enclave.encapsulateChunks(opened, words());
    expect(await collect(client.decapsulateChunks(sealed.opener, stream))).toEqual(await collect(words()));

    const cut = whole.subarray(0, whole.length - 1);
    await expect(client.decapsulateFinalChunk(sealed.opener, cut)).rejects.toMatchObject({ code: 'channel/decryption-failed' });
  });
});
