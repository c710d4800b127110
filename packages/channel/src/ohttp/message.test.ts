/** RFC 9458 and draft-ietf-ohai-chunked-ohttp-08: round trips, every one-bit flip, every truncation. */
import { concatBytes, utf8 } from '@assay/encoding/bytes';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { X_WING, X25519 } from '../hpke/kem.ts';
import { encodeKeyConfigs, type KeyConfig, parseKeyConfigs } from './key-config.ts';
import {
  decapsulateChunks,
  decapsulateFinalChunk,
  decapsulateRequest,
  decapsulateResponse,
  encapsulateChunks,
  encapsulateFinalChunk,
  encapsulateRequest,
  encapsulateResponse,
  type Form,
  isFinalChunkAlone,
  type KeyHolder,
  MAX_CHUNK_BYTES,
} from './message.ts';

let holder: KeyHolder;
let config: KeyConfig;
const message = utf8('POST /v1/chat/completions');

beforeAll(async () => {
  const keyPair = await X25519.generate();
  holder = { keyId: 7, keyPair };
  config = { keyId: 7, kem: 0x0020, publicKey: keyPair.publicKey };
});

async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let offset = 0; offset < bytes.length; offset += size) yield bytes.subarray(offset, offset + size);
}

async function collect(source: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of source) parts.push(part);
  return concatBytes(...parts);
}

describe.each<Form>(['whole', 'chunked'])('a %s request', (form) => {
  it('opens with the key it was sealed for', async () => {
    const { bytes, opener } = await encapsulateRequest(config, message, form);
    const opened = await decapsulateRequest(bytes, form, [holder]);
    expect(opened.message).toEqual(message);
    expect(opened.encapsulated).toEqual(opener.encapsulated);
    expect(opened.secret).toEqual(opener.secret);
  });

  it('is refused after any one-bit flip', async () => {
    const { bytes } = await encapsulateRequest(config, message, form);
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const flipped = bytes.slice();
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      // X25519 ignores the top bit of a public key; the bit is still bound, because the key schedule hashes it.
      await expect(decapsulateRequest(flipped, form, [holder]), `bit ${bit}`).rejects.toMatchObject({
        code: expect.stringMatching(
          /^channel\/(key-unknown|suite-unsupported|decryption-failed|truncated|oversize|message-malformed)$/,
        ),
      });
    }
  });

  it('is refused after any truncation', async () => {
    const { bytes } = await encapsulateRequest(config, message, form);
    for (let length = 0; length < bytes.length; length += 1) {
      await expect(decapsulateRequest(bytes.subarray(0, length), form, [holder])).rejects.toHaveProperty('code');
    }
  });

  it('does not open as the other form', async () => {
    const { bytes } = await encapsulateRequest(config, message, form);
    await expect(decapsulateRequest(bytes, form === 'whole' ? 'chunked' : 'whole', [holder])).rejects.toHaveProperty('code');
  });
});

describe('an answer', () => {
  it('opens whole for the sender only', async () => {
    const request = await encapsulateRequest(config, message);
    const opened = await decapsulateRequest(request.bytes, 'whole', [holder]);
    const answer = await encapsulateResponse(opened, utf8('hello'));
    expect(await decapsulateResponse(request.opener, answer)).toEqual(utf8('hello'));
    const other = await encapsulateRequest(config, message);
    await expect(decapsulateResponse(other.opener, answer)).rejects.toMatchObject({ code: 'channel/decryption-failed' });
  });

  it('streams in chunks of any size, and never reads as complete when it is cut', async () => {
    const request = await encapsulateRequest(config, message, 'chunked');
    const opened = await decapsulateRequest(request.bytes, 'chunked', [holder]);
    const plain = utf8('data: one\n\ndata: two\n\ndata: [DONE]\n\n');
    const sealed = await collect(encapsulateChunks(opened, pieces(plain, 11)));
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: sealed.length }), async (size) => {
        expect(await collect(decapsulateChunks(request.opener, pieces(sealed, size)))).toEqual(plain);
      }),
      { numRuns: 25 },
    );
    for (let length = 0; length < sealed.length; length += 1) {
      await expect(collect(decapsulateChunks(request.opener, pieces(sealed.subarray(0, length), 64)))).rejects.toHaveProperty(
        'code',
      );
    }
  });

  it('is refused when chunks are swapped', async () => {
    const request = await encapsulateRequest(config, message, 'chunked');
    const opened = await decapsulateRequest(request.bytes, 'chunked', [holder]);
    const frames: Uint8Array[] = [];
    for await (const frame of encapsulateChunks(opened, pieces(utf8('aaaabbbb'), 4))) frames.push(frame);
    const [first, second, last] = frames as [Uint8Array, Uint8Array, Uint8Array];
    const swapped = concatBytes(first.subarray(0, 32), second, first.subarray(32), last); // the nonce leads the first frame
    await expect(collect(decapsulateChunks(request.opener, pieces(swapped, 1000)))).rejects.toMatchObject({
      code: 'channel/decryption-failed',
    });
  });
});

