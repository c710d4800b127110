/** Server-sent events as servers in use frame them: the events are the same whatever the pieces, and no byte is lost. */

import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { joinBytes, utf8 } from './bytes.ts';
import { EncodingError } from './errors.ts';
import { type EventStreamPart, EventStreamReader } from './event-stream.ts';

function read(bytes: Uint8Array, pieceLength = bytes.length): readonly EventStreamPart[] {
  const reader = new EventStreamReader(64 * 1024);
  const parts: EventStreamPart[] = [];
  for (let at = 0; at < bytes.length; at += Math.max(1, pieceLength)) {
    parts.push(...reader.push(bytes.subarray(at, at + pieceLength)));
  }
  return [...parts, ...reader.end()];
}

function eventsOf(text: string, pieceLength?: number): readonly string[] {
  return read(utf8(text), pieceLength).flatMap(({ event }) =>
    event === null ? [] : [`${event.type}:${event.lines.join('|')}`],
  );
}

const framings: readonly (readonly [string, string, readonly string[]])[] = [
  ['line feeds', 'data: a\n\ndata: b\n\n', ['message:a', 'message:b']],
  ['carriage returns and line feeds', 'data: a\r\n\r\ndata: b\r\n\r\n', ['message:a', 'message:b']],
  ['carriage returns alone', 'data: a\r\rdata: b\r\r', ['message:a', 'message:b']],
  ['line ends of every kind in one stream', 'data: a\r\n\ndata: b\n\rdata: c\r\r\n', ['message:a', 'message:b', 'message:c']],
  ['a byte order mark', '\uFEFFdata: a\n\n', ['message:a']],
  ['no blank behind the colon, and two', 'data:a\n\ndata:  b\n\n', ['message:a', 'message: b']],
  ['comments between and within', ': hi\n\n:\n\ndata: a\n: there\ndata: b\n\n', ['message:a|b']],
  ['data without a value, without a colon', 'data\n\ndata:\n\n', ['message:', 'message:']],
  ['several data lines', 'data: {\ndata: }\n\n', ['message:{|}']],
  ['event names, ids, retry and unknown fields', 'id: 1\nretry: 9\nfoo: x\nevent: ping\ndata: a\n\n', ['ping:a']],
  ['blocks without data', 'retry: 3000\n\nevent: x\n\ndata: a\n\n', ['message:a']],
  ['no blank line at the end', 'data: a\n\ndata: b\n', ['message:a', 'message:b']],
  ['no line end at the end', 'data: a\n\ndata: b', ['message:a', 'message:b']],
  ['many blank lines', '\n\n\ndata: a\n\n\n\n', ['message:a']],
  ['words outside of ASCII', 'data: Grüße 世界 🌍\n\n', ['message:Grüße 世界 🌍']],
];

describe.each(framings)('%s', (_, text, expected) => {
  test.each([1, 2, 3, 7, 1000])('in pieces of %i bytes', (length) => {
    expect(eventsOf(text, length)).toEqual(expected);
  });
});

describe('EventStreamReader', () => {
  it('gives every byte back, in order, and the same events for every cut', () => {
    const text = fc.array(fc.constantFrom('data: ', 'data', 'event: x', ':', 'a', '世', '\n', '\r', '\r\n', '\n\n', '\uFEFF'));
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 9 }), (words, length) => {
        const bytes = utf8(words.join(''));
        const parts = read(bytes, length);
        expect(joinBytes(parts.map((part) => part.bytes))).toEqual(joinBytes([bytes]));
        expect(eventsOf(words.join(''), length)).toEqual(eventsOf(words.join('')));
      }),
    );
  });

  it('hands a comment on at once, so that a heartbeat is one', () => {
    const [part] = new EventStreamReader(100).push(utf8(': still here\n'));
    expect(part).toEqual({ bytes: utf8(': still here\n'), event: null });
  });

  it('keeps an event until its blank line came', () => {
    const reader = new EventStreamReader(100);
    expect(reader.push(utf8('data: [DO'))).toEqual([]);
    expect(reader.push(utf8('NE]\n'))).toEqual([]);
    expect(reader.push(utf8('\n'))).toHaveLength(1);
  });

  it('is bounded an event, not a stream', () => {
    const reader = new EventStreamReader(16);
    for (let count = 0; count < 1000; count += 1) reader.push(utf8('data: 12345678\n\n'));
    const refused = (text: string): unknown => {
      try {
        return new EventStreamReader(16).push(utf8(text));
      } catch (error) {
        return EncodingError.is(error) && error.code;
      }
    };
    expect(refused('data: 123456789\n\n')).toBe('event-stream/limit');
    expect(refused('data: 1\ndata: 2\n\n')).toBe('event-stream/limit');
    expect(refused('x'.repeat(17))).toBe('event-stream/limit');
  });

  it('takes a megabyte in pieces of one byte in linear room and time', () => {
    const reader = new EventStreamReader(2 * 1024 * 1024);
    const byte = utf8('x');
    for (let count = 0; count < 1024 * 1024; count += 1) reader.push(byte);
    expect(reader.end()[0]?.bytes).toHaveLength(1024 * 1024);
  });
});
