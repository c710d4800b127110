/** The client's end of EHBP against a recipient written with another HPKE library, and against everybody who is not that recipient. */

import type { Reservation } from '@assay/encoding/budget';
import { concatBytes, utf8 } from '@assay/encoding/bytes';
import { type EhbpRecipient, ehbpRecipient } from '@assay/testing';
import { beforeAll, describe, expect, test } from 'vitest';
import { X25519 } from '../hpke/kem.ts';
import { type AnswerShape, postSealed } from './sealed-bodies.ts';

const MIB = 1024 * 1024;
const SECRET = '{"messages":"my secret"}';
let recipient: EhbpRecipient;

beforeAll(async () => {
  recipient = await ehbpRecipient();
});

/** How an enclave answers: its pieces, and what somebody does to the answer. */
interface Reply {
  readonly pieces?: readonly string[];
  readonly status?: number;
  readonly frames?: (frames: readonly Uint8Array[]) => readonly Uint8Array[];
  readonly headers?: (headers: Record<string, string>) => void;
  /** Answers without opening. */
  readonly instead?: () => Response;
}

const EVENTS = ['data: {"a":1}\n\n', 'data: {"a":2}\n\n', 'data: [DONE]\n\n'];

async function post(reply: Reply, shape: AnswerShape = 'events', body = utf8(SECRET), held?: Reservation) {
  const seen: { headers: Headers; wire: Uint8Array; opened: string }[] = [];
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const wire = new Uint8Array(await new Request(input as URL, init).arrayBuffer());
    const headers = new Headers(init?.headers);
    if (reply.instead !== undefined) {
      seen.push({ headers, wire, opened: '' });
      return reply.instead();
    }
    const opened = await recipient.open(headers.get('ehbp-encapsulated-key') ?? '', wire);
    seen.push({ headers, wire, opened: new TextDecoder().decode(opened.request) });
    const { nonce, seal } = opened.answer();
    const frames = (reply.pieces ?? EVENTS).map((piece) => new Uint8Array(seal(Buffer.from(piece))));
    const answer: Record<string, string> = { 'content-type': 'text/event-stream', 'ehbp-response-nonce': nonce };
    reply.headers?.(answer);
    const bytes = concatBytes(...(reply.frames?.(frames) ?? frames));
    return new Response(bytes, { status: reply.status ?? 200, headers: answer });
  };
  const config = { keyId: 0, kem: X25519.id, publicKey: recipient.publicKey };
  const url = 'https://enclave.example/v1/chat/completions';
  const found = await postSealed(config, { url, headers: { authorization: 'Bearer key' }, body, shape, fetch, held });
  return { ...found, seen, text: await found.response.text() };
}

test('bodies go sealed and come back in clear, with the headers of both', async () => {
  const { seen, text, response, responseNonce, encapsulatedKey } = await post({});
  expect(text).toBe(EVENTS.join(''));
  expect(seen).toHaveLength(1);
  expect(seen[0]?.opened).toBe(SECRET);
  expect(new TextDecoder('latin1').decode(seen[0]?.wire)).not.toContain('secret');
  expect(seen[0]?.headers.get('authorization')).toBe('Bearer key');
  expect(seen[0]?.headers.get('ehbp-encapsulated-key')).toBe(encapsulatedKey);
  expect(response.headers.get('content-type')).toBe('text/event-stream');
  expect(responseNonce).toMatch(/^[0-9a-f]{64}$/);
  const whole = await post({ pieces: ['{"a":', '', '1}'] }, 'document');
  expect(whole.text).toBe('{"a":1}');
});

test('the length of the sealed answer is not that of the opened one', async () => {
  const { response, text } = await post({ headers: (all) => (all['content-length'] = '999') });
  expect([response.headers.get('content-length'), text]).toEqual([null, EVENTS.join('')]);
});

test.each<[AnswerShape, readonly string[], readonly number[]]>([
  ['document', ['{"a":', '', '1}'], [5, 0, 2]],
  ['events', EVENTS, []],
])('what is kept of %s is reserved before', async (shape, pieces, grown) => {
  const reserved: number[] = [];
  const held = { grow: (bytes: number) => void reserved.push(bytes), release: () => undefined } as unknown as Reservation;
  await post({ pieces }, shape, utf8(SECRET), held);
  expect(reserved).toEqual(grown);
});

test('a document of more than 64 MiB is refused before its end is looked at', async () => {
  const pieces = ['"', ...Array.from({ length: 4 }, () => ' '.repeat(15 * MIB)), `${' '.repeat(4 * MIB - 1)}"`];
  await expect(post({ pieces }, 'document')).rejects.toMatchObject({ code: 'channel/oversize' });
});