describe('an answer of one final chunk', () => {
  const answer = async (text: Uint8Array) => {
    const request = await encapsulateRequest(config, message, 'chunked');
    const opened = await decapsulateRequest(request.bytes, 'chunked', [holder]);
    return { opener: request.opener, opened, bytes: await encapsulateFinalChunk(opened, text) };
  };

  it.each([0, 1, 5000, MAX_CHUNK_BYTES])('of %i bytes opens at once and as a stream', async (length) => {
    const text = new Uint8Array(length).fill(7);
    const { opener, bytes } = await answer(text);
    expect(isFinalChunkAlone(bytes)).toBe(true);
    expect(await decapsulateFinalChunk(opener, bytes)).toEqual(text);
    expect(await collect(decapsulateChunks(opener, pieces(bytes, 70_000)))).toEqual(text);
  });

  it('is refused after any one-bit flip, any truncation and with anything behind it', async () => {
    const { opener, bytes } = await answer(utf8('hello'));
    const coded = { code: expect.stringMatching(/^channel\/(truncated|decryption-failed|oversize|message-malformed)$/) };
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const flipped = bytes.slice();
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      await expect(decapsulateFinalChunk(opener, flipped), `bit ${bit}`).rejects.toMatchObject(coded);
    }
    for (let length = 0; length < bytes.length; length += 1)
      await expect(decapsulateFinalChunk(opener, bytes.subarray(0, length))).rejects.toMatchObject(coded);
    await expect(decapsulateFinalChunk(opener, concatBytes(bytes, Uint8Array.of(0)))).rejects.toMatchObject(coded);
  });

  it('is told from the first bytes, and a stream is none', async () => {
    const { opened, opener, bytes } = await answer(utf8('hello'));
    for (let length = 0; length <= 32; length += 1) expect(isFinalChunkAlone(bytes.subarray(0, length))).toBeNull();
    const stream = await collect(encapsulateChunks(opened, pieces(utf8('hello'), 2)));
    expect(isFinalChunkAlone(stream)).toBe(false);
    await expect(decapsulateFinalChunk(opener, stream)).rejects.toMatchObject({ code: 'channel/truncated' });
    await expect(decapsulateFinalChunk(opener, new Uint8Array(MAX_CHUNK_BYTES + 57))).rejects.toMatchObject({
      code: 'channel/oversize',
    });
  });
});

describe('key configurations', () => {
  it('round trip, both KEMs', async () => {
    const hybrid = { keyId: 8, kem: 0x647a, publicKey: (await X_WING.generate()).publicKey } as const;
    expect(parseKeyConfigs(encodeKeyConfigs([config, hybrid]))).toEqual([config, hybrid]);
  });

  it.each([
    ['empty', new Uint8Array(0), 'channel/suite-unsupported'],
    ['cut', Uint8Array.of(0, 41, 7), 'channel/key-config-malformed'],
    ['unknown KEM', concatBytes(Uint8Array.of(0, 7, 1, 0, 0x10, 0, 0, 0, 0)), 'channel/suite-unsupported'],
  ])('%s is refused', (_name, bytes, code) => {
    expect(() => parseKeyConfigs(bytes)).toThrowError(expect.objectContaining({ code }));
  });

  it('never throw anything but coded errors on arbitrary bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        try {
          parseKeyConfigs(bytes);
        } catch (error) {
          expect(error).toHaveProperty('code');
        }
      }),
    );
  });
});
