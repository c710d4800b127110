/**
 * What `connect` and its agent refuse, each by its cause: a stand-in agent with evidence under a fake Nitro root and a real channel key
 * answers over a `fetch` of this process, and tells one lie.
 */

import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import {
  CONTENT_END,
  decapsulateRequest,
  decodeRequest,
  encapsulateFinalChunk,
  encodeContentChunk,
  encodeResponseHead,
  MEDIA_TYPES,
  ohttpEntry,
  X25519,
} from '@assay/channel';
import { encodeBase64 } from '@assay/encoding/base64';
import { concatBytes, utf8 } from '@assay/encoding/bytes';
import { decodeHex, encodeHex } from '@assay/encoding/hex';
import { type Keyset, keyId, keysetDigest, type Receipt, sealReceipt, statementDigest } from '@assay/receipt';
import { expectRefusal, FAKE_NOW, fakeChain, fakeNitroDocument } from '@assay/testing';
import { describe, expect, test } from 'vitest';
import { type Agent, type ConnectOptions, connect } from './connect.ts';

const URL_OF_AGENT = 'https://agent.example';
const RECEIPT_ID = `rcpt_${'a1'.repeat(16)}`;
const QUESTION = 'a secret question';
const chain = await fakeChain({ simulated: true });
const channelKey = await X25519.generate();
const receiptPair = generateKeyPairSync('ed25519');
const receiptPublic = new Uint8Array(Buffer.from(receiptPair.publicKey.export({ format: 'jwk' }).x ?? '', 'base64url'));
const receiptKeyId = keyId('receipt', receiptPublic);

/** One thing that the agent does otherwise than an honest one. */
interface Lie {
  /** Instead of `/v1/aci/attestation`. */
  readonly attestation?: (honest: () => Promise<Response>) => Response | Promise<Response>;
  /** Epoch seconds. */
  readonly notAfter?: number;
  /** Instead of the answer to a question, inside the channel. */
  readonly answer?: () => Response;
  /** Instead of the receipt of the answer, inside the channel. */
  readonly receipt?: (honest: (id: string, other?: Partial<Exchange>) => Receipt, exchange: Exchange) => Response;
}

function keysetOf({ notAfter = FAKE_NOW / 1000 + 3600 }: Lie): Keyset {
  return {
    subject: null,
    not_after: notAfter,
    receipt_signing_keys: [{ key_id: receiptKeyId, algo: 'ed25519', public_key: encodeHex(receiptPublic) }],
    e2ee_public_keys: [ohttpEntry({ keyId: 1, kem: 0x0020, publicKey: channelKey.publicKey })],
    tls_public_keys: [],
  };
}

async function reportFor(nonce: string, keyset: Keyset): Promise<Response> {
  const digest = keysetDigest(keyset);
  const statement = statementDigest(digest, nonce);
  const fields = { user_data: statement, nonce: decodeHex(nonce), timestamp: FAKE_NOW };
  const { document } = await fakeNitroDocument({ chain, fields });
  return Response.json({
    api_version: 'aci/1',
    workload_keyset_digest: digest,
    attestation: {
      ...{ tee_type: 'aws_nitro', workload_keyset: keyset, report_data: encodeHex(statement) },
      evidence: { document: encodeBase64(document) },
    },
  });
}

/** Bodies of the newest question and its answer. */
interface Exchange {
  readonly request: Uint8Array;
  readonly answer: Uint8Array;
}

const hashOf = (bytes: Uint8Array): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

function receiptOf(id: string, keyset: Keyset, { request, answer }: Exchange): Receipt {
  const content = {
    ...({ api_version: 'aci/1', receipt_id: id, chat_id: null, model: null } as const),
    ...{ workload_keyset_digest: keysetDigest(keyset), endpoint: '/v1/chat/completions', method: 'POST' },
    served_at: FAKE_NOW / 1000,
    event_log: [
      { type: 'request.received', seq: 0, body_hash: hashOf(request) },
      { type: 'response.returned', seq: 1, body_hash: hashOf(answer) },
    ],
  };
  return sealReceipt(content as never, {
    keyId: receiptKeyId,
    sign: (message) => new Uint8Array(sign(null, message, receiptPair.privateKey)),
  });
}

