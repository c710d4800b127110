/** Services that do not answer, answer with something else, or prove nothing, over a stand-in `fetch`. */

import { createHash } from 'node:crypto';
import { DEFAULT_POLICY } from '@assay/attestation/appraisal/presets';
import { bufferSource, concatBytes, utf8 } from '@assay/encoding/bytes';
import { encodeHex } from '@assay/encoding/hex';
import { parseJson } from '@assay/encoding/json';
import { expectRefusal, FAKE_NOW, fakeDstack } from '@assay/testing';
import { describe, expect, test } from 'vitest';
import type { AttestedService } from './attested-service.ts';
import { serviceKind } from './services.ts';
import { encodeAnswerProof, parseAnswerProof, verifyAnswerProof } from './signing-proxy/answer-proof.ts';
import { fetchSignature, type Signer } from './signing-proxy/answer-signature.ts';
import { sealChat } from './signing-proxy/e2ee/sealed-chat.ts';

const BASE = 'https://service.example';
const MODEL = 'acme/model-1';
const { anchors, endorsements } = await fakeDstack();
const paused: number[] = [];

/** Roots are not marked as simulated: what is tested is what an otherwise wanted report lacks. */
function serviceOf(fetch: typeof globalThis.fetch, timeoutMs = 1000): AttestedService {
  return {
    ...{ base: BASE, apiKey: 'a secret key', fetch, now: () => FAKE_NOW, policy: DEFAULT_POLICY, collateral: null, timeoutMs },
    ...{ dialer: null, channel: 'any', sleep: async (ms: number) => void paused.push(ms) },
    trust: { roots: anchors.map((anchor) => ({ ...anchor, simulated: false })) },
    endorsements,
  };
}

/** A genuine, fresh report in the form of Chutes: it binds an encryption key, and nothing that signs answers. */
async function reportWithoutSigner(nonce: string): Promise<Uint8Array> {
  const bound = createHash('sha256').update(`${nonce}key`).digest();
  const { document } = await fakeDstack({ reportData: concatBytes(bound, new Uint8Array(32)) });
  return utf8(JSON.stringify({ evidence: [{ quote: document.quote, nonce, e2e_pubkey: 'key', instance_id: 'i' }] }));
}

const answering =
  (body: BodyInit, status = 200): typeof fetch =>
  async () =>
    new Response(body, { status });

const SIGNER: Signer = { model: MODEL, addresses: [], algorithm: 'ecdsa' };
const redpill = serviceKind('redpill');

test.each<[string, typeof fetch]>([
  ['no one listens', () => Promise.reject(new TypeError('fetch failed'))],
  [
    'it redirects, perhaps to somebody who collects keys',
    async (_input, init) => {
      if (init?.redirect === 'error') throw new TypeError('unexpected redirect');
      return Response.json({});
    },
  ],
  [
    'it never answers',
    (_input, init) =>
      new Promise((_, reject) => init?.signal?.addEventListener('abort', () => reject(init.signal?.reason as Error))),
  ],
  ['it breaks off', async () => new Response(new ReadableStream({ start: (body) => body.error(new TypeError('terminated')) }))],
])('service/unreachable: %s', async (_, fetch) => {
  await expectRefusal(redpill.open(serviceOf(fetch, 50), MODEL), 'service/unreachable', [BASE, 'check the address']);
});

describe('service/refused', () => {
  test.each<[string, typeof fetch, readonly string[]]>([
    ['a model it does not have', answering('{"detail":"no such model"}', 404), ['status 404', 'no such model']],
    ['a key it does not take', answering('{"error":{"message":"bad key"}}', 401), ['status 401', 'bad key']],
    ['words on many lines', answering('{"detail":"line one\\n\\u001b[2Jline two"}', 500), ['line one [2Jline two']],
    ['an error without words', answering('<html>', 502), ['status 502', 'check model']],
    ['an endless report', answering(new Uint8Array(16 * 1024 * 1024 + 1)), ['at most 16777216', 'got more']],
  ])('for a report: %s', async (_, fetch, words) => {
    const message = await expectRefusal(redpill.open(serviceOf(fetch), MODEL), 'service/refused', [BASE, ...words]);
    expect(message).not.toMatch(/secret|nonce=/);
  });

  test.each<[string, typeof fetch, readonly string[]]>([
    ['an error', answering('{"detail":"busy"}', 503), ['status 503', 'busy']],
    ['an endless signature', answering(new Uint8Array(64 * 1024 + 1)), ['at most 65536', 'got more']],
  ])('for a signature: %s', async (_, fetch, words) => {
    const exchange = { sent: utf8('{}'), received: utf8('{"id":"chat-1"}') };
    await expectRefusal(fetchSignature(serviceOf(fetch), SIGNER, exchange), 'service/refused', [BASE, 'chat-1', ...words]);
  });
});

