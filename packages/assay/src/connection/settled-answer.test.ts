/** Nothing that makes an answer look complete goes out before its receipt is checked, however the stream is cut and dressed. */

import { utf8 } from '@assay/encoding/bytes';
import { expectCode } from '@assay/testing';
import { describe, expect, test } from 'vitest';
import { settledAnswer } from './settled-answer.ts';

const TEXT = 'data: {"choices":[{"delta":{"content":"pay 1"},"finish_reason":null}]}\n\n';
const LATE = 'data: {"choices":[{"delta":{"content":" LATE"}}]}\n\n';
const DONE = 'data: [DONE]\n\n';
const FINISHED = 'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n';

/** What was out when the receipt was checked, what was checked, and what is out at the end. */
async function carry(pieces: readonly string[], { type = 'text/event-stream', refused = false } = {}) {
  let out = '';
  let before: string | null = null;
  let checked = '';
  const body = new ReadableStream<Uint8Array>({
    async start(controller) {
      for (const piece of pieces) {
        controller.enqueue(utf8(piece));
        await new Promise((resolve) => setImmediate(resolve));
      }
      controller.close();
    },
  });
  const answer = settledAnswer(new Response(body, { headers: { 'content-type': type } }), async (bytes) => {
    await new Promise((resolve) => setTimeout(resolve, 5)); // a reader could take more meanwhile
    before = out;
    checked = new TextDecoder().decode(bytes);
    if (refused) throw new Error('no receipt');
  });
  const failure = await (async () => {
    for await (const piece of answer.body!) out += new TextDecoder().decode(piece);
  })().catch((error: Error) => error.message);
  return { before, checked, out, failure };
}

describe.each<[string, readonly string[]]>([
  ['in a piece of its own', [TEXT, DONE]],
  ['split inside', [TEXT, 'data: [DO', 'NE]\n\n']],
  ['split before its blank line', [TEXT, 'data: [DONE]', '\n', '\n']],
  ['byte by byte', [TEXT, ...DONE]],
  ['behind carriage returns', [TEXT, '\r\rdata: [DONE]\r\r']],
  ['with a long comment behind it', [TEXT, `${DONE}: ${'x'.repeat(200)}\n\n`]],
  ['with comments behind it, later', [TEXT, DONE, ': x\n\n', ': y\n\n']],
  ['with data behind it', [TEXT, DONE + LATE]],
  ['with data behind it, later', [TEXT, DONE, LATE]],
  ['without a blank line', [TEXT, 'data: [DONE]']],
  ['in other dress', [TEXT, 'id: 4\nevent: message\ndata:  [DONE] \n\n']],
  ['behind a finish reason', [TEXT, FINISHED, DONE]],
])('an end mark %s', (_, pieces) => {
  test.each(['\n', '\r\n', '\r'])('with line ends %j', async (lineEnd) => {
    const dressed = pieces.map((piece) => piece.replaceAll('\n', lineEnd));
    const open = (text: string | null): string => String(text).trimEnd();
    const found = await carry(dressed);
    expect(found).toMatchObject({ checked: dressed.join(''), out: dressed.join(''), failure: undefined });
    expect(open(found.before)).toBe(open(TEXT.replaceAll('\n', lineEnd)));
    const refused = await carry(dressed, { refused: true });
    expect(refused).toMatchObject({ out: found.before, failure: 'no receipt' });
  });
});

test('text that arrives together with the end mark waits with it', async () => {
  expect(await carry([TEXT + FINISHED + DONE])).toMatchObject({ before: '', out: TEXT + FINISHED + DONE });
});

test('a document is held as a whole: any part of it could be the last', async () => {
  const type = 'application/json';
  expect(await carry(['{"choices":', '[]}'], { type })).toMatchObject({
    before: '',
    out: '{"choices":[]}',
    failure: undefined,
  });
  expect(await carry(['{"choices":', '[]}'], { type, refused: true })).toMatchObject({ out: '', failure: 'no receipt' });
});

test('client/answer-oversize: an answer without end is cut off', async () => {
  let given = 0;
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      given += 4 * 1024 * 1024;
      controller.enqueue(new Uint8Array(4 * 1024 * 1024));
    },
  });
  const answer = settledAnswer(new Response(body, { headers: { 'content-type': 'application/json' } }), async () => {});
  await expectCode(answer.arrayBuffer(), 'client/answer-oversize');
  expect(given).toBeLessThan(80 * 1024 * 1024);
});