test.each([
  ['in one piece with words', ['data: {"a":1}\n\ndata: [DONE]\n\n']],
  ['split', ['data: {"a":1}\n\ndata: [DO', 'NE]\n\n']],
  ['on carriage returns', ['data: {"a":1}\r\r', 'data: [DONE]\r\r']],
  ['followed by a comment', ['data: {"a":1}\n\n', `data: [DONE]\n\n: ${'x'.repeat(200)}\n\n`]],
  ['without a blank line', ['data: {"a":1}\n\n', 'data: [DONE]']],
])('an end mark %s is one', async (_, pieces) => {
  expect((await post({ pieces })).text).toBe(pieces.join(''));
});

test('every exchange has a key of its own', async () => {
  const [first, second] = [await post({}), await post({})];
  expect(first.encapsulatedKey).not.toBe(second.encapsulatedKey);
  expect(first.seen[0]?.wire).not.toEqual(second.seen[0]?.wire);
});

test.each<[string, string, Reply, AnswerShape?]>([
  ['a success in clear', 'channel/response-unencrypted', { instead: () => Response.json({ choices: [] }) }],
  [
    'a success whose nonce was stripped',
    'channel/response-unencrypted',
    { headers: (all) => delete all['ehbp-response-nonce'] },
  ],
  ['a short nonce', 'channel/message-malformed', { headers: (all) => (all['ehbp-response-nonce'] = '00'.repeat(31)) }],
  ['an upper-case nonce', 'channel/message-malformed', { headers: (all) => (all['ehbp-response-nonce'] = 'AB'.repeat(32)) }],
  ['another nonce', 'channel/decryption-failed', { headers: (all) => (all['ehbp-response-nonce'] = '00'.repeat(32)) }],
  ['frames in another order', 'channel/decryption-failed', { frames: ([a, b, ...rest]) => [b!, a!, ...rest] }],
  ['a frame twice', 'channel/decryption-failed', { frames: ([a, ...rest]) => [a!, a!, ...rest] }],
  ['the first frame missing', 'channel/decryption-failed', { frames: ([, ...rest]) => rest }],
  ['the last frame missing', 'channel/truncated', { frames: (all) => all.slice(0, -1) }],
  ['no frame at all', 'channel/truncated', { frames: () => [] }],
  ['a cut frame', 'channel/truncated', { frames: (all) => [...all.slice(0, -1), all.at(-1)!.subarray(0, 9)] }],
  ['a document that is not whole', 'channel/truncated', { pieces: ['{"a":', '1'] }, 'document'],
  ['events where a document was asked for', 'channel/truncated', {}, 'document'],
  ['a document where events were asked for', 'channel/truncated', { pieces: ['{"a":1}'] }],
  ['an end mark that is only quoted', 'channel/truncated', { pieces: ['data: {"a":"[DONE]"}\n\n'] }],
  [
    'a key that is not in use any more',
    'channel/key-unknown',
    { instead: () => Response.json({ type: 'urn:ietf:params:ehbp:error:key-config', title: 'x' }, { status: 422 }) },
  ],
])('%s is refused', async (_name, code, reply, shape) => {
  await expect(post(reply, shape)).rejects.toMatchObject({ code });
});

test('a body is what is sealed; without one nothing is sent', async () => {
  await expect(post({}, 'events', new Uint8Array(0))).rejects.toMatchObject({ code: 'channel/message-malformed' });
});

describe('an error', () => {
  test.each([500, 429, 422])('%s in clear is handed on, and is unauthenticated', async (status) => {
    const { response, responseNonce, text } = await post({ instead: () => new Response('busy', { status }) });
    expect([response.status, responseNonce, text]).toEqual([status, null, 'busy']);
  });

  test('that is sealed is opened, whatever its shape', async () => {
    const { response, responseNonce, text } = await post({ status: 404, pieces: ['no such model'] });
    expect([response.status, text]).toEqual([404, 'no such model']);
    expect(responseNonce).not.toBeNull();
  });
});

test('every flipped bit of an answer is refused', async () => {
  const length = 60;
  for (let bit = 0; bit < length * 8; bit += 1) {
    const flip = (frames: readonly Uint8Array[]): readonly Uint8Array[] => {
      const all = concatBytes(...frames);
      all[bit >> 3] = (all[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      return [all];
    };
    await expect(post({ frames: flip }), `bit ${bit}`).rejects.toMatchObject({ code: expect.stringMatching(/^channel\//) });
  }
});
