/** Field encryption against a server written with Node's own cryptography, and against the party that changes a field, a header or a place. */

import { utf8 } from '@assay/encoding/bytes';
import { encodeHex } from '@assay/encoding/hex';
import { acceptE2ee, type LooseJson, type RedpillKey, redpillKey } from '@assay/testing';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { UpstreamError } from '../../errors.ts';
import { type SealedChat, sealChat } from './sealed-chat.ts';

const PATH = '/v1/chat/completions';
const NOW = 1_790_000_000_000;
let keys: Readonly<Record<'ecdsa' | 'ed25519', RedpillKey>>;

beforeAll(async () => {
  keys = { ecdsa: await redpillKey('ecdsa'), ed25519: await redpillKey('ed25519') };
});

const seal = (algorithm: 'ecdsa' | 'ed25519', body: unknown): Promise<SealedChat> =>
  sealChat({ algorithm, publicKey: encodeHex(keys[algorithm].publicKey) }, PATH, utf8(JSON.stringify(body)), NOW);

const accept = ({ headers, body }: SealedChat, now = NOW) =>
  acceptE2ee(headers, JSON.parse(Buffer.from(body).toString()) as LooseJson, keys, new Set(), now);

const ask = (content: unknown) => ({ model: 'acme/m', messages: [{ role: 'user', content }], temperature: 0.5 });

const SEALED_HEADERS = { 'x-e2ee-applied': 'true', 'x-e2ee-version': '2' };

async function open(sealed: SealedChat, body: string, headers: Readonly<Record<string, string>> = {}): Promise<string> {
  const pieces = (async function* () {
    for (let at = 0; at < body.length; at += 7) yield new Uint8Array(Buffer.from(body.slice(at, at + 7), 'latin1'));
  })();
  const shown = { 'content-type': 'application/json', ...SEALED_HEADERS, ...headers };
  let text = '';
  for await (const piece of sealed.open({ headers: new Headers(shown), body: pieces })) text += Buffer.from(piece).toString();
  return text;
}

