/** Seed 004: the tutorial's exchange word for word, its error texts, and the safe form. */
import { createPublicKey, verify } from 'node:crypto';
import { bindingOf, openEnvelope, pythonJson, sealEnvelope } from '@assay/channel/tutorial';
import { concatBytes, decodeUtf8, utf8 } from '@assay/encoding/bytes';
import { decodeHex, encodeHex } from '@assay/encoding/hex';
import type { JsonObject } from '@assay/encoding/json';
import type { Ledger, ReceiptDraft } from '@assay/ledger';
import { beforeAll, describe, expect, it } from 'vitest';
import { ServerError } from '../../errors.ts';
import type { Model, ModelRequest } from '../../ports/model.ts';
import { type TalkPorts, talk } from './talk.ts';
import { generateTalkKeys, type TalkKeys } from './talk-keys.ts';

let keys: TalkKeys;
let client: { privateKey: CryptoKey; spki: Uint8Array };
let sealed: string[];
let asked: { platform: string; model: string; apiKey: string; message: string | undefined }[];
let failure: ServerError | null;

beforeAll(async () => {
  keys = await generateTalkKeys();
  const pair = await crypto.subtle.generateKey({ name: 'ECDH', namedCurve: 'P-384' }, false, ['deriveBits']);
  client = { privateKey: pair.privateKey, spki: new Uint8Array(await crypto.subtle.exportKey('spki', pair.publicKey)) };
});

/** Hex SHA-256 of the key that asked. */
const ACCESS = 'ac'.repeat(32);
let owner: string | null | undefined;

function ports(): TalkPorts {
  sealed = [];
  asked = [];
  failure = null;
  const draft = {
    append: ({ type }: { type: string }) => sealed.push(type),
    payload: () => 'sha256:00',
  } as unknown as ReceiptDraft;
  const ledger = {
    open: ({ access }: { access?: string | null }) => {
      owner = access;
      return draft;
    },
    seal: async () => sealed.push('sealed'),
    discard: async () => sealed.push('discarded'),
  } as unknown as Ledger;
  const modelOf = (platform: string, model: string, apiKey: string): Model =>
    ({
      complete: async ({ messages }: ModelRequest) => {
        if (failure) throw failure;
        asked.push({ platform, model, apiKey, message: messages[0]?.content });
        return {
          text: 'é 42',
          model,
          provenance: { kind: 'unverified' },
          requestBytes: new Uint8Array(0),
          responseBytes: new Uint8Array(0),
          reasoning: '',
          toolCalls: [],
          finish: 'stop',
          finishReason: 'stop',
        };
      },
    }) as unknown as Model;
  return { keys: [keys], access: ACCESS, ledger, modelOf, now: () => 1_790_000_000_123, newTaskId: () => 'task' };
}

async function request(
  plain: JsonObject,
  options: { nonce?: Uint8Array; safe?: boolean } = {},
): Promise<{ bytes: Uint8Array; nonce: Uint8Array }> {
  const nonce = options.nonce ?? crypto.getRandomValues(new Uint8Array(32));
  const binding = options.safe ? { additionalData: bindingOf('request', nonce, client.spki) } : {};
  const data = await sealEnvelope(
    { privateKey: client.privateKey, peerSpki: keys.spki, nonce, ...binding },
    utf8(JSON.stringify(plain)),
  );
  const members = {
    nonce: encodeHex(nonce),
    public_key: encodeHex(client.spki),
    data: encodeHex(data),
    ...(options.safe ? { v: 1 } : {}),
  };
  return { bytes: utf8(JSON.stringify(members)), nonce };
}

const signedBy = (message: Uint8Array, signature: string): boolean =>
  verify(
    'sha384',
    message,
    createPublicKey({ key: Buffer.from(keys.spki), format: 'der', type: 'spki' }),
    decodeHex(signature),
  );