/** The application inside the enclave. */
function application(path: string, exchange: Exchange, lie: Lie): Response {
  const keyset = keysetOf(lie);
  if (path === '/v1/chat/completions') {
    const honest = () => stream('data: {"choices":[{"delta":{"content":"42"}}]}\n\ndata: [DONE]\n\n');
    const answer = (lie.answer ?? honest)();
    answer.headers.set('x-receipt-id', RECEIPT_ID);
    return answer;
  }
  if (path !== `/v1/aci/receipts/${RECEIPT_ID}`) return Response.json({ path }, { status: 404 });
  const { receipt = (honest) => Response.json(honest(RECEIPT_ID)) } = lie;
  return receipt((id, other = {}) => receiptOf(id, keyset, { ...exchange, ...other }), exchange);
}

function stream(text: string): Response {
  return new Response(text, { headers: { 'content-type': 'text/event-stream' } });
}

/** The agent's HTTP side; `sent` holds what left the relying party, in clear and decrypted. */
function standIn(lie: Lie) {
  const sent: string[] = [];
  let exchange: Exchange = { request: new Uint8Array(), answer: new Uint8Array() };
  const carry: typeof fetch = async (input, init) => {
    const request = new Request(input, init);
    const url = new URL(request.url);
    sent.push(url.pathname);
    if (url.pathname === '/v1/aci/attestation') {
      const honest = () => reportFor(url.searchParams.get('nonce') ?? '', keysetOf(lie));
      return (lie.attestation ?? ((answer) => answer()))(honest);
    }
    if (url.pathname !== '/ohttp') return new Response('nothing is here', { status: 404 });
    const sealed = new Uint8Array(await request.arrayBuffer());
    const opened = await decapsulateRequest(sealed, 'chunked', [{ keyId: 1, keyPair: channelKey }]);
    const { path, method, body: question } = decodeRequest(opened.message);
    sent.push(path);
    const answer = application(path, exchange, lie);
    const head = encodeResponseHead({ status: answer.status, headers: [...answer.headers] });
    const content = new Uint8Array(await answer.arrayBuffer());
    if (method === 'POST') exchange = { request: question, answer: content };
    const body = encodeContentChunk(content);
    const bytes = await encapsulateFinalChunk(opened, concatBytes(head, body, CONTENT_END));
    return new Response(new Uint8Array(bytes), { headers: { 'content-type': MEDIA_TYPES.chunkedResponse } });
  };
  return { sent, fetch: carry };
}

function options(carry: typeof fetch): ConnectOptions {
  return { trust: { simulatedRoot: chain.root.der }, now: () => FAKE_NOW, fetch: carry };
}

async function connected(lie: Lie): Promise<{ readonly agent: Agent; readonly sent: readonly string[] }> {
  const line = standIn(lie);
  return { agent: await connect(URL_OF_AGENT, options(line.fetch)), sent: line.sent };
}

test('the honest stand-in is believed, and its answer has a checked receipt', async () => {
  const { agent, sent } = await connected({});
  const { text, receipt, proof } = await agent.chat(QUESTION, { onText: () => {} });
  expect([text, receipt.receipt_id, proof.receipt]).toEqual(['42', RECEIPT_ID, receipt]);
  expect(sent).toEqual(['/v1/aci/attestation', '/ohttp', '/v1/chat/completions', '/ohttp', `/v1/aci/receipts/${RECEIPT_ID}`]);
});

describe('before a question leaves', () => {
  const text = (body: string, status = 200) => ({ attestation: () => new Response(body, { status }) });
  test.each<[string, string, Lie, readonly string[]]>([
    [
      'no one listens',
      'client/agent-unreachable',
      { attestation: () => Promise.reject(new TypeError('fetch failed')) },
      [URL_OF_AGENT, 'check the address'],
    ],
    ['the service has no reports', 'client/agent-unreachable', text('not found', 404), [URL_OF_AGENT, 'got status 404']],
    ['the service is ill', 'client/agent-unreachable', text('', 503), ['got status 503']],
    ['a page instead of a report', 'client/attestation-malformed', text('<html>'), ['expected a JSON attestation report']],
    ['a name twice', 'client/attestation-malformed', text('{"api_version":"aci/1","api_version":"aci/0"}'), ['JSON']],
    [
      'no UTF-8',
      'client/attestation-malformed',
      { attestation: () => new Response(Uint8Array.of(0x22, 0xff, 0x22)) },
      ['JSON'],
    ],
    [
      'an endless report',
      'client/attestation-malformed',
      text(' '.repeat(4 * 1024 * 1024 + 1)),
      ['at most 4194304 bytes', 'got more'],
    ],
    ['keys that ended this second', 'client/keyset-expired', { notAfter: FAKE_NOW / 1000 }, ['2026', 'restart or rotate']],
    ['keys that ended long ago', 'client/keyset-expired', { notAfter: 1 }, ['1970-01-01']],
  ])('%s: %s', async (_, code, lie, words) => {
    const line = standIn(lie);
    await expectRefusal(connect(URL_OF_AGENT, options(line.fetch)), code, words);
    expect(line.sent).toEqual(['/v1/aci/attestation']);
  });
});

