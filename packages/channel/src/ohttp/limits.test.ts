/** Lengths, counts and forms that a peer can choose, each one beyond what is taken; and integers of every length. */

import { concatBytes, utf8 } from '@assay/encoding/bytes';
import { expectCode } from '@assay/testing';
import { describe, expect, test } from 'vitest';
import { setupSender } from '../hpke/hpke.ts';
import { X25519 } from '../hpke/kem.ts';
import { decodeRequest, encodeRequest, encodeResponseHead, ResponseDecoder } from './binary-http.ts';
import { encodeKeyConfigs, parseKeyConfigs } from './key-config.ts';
import {
  decapsulateChunks,
  decapsulateRequest,
  decapsulateResponse,
  encapsulateChunks,
  encapsulateFinalChunk,
  encapsulateRequest,
  MAX_CHUNK_BYTES,
} from './message.ts';
import { decodeVarint, encodeVarint } from './varint.ts';

const fields = (count: number) => Array.from({ length: count }, (_, index) => [`x-${index}`, ''] as const);
const request = { method: 'POST', scheme: 'https', authority: 'a', path: '/', headers: [], body: new Uint8Array(0) };
const keyPair = await X25519.generate();
const holder = { keyId: 7, keyPair };
const config = { keyId: 7, kem: 0x0020, publicKey: keyPair.publicKey } as const;
const sealed = await encapsulateRequest(config, utf8('ask'), 'chunked');
const opened = await decapsulateRequest(sealed.bytes, 'chunked', [holder]);
const HEAD = 7 + 32; // header and encapsulated key

async function drain(source: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _ of source);
}

async function* once(...parts: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield concatBytes(...parts);
}

describe('a message of binary HTTP', () => {
  const field = (name: string, value = '') => [name, value].flatMap((text) => [encodeVarint(text.length), utf8(text)]);
  const response = (...parts: readonly Uint8Array[]) => concatBytes(encodeVarint(3), encodeVarint(200), ...parts);

  test.each<[string, string, () => unknown]>([
    ['request with many fields', 'channel/oversize', () => decodeRequest(encodeRequest({ ...request, headers: fields(2000) }))],
    [
      'request with trailers',
      'channel/message-malformed',
      () => decodeRequest(concatBytes(encodeRequest(request).slice(0, -1), encodeVarint(2), Uint8Array.of(0, 0))),
    ],
    [
      'response with many fields',
      'channel/oversize',
      () => new ResponseDecoder().push(encodeResponseHead({ status: 200, headers: fields(2000) })),
    ],
    [
      'response of a known length',
      'channel/message-malformed',
      () => new ResponseDecoder().push(concatBytes(encodeVarint(1), encodeVarint(200), encodeVarint(0))),
    ],
    [
      'response with an upper-case field',
      'channel/message-malformed',
      () => new ResponseDecoder().push(response(...field('X'), encodeVarint(0))),
    ],
    [
      'response with two lines in a field',
      'channel/message-malformed',
      () => new ResponseDecoder().push(response(...field('x', 'a\nb'), encodeVarint(0))),
    ],
  ])('%s is refused: %s', async (_, code, read) => {
    await expectCode(read, code);
  });
});

describe('an encapsulated message', () => {
  const chunk = (length: number) => concatBytes(sealed.bytes.slice(0, HEAD), encodeVarint(length), new Uint8Array(64));

  test.each<[string, string, string, () => Promise<unknown>]>([
    [
      'request that ends in its key',
      'channel/truncated',
      'encapsulated key',
      () => decapsulateRequest(sealed.bytes.slice(0, HEAD - 1), 'whole', [holder]),
    ],
    [
      'request with a huge chunk',
      'channel/oversize',
      'chunks of at most',
      () => decapsulateRequest(chunk(MAX_CHUNK_BYTES + 1), 'chunked', [holder]),
    ],
    [
      'request that ends in a chunk',
      'channel/truncated',
      'inside a chunk',
      () => decapsulateRequest(chunk(65), 'chunked', [holder]),
    ],
    [
      'answer without its nonce',
      'channel/truncated',
      'response nonce',
      () => decapsulateResponse(sealed.opener, new Uint8Array(31)),
    ],
    [
      'answer of one huge chunk',
      'channel/oversize',
      'in one chunk',
      () => encapsulateFinalChunk(opened, new Uint8Array(MAX_CHUNK_BYTES + 1)),
    ],
    [
      'answer with a huge chunk',
      'channel/oversize',
      'chunks of at most',
      () => drain(decapsulateChunks(sealed.opener, once(new Uint8Array(32), encodeVarint(MAX_CHUNK_BYTES + 1)))),
    ],
    [
      'answer with a huge final chunk',
      'channel/oversize',
      'final chunk',
      () =>
        drain(
          decapsulateChunks(sealed.opener, once(new Uint8Array(32), encodeVarint(0), new Uint8Array(MAX_CHUNK_BYTES + 17))),
        ),
    ],
  ])('%s is refused: %s', async (_, code, words, open) => {
    expect((await expectCode(open(), code)).message).toContain(words);
  });

  test('request of several chunks is read whole, each in its place', async () => {
    const header = sealed.bytes.slice(0, 7);
    const info = concatBytes(utf8('message/bhttp chunked request'), Uint8Array.of(0), header);
    const { encapsulated, stream } = await setupSender(X25519, keyPair.publicKey, info);
    const chunks = [await stream.seal(utf8('one ')), await stream.seal(utf8('two '))].map((part) =>
      concatBytes(encodeVarint(part.length), part),
    );
    const final = concatBytes(encodeVarint(0), await stream.seal(utf8('three'), utf8('final')));
    const [first, second] = chunks as [Uint8Array, Uint8Array];
    const whole = concatBytes(header, encapsulated, first, second, final);
    expect((await decapsulateRequest(whole, 'chunked', [holder])).message).toEqual(utf8('one two three'));
    const fewer = concatBytes(header, encapsulated, first, final);
    await expectCode(decapsulateRequest(fewer, 'chunked', [holder]), 'channel/decryption-failed');
  });

  test('of several chunks is read whole', async () => {
    const read: Uint8Array[] = [];
    for await (const part of decapsulateChunks(sealed.opener, encapsulateChunks(opened, once(utf8('answer'))))) read.push(part);
    expect(concatBytes(...read)).toEqual(utf8('answer'));
  });
});

test.each([0, 0x3f, 0x40, 0x3fff, 0x4000, 0x3fff_ffff, 0x4000_0000, Number.MAX_SAFE_INTEGER])('%i is read back', (value) => {
  const bytes = encodeVarint(value);
  expect(decodeVarint(bytes, 0)).toEqual({ value, next: bytes.length });
});

test('a key configuration with a byte too many is malformed', async () => {
  const bytes = encodeKeyConfigs([config]);
  expect(parseKeyConfigs(bytes)).toEqual([config]);
  const longer = concatBytes(bytes, Uint8Array.of(0));
  longer.set([0, bytes.length - 1]); // the length of the entry
  await expectCode(() => parseKeyConfigs(longer), 'channel/key-config-malformed');
});

test('an integer that a number cannot hold is refused', async () => {
  await expectCode(() => decodeVarint(new Uint8Array(8).fill(0xff), 0), 'channel/message-malformed');
});