test('service/signature-missing: it has no signature of its answer, also after a second', async () => {
  let asked = 0;
  const fetch: typeof globalThis.fetch = async () => {
    asked += 1;
    return Response.json({ detail: 'not found' }, { status: 404 });
  };
  const exchange = { sent: utf8('{}'), received: utf8('{"id":"chat-1"}') };
  await expectRefusal(fetchSignature(serviceOf(fetch), SIGNER, exchange), 'service/signature-missing', ['chat-1', 'got none']);
  expect([asked, paused]).toEqual([4, [50, 200, 800]]);
});

test.each(['{}', '{"id":7}', '{"id":"a/b"}', 'data: x'])(
  'service/signature-missing: the answer %s has no id to ask with',
  async (answer) => {
    const fetch: typeof globalThis.fetch = () => expect.unreachable('expected no request');
    const exchange = { sent: utf8('{}'), received: utf8(answer) };
    await expectRefusal(fetchSignature(serviceOf(fetch), SIGNER, exchange), 'service/signature-missing', [
      'an answer with an id',
    ]);
  },
);

describe('service/address-missing', () => {
  test('a genuine, fresh report that binds no signing address', async () => {
    const fetch: typeof globalThis.fetch = async (input) =>
      new Response(bufferSource(await reportWithoutSigner(new URL(String(input)).searchParams.get('nonce') ?? '')));
    await expectRefusal(redpill.open(serviceOf(fetch), MODEL), 'service/address-missing', [BASE, 'binds none']);
  });

  test('a proof over such a report', async () => {
    const nonce = '22'.repeat(32);
    const hash = encodeHex(new Uint8Array(32));
    const side = { hash, bytes: null };
    const address = `0x${'00'.repeat(20)}`;
    const signature = { text: `${hash}:${hash}`, signature: `0x${'00'.repeat(65)}`, signing_address: address };
    const file = encodeAnswerProof({
      ...{ service: BASE, model: MODEL, time: FAKE_NOW, nonce, report: await reportWithoutSigner(nonce), endorsements },
      ...{ signature: utf8(JSON.stringify(signature)), request: side, response: side },
    });
    const { trust = {} } = serviceOf(fetch);
    const proof = parseAnswerProof(parseJson(file));
    await expectRefusal(verifyAnswerProof(proof, { now: FAKE_NOW, trust }), 'service/address-missing', ['got none']);
  });
});

test('endorsements/unreachable: collateral that is neither at hand nor at its vendor', async () => {
  const fetch: typeof globalThis.fetch = async (input) => {
    const url = new URL(String(input));
    if (url.origin !== BASE) throw new TypeError('fetch failed');
    return new Response(bufferSource(await reportWithoutSigner(url.searchParams.get('nonce') ?? '')));
  };
  const opening = redpill.open({ ...serviceOf(fetch), endorsements: [], collateral: {} }, MODEL);
  await expect(opening).rejects.toMatchObject({ code: 'endorsements/unreachable' });
});

test('service/channel-unbound: an enclave whose address shows no TLS key, before anything is sent', async () => {
  const service = { ...serviceOf(() => expect.unreachable('nothing is sent')), base: 'http://service.example' };
  await expectRefusal(serviceKind('tinfoil').open(service, ''), 'service/channel-unbound', ['https', 'http://service.example']);
});

test('service/keys-missing: a genuine, fresh document that binds no keys to seal to', async () => {
  const sent: string[] = [];
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const url = new URL(String(input));
    sent.push(`${url.pathname} ${new Headers(init?.headers).get('authorization')}`);
    return new Response(bufferSource(await reportWithoutSigner(url.searchParams.get('nonce') ?? '')));
  };
  await expectRefusal(serviceKind('tinfoil').open(serviceOf(fetch), ''), 'service/keys-missing', [
    'a TLS key and an HPKE key',
    BASE,
  ]);
  expect(sent).toEqual(['/.well-known/tinfoil-attestation null']);
});

test.each<[string, 'ecdsa' | 'ed25519', string | null, readonly string[]]>([
  ['an address without a key', 'ecdsa', null, ['signing_public_key', 'got none']],
  ['no point of secp256k1', 'ecdsa', 'ff'.repeat(64), ['ecdsa key', 'no point of its curve']],
  ['a key that is too short', 'ecdsa', '02'.repeat(33), ['no point of its curve']],
  ['no point of ed25519', 'ed25519', `02${'00'.repeat(31)}`, ['ed25519 key', 'no point of its curve']],
  ['no hex', 'ed25519', 'key', ['no point of its curve']],
])('e2ee/key-missing: %s', async (_, algorithm, publicKey, words) => {
  const body = utf8(JSON.stringify({ model: MODEL, messages: [{ role: 'user', content: 'a secret question' }] }));
  const sealing = sealChat({ algorithm, publicKey }, '/v1/chat/completions', body, FAKE_NOW);
  expect(await expectRefusal(sealing, 'e2ee/key-missing', words)).not.toContain('secret');
});