describe.each(['ecdsa', 'ed25519'] as const)('%s', (algorithm) => {
  test('what is sealed here is opened there, and back again', async () => {
    const text = fc.string({ unit: 'binary', maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(text, text, async (asked, answered) => {
        const sealed = await seal(algorithm, ask(asked));
        const context = accept(sealed);
        const seen = context?.request.messages[0].content;
        expect(typeof seen === 'string' ? seen : seen[0].text).toBe(asked);
        const choices = [{ index: 0, message: { role: 'assistant', content: answered, reasoning_content: 'because' } }];
        const answer = context?.sealAnswer({ id: 'chatcmpl-1', model: 'acme/m', choices }, 'message');
        const opened = JSON.parse(await open(sealed, JSON.stringify(answer))) as LooseJson;
        expect(opened.choices[0].message).toEqual({ role: 'assistant', content: answered, reasoning_content: 'because' });
      }),
      { numRuns: 25 },
    );
  });

  test('every flipped bit of a sealed field, and every change of its place, is refused', async () => {
    const sealed = await seal(algorithm, ask('hello'));
    const message = { role: 'assistant', content: 'well', reasoning_content: 'why' };
    const choices = [
      { index: 0, message },
      { index: 1, message: { ...message, content: 'else' } },
    ];
    const answer = accept(sealed)?.sealAnswer({ id: 'chatcmpl-1', model: 'acme/m', choices }, 'message') as LooseJson;
    const changed = (change: (document: LooseJson) => void): Promise<string> => {
      const copy = structuredClone(answer);
      change(copy);
      return open(sealed, JSON.stringify(copy));
    };
    await changed(() => undefined);
    const field = Buffer.from(answer.choices[0].message.content, 'hex');
    for (let bit = 0; bit < field.length * 8; bit += 1) {
      const flipped = Buffer.from(field);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const refused = changed((document) => (document.choices[0].message.content = flipped.toString('hex')));
      await expect(refused, `bit ${bit}`).rejects.toMatchObject({ code: 'e2ee/open-failed' });
    }
    const places: readonly ((document: LooseJson) => void)[] = [
      (document) => (document.id = 'chatcmpl-2'),
      (document) => (document.model = 'acme/n'),
      (document) => document.choices.reverse(),
      (document) => (document.choices[0].message.reasoning_content = document.choices[0].message.content),
      (document) => (document.choices[0].message.content = document.choices[0].message.reasoning_content),
      (document) => (document.choices[0].message.content = ''),
    ];
    for (const place of places) await expect(changed(place)).rejects.toMatchObject({ code: 'e2ee/open-failed' });
    const other = await seal(algorithm, ask('hello'));
    await expect(open(other, JSON.stringify(answer))).rejects.toMatchObject({ code: 'e2ee/open-failed' });
  });

  test('the service refuses what was changed on the way', async () => {
    const sealed = await seal(algorithm, ask('hello'));
    const headers = (change: Readonly<Record<string, string>>) => ({ ...sealed, headers: { ...sealed.headers, ...change } });
    const nonce = { 'x-e2ee-nonce': '00'.repeat(32) };
    expect(() => accept(headers(nonce))).toThrow('e2ee_decryption_failed');
    expect(() => accept(headers({ 'x-model-pub-key': '11'.repeat(algorithm === 'ecdsa' ? 64 : 32) }))).toThrow(
      'e2ee_model_key',
    );
    expect(() => accept(sealed, NOW + 301_000)).toThrow('e2ee_invalid_timestamp');
  });

  test.each([null, '', 'zz', '00'.repeat(32), '04'.repeat(64), 'ff'.repeat(32)])(
    '%s is no key to seal to',
    async (publicKey) => {
      const sealing = sealChat({ algorithm, publicKey }, PATH, utf8(JSON.stringify(ask('hello'))), NOW);
      await expect(sealing).rejects.toMatchObject({ code: 'e2ee/key-missing' });
    },
  );
});

test.each([
  '',
  '[]',
  '{"model":1}',
  '{"messages":[]}',
  '[{"content":"x"}]',
  '{"messages":[{"content":"x"}]}',
  '{"model":1,"messages":[{"content":"x"}]}',
  '{"model":"m","messages":{}}',
  '{"model":"m","messages":["x"]}',
  '{"model":"m","messages":[]}',
  '{"model":"m","messages":[{"content":{"secret":1}}]}',
  '{"model":"m","messages":[{"content":"x","name":"secret"}]}',
  '{"model":"m","messages":[{"content":"x"}],"user":"secret"}',
  '{"model":"m","messages":[{"content":"x"}],"logprobs":true}',
  '\u0000',
])('%j is no chat request', async (body) => {
  const sealing = sealChat({ algorithm: 'ecdsa', publicKey: encodeHex(keys.ecdsa.publicKey) }, PATH, utf8(body), NOW);
  await expect(sealing).rejects.toMatchObject({ code: 'e2ee/not-sealable' });
});

test('another route than that of chats is not sealed', async () => {
  const key = { algorithm: 'ecdsa', publicKey: encodeHex(keys.ecdsa.publicKey) } as const;
  const sealing = sealChat(key, '/v1/embeddings', utf8(JSON.stringify(ask('hello'))), NOW);
  await expect(sealing).rejects.toMatchObject({ code: 'e2ee/not-sealable' });
});

test.each([
  ['answer', 'application/json', 65],
  ['line', 'text/event-stream', 5],
])('an %s of endless length is refused while it comes', async (what, type, most) => {
  const sealed = await seal('ecdsa', ask('hello'));
  let pieces = 0;
  const endless = (async function* () {
    for (; pieces < 100; pieces += 1) yield new Uint8Array(1024 * 1024).fill(32);
  })();
  const opened = sealed.open({ headers: new Headers({ 'content-type': type, ...SEALED_HEADERS }), body: endless });
  await expect(opened.next()).rejects.toThrow(`of endless length`);
  expect(pieces, what).toBeLessThan(most);
});

describe('an answer that is not sealed', () => {
  test.each<[string, string, Readonly<Record<string, string>>, string]>([
    ['no mark', '{}', { 'x-e2ee-applied': 'false' }, 'e2ee/answer-in-clear'],
    ['another version', '{}', { 'x-e2ee-version': '1' }, 'e2ee/answer-in-clear'],
    ['logprobs', '{"choices":[{"logprobs":{"content":[]},"message":{}}]}', {}, 'e2ee/answer-in-clear'],
    ['text', '{"choices":[{"text":"lies"}]}', {}, 'e2ee/answer-in-clear'],
    ['an unknown member', '{"choices":[{"message":{"audio":{"data":"x"}}}]}', {}, 'e2ee/answer-in-clear'],
    ['a role of its own', '{"choices":[{"message":{"role":"lies"}}]}', {}, 'e2ee/answer-in-clear'],
    ['content parts', '{"choices":[{"message":{"content":[{"text":"lies"}]}}]}', {}, 'e2ee/answer-in-clear'],
    ['an error beside the choices', '{"error":{"message":"lies"}}', {}, 'e2ee/answer-in-clear'],
    ['no JSON', '<html>', {}, 'e2ee/open-failed'],
    ['a number', '7', {}, 'e2ee/open-failed'],
    ['choices that are no list', '{"choices":{"0":{}}}', {}, 'e2ee/open-failed'],
    ['a message that is no object', '{"choices":[{"message":"lies"}]}', {}, 'e2ee/open-failed'],
    ['a line of its own', 'lies\n', { 'content-type': 'text/event-stream' }, 'e2ee/answer-in-clear'],
    [
      'an event in clear',
      'data: {"choices":[{"delta":{"content":"lies"}}]}\n',
      { 'content-type': 'text/event-stream' },
      'e2ee/open-failed',
    ],
    ['bytes that are no text', 'data: \xff\n', { 'content-type': 'text/event-stream' }, 'e2ee/open-failed'],
  ])('%s is refused', async (_name, body, headers, code) => {
    await expect(open(await seal('ecdsa', ask('hello')), body, headers)).rejects.toMatchObject({ code });
  });

  test('of any bytes never comes out as words, and never as another error', async () => {
    const sealed = await seal('ecdsa', ask('hello'));
    const part = fc.oneof(
      fc.string(),
      fc.constantFrom('data: ', '{"choices":[', '{"delta":{"content":"lies"}}', ']}', '\n', ': x\n', ':'),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(part), fc.boolean(), async (parts, streamed) => {
        const type = streamed ? 'text/event-stream' : 'application/json';
        try {
          expect(await open(sealed, parts.join(''), { 'content-type': type })).not.toContain('"content"');
        } catch (error) {
          if (!UpstreamError.is(error)) throw error;
        }
      }),
      { numRuns: 500 },
    );
  });
});
