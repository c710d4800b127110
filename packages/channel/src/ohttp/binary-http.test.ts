/** RFC 9292: round trips, defects, arbitrary bytes. */
import { concatBytes, utf8 } from '@assay/encoding/bytes';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  CONTENT_END,
  decodeRequest,
  encodeContentChunk,
  encodeRequest,
  encodeResponseHead,
  ResponseDecoder,
} from './binary-http.ts';

const request = {
  method: 'POST',
  scheme: 'https',
  authority: 'agent.example',
  path: '/v1/chat/completions?x=1',
  headers: [['content-type', 'application/json']] as const,
  body: utf8('{}'),
};

/** The first byte `from` becomes `to`. */
function spoilt(bytes: Uint8Array, from: number, to: number): Uint8Array {
  bytes[bytes.indexOf(from)] = to;
  return bytes;
}

describe('a request', () => {
  it('round trips whatever its texts and its length are', () => {
    const headerText = fc.string({
      unit: fc.integer({ min: 0x20, max: 0xff }).map((code) => String.fromCharCode(code)),
      maxLength: 300,
    });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom('x-a', 'accept', `x-${'b'.repeat(200)}`), headerText), { maxLength: 20 }),
        fc.uint8Array({ maxLength: 40_000 }),
        (headers, body) => {
          const sound = headers.map(([name, value]) => [name, value.replaceAll('\u007f', '')] as const);
          const message = { ...request, headers: sound, body };
          expect(decodeRequest(encodeRequest(message))).toEqual(message);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('that cannot be written leaves nothing in the next one', () => {
    const before = encodeRequest(request);
    expect(() => encodeRequest({ ...request, headers: [['x-secret', 'of another']], body: undefined as never })).toThrow(
      TypeError,
    );
    expect(() => encodeRequest({ ...request, headers: [['x-secret', undefined as never]] })).toThrow(TypeError);
    expect(encodeRequest(request)).toEqual(before);
  });

  it('is an array of its own', () => {
    const [first, copy] = [encodeRequest(request), encodeRequest(request).slice()];
    encodeRequest({ ...request, body: utf8('another body') });
    expect(first).toEqual(copy);
  });

  it('round trips, with padding too', () => {
    expect(decodeRequest(encodeRequest(request))).toEqual(request);
    expect(decodeRequest(concatBytes(encodeRequest(request), new Uint8Array(9)))).toEqual(request);
  });

  describe('that ends before its last, empty parts (RFC 9292 §3.8)', () => {
    const bare = {
      method: 'GET',
      scheme: 'https',
      authority: 'agent.example',
      path: '/',
      headers: [],
      body: new Uint8Array(0),
    };
    const whole = encodeRequest(bare);
    it.each([
      ['with all parts', 0],
      ['without trailers', 1],
      ['without content', 2],
      ['without headers', 3],
    ])('%s', (_name, cut) => {
      const cutBytes = whole.subarray(0, whole.length - cut);
      expect(decodeRequest(cutBytes)).toEqual(bare);
      expect(decodeRequest(concatBytes(cutBytes, new Uint8Array(7)))).toEqual(bare);
    });

    it('but not inside its control data', () => {
      for (let length = 0; length < whole.length - 3; length++)
        expect(() => decodeRequest(whole.subarray(0, length))).toThrowError(
          expect.objectContaining({ code: 'channel/message-malformed' }),
        );
    });

    it('nor inside a part that is not empty', () => {
      const full = encodeRequest(request); // ends in: length of the content, two bytes of it, no trailers
      for (const cut of [2, 3, ...Array.from({ length: 20 }, (_, index) => index + 5)])
        expect(() => decodeRequest(full.subarray(0, full.length - cut)), `${cut} bytes cut`).toThrowError(
          expect.objectContaining({ code: 'channel/message-malformed' }),
        );
    });
  });

  it.each([
    ['another framing', concatBytes(Uint8Array.of(1), encodeRequest(request).subarray(1))],
    ['a lower-case method', encodeRequest({ ...request, method: 'post' })],
    ['a path without slash', encodeRequest({ ...request, path: 'v1' })],
    ['an upper-case header', encodeRequest({ ...request, headers: [['X-A', 'b']] })],
    ['a header with a line break', encodeRequest({ ...request, headers: [['x-a', 'b\r\nc: d']] })],
    ['a header no platform can hold', encodeRequest({ ...request, headers: [['x-a', '\u20ac']] })],
    ['a header that is not UTF-8', spoilt(encodeRequest({ ...request, headers: [['x-a', '\u00e9']] }), 0xc3, 0xff)],
    ['padding that is not zero', concatBytes(encodeRequest(request), Uint8Array.of(0, 1))],
    ['a cut body', encodeRequest(request).subarray(0, encodeRequest(request).length - 2)],
  ])('with %s is refused', (_name, bytes) => {
    expect(() => decodeRequest(bytes)).toThrowError(expect.objectContaining({ code: 'channel/message-malformed' }));
  });

  it('never throws anything but coded errors on arbitrary bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          decodeRequest(bytes);
        } catch (error) {
          expect(error).toHaveProperty('code');
        }
      }),
    );
  });
});

describe('a response', () => {
  const bytes = concatBytes(
    encodeResponseHead({ status: 200, headers: [['content-type', 'text/event-stream']] }),
    encodeContentChunk(utf8('one')),
    encodeContentChunk(utf8('two')),
    CONTENT_END,
  );

  it('is read in pieces of any size', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: bytes.length }), (size) => {
        const decoder = new ResponseDecoder();
        const content: Uint8Array[] = [];
        for (let offset = 0; offset < bytes.length; offset += size)
          content.push(...decoder.push(bytes.subarray(offset, offset + size)));
        expect(decoder.head).toEqual({ status: 200, headers: [['content-type', 'text/event-stream']] });
        expect(decoder.ended).toBe(true);
        expect(concatBytes(...content)).toEqual(utf8('onetwo'));
      }),
    );
  });

  it('is not ended before its terminator', () => {
    for (let length = 0; length < bytes.length; length += 1) {
      const decoder = new ResponseDecoder();
      decoder.push(bytes.subarray(0, length));
      expect(decoder.ended).toBe(false);
    }
  });

  it('with trailers or an informational status is refused', () => {
    expect(() => new ResponseDecoder().push(concatBytes(bytes.subarray(0, bytes.length - 1), Uint8Array.of(1)))).toThrowError(
      expect.objectContaining({ code: 'channel/message-malformed' }),
    );
    expect(() => new ResponseDecoder().push(encodeResponseHead({ status: 103, headers: [] }))).toThrowError(
      expect.objectContaining({ code: 'channel/message-malformed' }),
    );
  });
});