describe('client/receipt-missing', () => {
  test.each<[string, Lie, readonly string[]]>([
    ['the agent does not have it', { receipt: () => Response.json({}, { status: 404 }) }, [RECEIPT_ID, 'do not rely']],
    [
      'it gives another, also genuine',
      { receipt: (honest) => Response.json(honest(`rcpt_${'b2'.repeat(16)}`)) },
      [`expected receipt ${RECEIPT_ID}`, `got rcpt_${'b2'.repeat(16)}`, 'do not rely'],
    ],
  ])('%s', async (_, lie, words) => {
    const { agent } = await connected(lie);
    const pieces: string[] = [];
    const asked = agent.chat(QUESTION, { onText: (piece) => pieces.push(piece) });
    await expectRefusal(asked, 'client/receipt-missing', words);
    expect(pieces).toEqual([]);
  });
});

test('client/receipt-unattested: a genuine signature under a keyset that no report attests', async () => {
  const other = { ...keysetOf({}), subject: 'somebody else' };
  const { agent } = await connected({ receipt: (_, exchange) => Response.json(receiptOf(RECEIPT_ID, other, exchange)) });
  const asked = agent.chat(QUESTION, { onText: () => {} });
  await expectRefusal(asked, 'client/receipt-unattested', [RECEIPT_ID, URL_OF_AGENT, 'bundle is malformed', 'do not rely']);
});

test.each<[string, Partial<Exchange>, string]>([
  ['another request', { request: utf8('{}') }, 'over this request'],
  ['another answer', { answer: utf8('data: [DONE]\n\n') }, 'over this answer'],
])('client/receipt-mismatch: a receipt over %s', async (_, other, words) => {
  const { agent } = await connected({ receipt: (honest) => Response.json(honest(RECEIPT_ID, other)) });
  for (const options of [{ onText: () => {} }, {}])
    await expectRefusal(agent.chat(QUESTION, options), 'client/receipt-mismatch', [RECEIPT_ID, words, 'do not rely']);
});

test('an answer that talks of its end mark streams on', async () => {
  const text = 'a stream ends with data: [DONE]';
  const answer = () => stream(`data: ${JSON.stringify({ choices: [{ delta: { content: text } }] })}\n\ndata: [DONE]\n\n`);
  const { agent } = await connected({ answer });
  expect((await agent.chat(QUESTION, { onText: () => {} })).text).toBe(text);
});

test('client/answer-incomplete: the enclave ends a stream without its end mark', async () => {
  const { agent } = await connected({ answer: () => stream('data: {"choices":[{"delta":{"content":"4"}}]}\n\n') });
  const asked = agent.chat(QUESTION, { onText: () => {} });
  await expectRefusal(asked, 'client/answer-incomplete', ['without its end mark', 'do not use']);
});

test.each<[string, () => Response, boolean, string, readonly string[]]>([
  ['no JSON', () => new Response('<html>\noops'), false, 'client/answer-malformed', ['expected JSON', 'got <html> oops']],
  ['no completion', () => Response.json(null), false, 'client/answer-malformed', ['a chat completion', 'got null']],
  [
    'no text',
    () => Response.json({ choices: [{ message: { content: null } }] }),
    false,
    'client/answer-malformed',
    ['content'],
  ],
  ['no JSON in an event', () => stream('data: {"cho\n\ndata: [DONE]\n\n'), true, 'client/answer-malformed', ['got {"cho']],
  [
    'an error in the middle',
    () => stream('data: {"error":{"message":"out of memory"}}\n\ndata: [DONE]\n\n'),
    true,
    'client/agent-refused',
    ['out of memory'],
  ],
])('%s for an answer', async (_, answer, streamed, code, words) => {
  const { agent } = await connected({ answer });
  await expectRefusal(agent.chat(QUESTION, streamed ? { onText: () => {} } : {}), code, words);
});