describe('the tutorial', () => {
  it('gets an answer whose signature verifies over json.dumps(data), and a receipt was sealed before it', async () => {
    const used = ports();
    const { bytes } = await request({ api_key: 'k', message: 'BTC price right now', platform: 'gemini', ai_model: 'm' });
    const { status, body } = await talk(bytes, used);
    expect(status).toBe(200);
    expect(asked).toEqual([{ platform: 'gemini', model: 'm', apiKey: 'k', message: 'BTC price right now' }]);
    const data = body.data as JsonObject;
    expect(data).toEqual({
      platform: 'gemini',
      ai_model: 'm',
      timestamp: 1_790_000_000,
      message: 'BTC price right now',
      response: 'é 42',
    });
    expect(signedBy(utf8(pythonJson(data, { separators: 'spaced', sortKeys: false })), body.sig as string)).toBe(true);
    expect(signedBy(utf8(pythonJson(data, { separators: 'compact', sortKeys: true })), body.sig_canonical as string)).toBe(
      true,
    );
    expect(sealed).toEqual(['model.called', 'response.returned', 'sealed']);
    expect(owner).toBe(ACCESS); // else every holder of a later key could read the conversation
  });

  it('defaults to openai and gpt-4', async () => {
    const used = ports();
    await talk((await request({ api_key: 'k', message: 'm' })).bytes, used);
    expect(asked[0]).toMatchObject({ platform: 'openai', model: 'gpt-4' });
  });

  it.each<[string, JsonObject, Uint8Array | undefined, string]>([
    ['a short nonce', { api_key: 'k', message: 'm' }, new Uint8Array(8), ''],
    ['no key', { api_key: '', message: 'm' }, undefined, 'invalid api_key'],
    ['another platform', { api_key: 'k', message: 'm', platform: 'x' }, undefined, 'invalid platform'],
    ['an empty model', { api_key: 'k', message: 'm', ai_model: '' }, undefined, 'invalid ai model'],
  ])('%s has its own text', async (name, plain, nonce, error) => {
    const used = ports();
    if (name === 'a short nonce') {
      const members = { nonce: '00112233445566', public_key: encodeHex(client.spki), data: '00' };
      expect(await talk(utf8(JSON.stringify(members)), used)).toEqual({
        status: 200,
        body: { error: 'invalid nonce, must be at least 8 characters long' },
      });
      return;
    }
    const found = await talk((await request(plain, nonce ? { nonce } : {})).bytes, used);
    expect(found).toEqual({ status: 200, body: { error } });
    expect(sealed).toEqual([]);
  });

  it.each([
    ['no JSON', utf8('{')],
    ['no hex', utf8('{"nonce":"zz","public_key":"00","data":"00"}')],
    ['missing members', utf8('{}')],
    [
      'a foreign ciphertext',
      utf8(JSON.stringify({ nonce: '00'.repeat(32), public_key: '30'.repeat(120), data: '00'.repeat(64) })),
    ],
  ])('%s is answered with 500 and nothing else', async (_name, bytes) => {
    const found = await talk(bytes, ports());
    expect(found.status).toBe(500);
    expect(sealed).toEqual([]);
  });

  it('a failing model leaves no receipt and no secret', async () => {
    const used = ports();
    failure = new ServerError('model/unauthorized', 'the provider refused the key');
    const found = await talk((await request({ api_key: 'very-secret', message: 'm' })).bytes, used);
    expect(found).toEqual({ status: 500, body: { error: 'model/unauthorized: the provider refused the key' } });
    expect(sealed).toEqual(['discarded']);
  });
});

describe('the safe form', () => {
  it('answers encrypted, bound to nonce and client key, once', async () => {
    const used = ports();
    const { bytes, nonce } = await request({ api_key: 'k', message: 'hi' }, { safe: true });
    const { body } = await talk(bytes, used);
    const binding = bindingOf('response', nonce, client.spki);
    const [answerNonce, data] = [decodeHex(body.nonce as string), decodeHex(body.data as string)];
    expect(signedBy(concatBytes(binding, answerNonce, data), body.sig as string)).toBe(true);
    const plain = await openEnvelope(
      { privateKey: client.privateKey, peerSpki: keys.spki, nonce: answerNonce, additionalData: binding },
      data,
    );
    expect(JSON.parse(decodeUtf8(plain))).toMatchObject({ message: 'hi', response: 'é 42' });
    expect(JSON.stringify(body)).not.toContain('é');
    expect(await talk(bytes, used)).toMatchObject({
      status: 200,
      body: { error: expect.stringContaining('used before') },
    });
  });

  it('does not take a request of the tutorial for a safe one, nor the other way', async () => {
    const used = ports();
    const plain = await request({ api_key: 'k', message: 'hi' });
    const marked = utf8(decodeUtf8(plain.bytes).replace('{', '{"v":1,'));
    expect((await talk(marked, used)).status).toBe(500);
    const safe = await request({ api_key: 'k', message: 'hi' }, { safe: true });
    expect((await talk(utf8(decodeUtf8(safe.bytes).replace(',"v":1', '')), used)).status).toBe(500);
  });
});
