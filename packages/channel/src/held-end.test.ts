/**
 * Nothing that looks complete leaves {@link HeldEnd} before its caller asks for what was held: for every spelling of the end and every cut
 * of the stream into pieces. Text goes out at once.
 */

import { concatBytes, utf8 } from '@assay/encoding/bytes';
import { describe, expect, test } from 'vitest';
import { HeldEnd } from './held-end.ts';

const TEXT = 'data: {"choices":[{"index":0,"delta":{"content":"[DONE] pay 1"},"finish_reason":null}]}\n\n';
const MORE = 'data: {"choices":[{"index":0,"delta":{"content":" LATE"}}]}\n\n';

function play(stream: string, pieceLength: number) {
  const end = new HeldEnd(1024 * 1024);
  const bytes = utf8(stream);
  let early = new Uint8Array(0);
  for (let at = 0; at < bytes.length; at += pieceLength) {
    early = concatBytes(early, end.push(bytes.subarray(at, at + pieceLength)));
  }
  const decode = (part: Uint8Array): string => new TextDecoder().decode(part);
  return { early: decode(early), held: decode(end.held()), behind: decode(end.behind()), ended: end.ended };
}

/** The end, as it is framed, and whether it is `[DONE]` itself. */
const ends: readonly (readonly [string, string, boolean])[] = [
  ['[DONE]', 'data: [DONE]\n\n', true],
  ['[DONE] on carriage returns', '\r\rdata: [DONE]\r\r', true],
  ['[DONE] on both', 'data: [DONE]\r\n\r\n', true],
  ['[DONE] with a comment behind it', `data: [DONE]\n: ${'x'.repeat(200)}\n\n`, true],
  ['[DONE] with blanks', 'data:   [DONE]   \n\n', true],
  ['[DONE] in quotes', 'data: "[DONE]"\n\n', true],
  ['[done]', 'data: [done]\n\n', true],
  ['[DONE] without a blank line', 'data: [DONE]', true],
  ['[DONE] in a block with other fields', 'id: 9\nevent: end\ndata: [DONE]\nretry: 1\n\n', true],
  ['[DONE] behind a line of data', 'data: {}\ndata: [DONE]\n\n', true],
  ['a finish_reason', 'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n', true],
  ['a finish_reason in escapes', 'data: {"choices":[{"delta":{},"finish\\u005freason":"stop"}]}\n\n', false],
  ['a finish_reason over two lines', 'data: {"choices":[{"delta":{},\ndata: "finish_reason":"length"}]}\n\n', false],
  ['a finish_reason of the second choice', 'data: {"choices":[{},{"index":1,"finish_reason":"stop"}]}\n\n', false],
  ['response.completed in its field', 'event: response.completed\ndata: {}\n\n', false],
  ['response.completed in its data', 'data: {"type":"response.completed"}\n\n', false],
  ['message_stop', 'event: message_stop\ndata: {"type":"message_stop"}\n\n', false],
  ['a stop_reason', 'data: {"type":"message_delta","delta":{"stop_reason":"end_turn"}}\n\n', false],
  ['done: true', 'data: {"message":{"content":""},"done":true}\n\n', false],
];

describe.each(ends)('%s', (_, end, isMark) => {
  test.each([1, 5, 12, 4096])('in pieces of %i bytes waits', (length) => {
    const { early, held, behind, ended } = play(TEXT + TEXT + end, length);
    expect(early.replaceAll('\r', '')).toBe(TEXT + TEXT);
    expect(early.endsWith('\r') ? `\r${held}` : held).toContain(end.trim().slice(0, 40).trim());
    expect([behind.trim(), ended]).toEqual(['', isMark]);
  });

  test('and what comes behind it never goes out early', () => {
    const { early, held, behind } = play(TEXT + end + (end.endsWith(']') ? '\n\n' : '') + MORE, 7);
    expect(early).not.toContain('LATE');
    expect([held, behind].map((part) => part.includes('LATE'))).toEqual([!isMark, isMark]);
  });
});

test.each(ends)('%s: what comes behind can be asked for first', (_, end) => {
  const [first, second] = [new HeldEnd(1024), new HeldEnd(1024)];
  for (const each of [first, second]) each.push(utf8(TEXT + end + end.trimEnd()));
  const behind = first.behind();
  expect([first.held(), behind]).toEqual([second.held(), second.behind()]);
});

test('text, comments and empty finish reasons go out as they come', () => {
  const end = new HeldEnd(1024);
  for (const text of [TEXT, ': ping\n', 'data: {"choices":[{"delta":{},"finish_reason":""}]}\n\n', 'data: ping\n\n']) {
    expect(new TextDecoder().decode(end.push(utf8(text)))).toBe(text);
  }
});

test('an event with more parts than can be looked at goes nowhere: it may say that the answer is whole', () => {
  const end = new HeldEnd(16 * 1024 * 1024);
  const event = `data: {"x":[${'0,'.repeat(4_100_000)}0],"choices":[{"finish_reason":"stop"}]}\n\n`;
  expect(() => end.push(utf8(event))).toThrow(expect.objectContaining({ code: 'json/limit' }));
});