test.each<[string, () => Response, readonly string[]]>([
  ['its own words', () => Response.json({ error: { message: 'no model' } }, { status: 409 }), ['answered 409', 'no model']],
  ['words on many lines', () => new Response('no\n\u001b[2Jmodel.\n', { status: 400 }), ['answered 400: no [2Jmodel; change']],
  ['no words', () => new Response('', { status: 503 }), ['answered 503: no text']],
])('client/agent-refused: the verified agent answers with an error and %s', async (_, answer, words) => {
  const { agent } = await connected({ answer });
  await expectRefusal(agent.chat(QUESTION), 'client/agent-refused', words);
});

test.each<[string, () => Response, readonly string[]]>([
  [
    'with advice',
    () => Response.json({ detail: 'no task has it; check it' }, { status: 404 }),
    ['404: no task has it; check it'],
  ],
  ['without', () => Response.json({ error: { message: 'no model "m"' } }, { status: 404 }), ['no model "m"; check the name']],
])('client/not-found: the agent does not have what was named, %s', async (_, answer, words) => {
  const { agent } = await connected({ answer });
  await expectRefusal(agent.chat(QUESTION), 'client/not-found', words);
});

test.each(['https://elsewhere.example/v1/models', 'http://agent.example/v1/models', 'https://agent.example:8443/v1/models'])(
  'client/foreign-origin: a request to %s',
  async (url) => {
    const { agent, sent } = await connected({});
    const before = sent.length;
    await expectRefusal(agent.fetch(url), 'client/foreign-origin', [URL_OF_AGENT, new URL(url).origin]);
    expect(sent.length).toBe(before);
  },
);

test('the message of a refused question holds nothing of it', async () => {
  const { agent } = await connected({ receipt: () => Response.json({}, { status: 404 }) });
  const error = await agent.chat(QUESTION).catch((reason: unknown) => reason);
  expect(String(error)).not.toContain('secret');
  expect(utf8(String(error)).length).toBeLessThan(400);
});

describe('a connection that breaks', () => {
  /** Honest up to the verdict; then the line ends where `cut` says. */
  async function cutAt(cut: (bytes: Uint8Array) => Response | Promise<Response>) {
    const line = standIn({ answer: () => stream(`data: {"choices":[{"delta":{"content":"${'4'.repeat(5000)}"}}]}\n\n`) });
    const carry: typeof fetch = async (input, init) => {
      const answer = await line.fetch(input, init);
      return String(input).endsWith('/ohttp') ? cut(new Uint8Array(await answer.arrayBuffer())) : answer;
    };
    return connect(URL_OF_AGENT, options(carry));
  }
  const headers = { 'content-type': MEDIA_TYPES.chunkedResponse };
  const broken = (bytes: Uint8Array) =>
    new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(bytes),
      pull: (controller) => controller.error(new TypeError('terminated', { cause: new Error('other side closed') })),
    });

  test.each<[string, string, (bytes: Uint8Array) => Response | Promise<Response>, readonly string[]]>([
    [
      'before it answers',
      'client/agent-unreachable',
      () => Promise.reject(new TypeError('fetch failed', { cause: new Error('ECONNRESET') })),
      ['ECONNRESET'],
    ],
    ['at once', 'client/connection-broken', () => new Response(broken(new Uint8Array(0)), { headers }), ['other side closed']],
    [
      'in the middle',
      'client/connection-broken',
      (bytes) => new Response(broken(bytes.subarray(0, 99)), { headers }),
      ['broke'],
    ],
  ])('%s: %s', async (_, code, cut, words) => {
    const agent = await cutAt(cut);
    for (const more of [{}, { onText: () => {} }])
      await expectRefusal(agent.chat(QUESTION, more), code, [URL_OF_AGENT, ...words]);
  });

  test('the attestation breaks off', async () => {
    const attestation = () => new Response(broken(utf8('{"api_version":')));
    const line = standIn({ attestation });
    await expectRefusal(connect(URL_OF_AGENT, options(line.fetch)), 'client/connection-broken', [URL_OF_AGENT, 'ask again']);
  });

  test('a caller who stops sees the own reason, not a broken connection', async () => {
    const stop = new AbortController();
    const agent = await cutAt(() => {
      stop.abort(new Error('enough'));
      throw new DOMException('aborted', 'AbortError');
    });
    await expect(agent.chat(QUESTION, { signal: stop.signal })).rejects.toMatchObject({ name: 'AbortError' });
  });
});
