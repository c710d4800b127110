/**
 * A stand-in for a Tinfoil enclave, exact on the wire: HTTPS with a key of its own, `/.well-known/tinfoil-attestation` with and without a nonce,
 * `/.well-known/hpke-keys`, and inference behind EHBP. Evidence is fresh under fake roots, with Intel's collateral beside it; it tells any one of the
 * lies a relying party must notice. Like the original it takes requests in clear as well: a client that downgrades is not stopped here, but seen.
 */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Endorsement, TrustAnchor } from '@assay/attestation';
import { decodeHex, encodeHex } from '@assay/encoding/hex';
import { encodePem } from '@assay/encoding/pem';
import type { LooseJson } from '@assay/simulator';
import { type EhbpOpened, ehbpRecipient } from './ehbp-recipient.ts';
import { fakePcs } from './fake-pcs.ts';
import { fakeTls } from './fake-tls.ts';
import { type TinfoilDocument, type TinfoilLie, type TinfoilPlatform, tinfoilDocument } from './tinfoil-document.ts';

export interface TinfoilServerOptions {
  readonly platform?: TinfoilPlatform;
  /** How version 3 is written; `sections` is the newer form and the default. */
  readonly form?: 'members' | 'sections';
  /** When set, inference without it gets HTTP 401. */
  readonly apiKey?: string;
  readonly models?: readonly string[];
  readonly answer?: (index: number) => string;
  /** Epoch milliseconds; default: the system's clock. */
  readonly now?: () => number;
}

export interface TinfoilRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  /** As it came over TLS: sealed, or in clear. */
  readonly body: Uint8Array;
}

export interface TinfoilServer {
  /** Without `/v1`; Intel's collateral is served below it as well. */
  readonly origin: string;
  readonly tlsKey: string;
  readonly hpkeKey: string;
  /** PEM: who signed its certificate, and that of the party that stands in between. */
  readonly authorities: string;
  lie: TinfoilLie | null;
  readonly requests: readonly TinfoilRequest[];
  /** Requests as the model saw them, opened. */
  readonly opened: readonly LooseJson[];
  /** Inference that came in clear. */
  plain(): readonly TinfoilRequest[];
  anchors(): Promise<readonly TrustAnchor[]>;
  endorsements(): Promise<readonly Endorsement[]>;
  measurement(): Promise<readonly [name: string, value: string]>;
  /** The fake vendor's root, PEM. */
  rootPem(): Promise<string>;
  close(): Promise<void>;
}

const CHAT = '/v1/chat/completions';

export async function startTinfoilServer(options: TinfoilServerOptions = {}): Promise<TinfoilServer> {
  const [tls, middle] = [await fakeTls('tinfoil'), await fakeTls('in the middle')];
  const [recipient, rotated] = [await ehbpRecipient(), await ehbpRecipient()];
  const requests: TinfoilRequest[] = [];
  const opened: LooseJson[] = [];
  const { platform = 'tdx', form = 'sections', models = ['llama3-3-70b'], now = Date.now, apiKey } = options;
  const hpkeKey = encodeHex(recipient.publicKey);
  let lie: TinfoilLie | null = null;
  let earlier: Buffer | null = null;

  const documentFor = (nonce: Uint8Array | null): Promise<TinfoilDocument> => {
    const keys = { tlsKey: decodeHex(tls.spkiSha256), hpkeKey: recipient.publicKey };
    return tinfoilDocument({ platform, form, ...keys, nonce, now: now(), lie });
  };

  const attest = async (query: URLSearchParams, response: ServerResponse): Promise<void> => {
    const asked = query.get('nonce') ?? '';
    if (lie === 'no-document') return problem(response, 503, 'Attestation collateral unavailable', 'server_error');
    if (asked !== '' && !/^[0-9a-fA-F]{64}$/.test(asked)) {
      const message = 'Invalid nonce: must be exactly 32 bytes (64 hex chars)';
      return problem(response, 400, message, 'invalid_request_error');
    }
    const nonce = asked === '' ? null : decodeHex(asked.toLowerCase());
    return json(response, 200, (await documentFor(nonce)).document);
  };

  const infer = async (request: TinfoilRequest, response: ServerResponse): Promise<void> => {
    if (apiKey !== undefined && request.headers.authorization !== `Bearer ${apiKey}`)
      return problem(response, 401, 'Invalid API key', 'invalid_request_error');
    const encapsulated = request.headers['ehbp-encapsulated-key'];
    let sealed: EhbpOpened | null = null;
    if (typeof encapsulated === 'string') {
      try {
        sealed = await (lie === 'rotated-hpke-key' ? rotated : recipient).open(encapsulated, request.body);
      } catch {
        response.writeHead(422, { 'content-type': 'application/problem+json' });
        response.end(JSON.stringify({ type: 'urn:ietf:params:ehbp:error:key-config', title: 'key configuration mismatch' }));
        return;
      }
    }
    const asked = JSON.parse(Buffer.from(sealed?.request ?? request.body).toString('utf8')) as LooseJson;
    opened.push(asked);
    const { status, contentType, pieces } = complete(asked, models, options.answer?.(opened.length - 1));
    if (sealed === null || lie === 'answer-in-clear') {
      response.writeHead(status, { 'content-type': contentType });
      for (const piece of pieces) response.write(piece);
      response.end();
      return;
    }
    const { nonce, seal } = sealed.answer();
    const frames = pieces.map(seal);
    const first = frames[0] ?? Buffer.alloc(0);
    if (lie === 'tampered-answer') first[first.length - 1] = (first.at(-1) ?? 0) ^ 1;
    if (lie === 'truncated-answer') frames.pop();
    if (lie === 'foreign-answer' && earlier !== null) frames[0] = earlier;
    earlier = Buffer.from(first);
    response.writeHead(status, {
      'content-type': contentType,
      'ehbp-response-nonce': lie === 'bad-response-nonce' ? nonce.slice(2) : nonce,
    });
    for (const frame of frames) {
      response.write(frame);
      await new Promise((resolve) => setImmediate(resolve));
    }
    response.end();
  };

  const serve = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const { method = 'GET', url = '/', headers } = incoming;
    const request = { method, url, headers, body: new Uint8Array(Buffer.concat(chunks)) };
    requests.push(request);
    const { pathname, searchParams } = new URL(url, 'https://stand-in');
    if (pathname === '/.well-known/tinfoil-attestation') return attest(searchParams, response);
    if (pathname === '/.well-known/hpke-keys') {
      const entry = Buffer.concat([Buffer.from('000020', 'hex'), recipient.publicKey, Buffer.from('000400010002', 'hex')]);
      response.writeHead(200, { 'content-type': 'application/ohttp-keys' });
      response.end(Buffer.concat([Buffer.from([0, entry.length]), entry]));
      return;
    }
    if (pathname === '/v1/models')
      return json(response, 200, { object: 'list', data: models.map((id) => ({ id, object: 'model', owned_by: 'tinfoil' })) });
    if (method === 'POST' && pathname === CHAT) return infer(request, response);
    const collateral = fakePcs((await documentFor(null)).endorsements, pathname);
    if (collateral === null) return problem(response, 404, 'not found', 'invalid_request_error');
    response.writeHead(200, collateral.headers).end(collateral.body);
  };

  const server = createServer({ key: tls.keyPem, cert: tls.certificatePem }, (request, response) => {
    serve(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    tlsKey: tls.spkiSha256,
    hpkeKey,
    authorities: tls.certificatePem + middle.certificatePem,
    get lie() {
      return lie;
    },
    set lie(next) {
      lie = next;
      const shown = next === 'wrong-tls-key' ? middle : tls;
      server.setSecureContext({ key: shown.keyPem, cert: shown.certificatePem });
      server.closeAllConnections();
    },
    requests,
    opened,
    plain: () =>
      requests.filter(({ method, url, headers }) => method === 'POST' && url === CHAT && !('ehbp-encapsulated-key' in headers)),
    anchors: async () => (await documentFor(null)).anchors,
    endorsements: async () => (await documentFor(null)).endorsements,
    measurement: async () => (await documentFor(null)).measurement,
    async rootPem() {
      const [root] = (await documentFor(null)).anchors;
      if (root === undefined || root.certificate === null) throw new Error('the fake root has no certificate');
      return encodePem('CERTIFICATE', root.certificate);
    },
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

interface Completion {
  readonly status: number;
  readonly contentType: string;
  readonly pieces: readonly Buffer[];
}

function complete(asked: LooseJson, models: readonly string[], given: string | undefined): Completion {
  if (!models.includes(asked.model)) {
    const body = { error: { message: `no model ${asked.model}`, type: 'invalid_request_error' } };
    return { status: 404, contentType: 'application/json', pieces: [Buffer.from(JSON.stringify(body))] };
  }
  const text = given ?? 'Grüße aus dem Enclave: 42.';
  const head = { id: 'chatcmpl-0123456789abcdef', created: 1_790_000_000, model: asked.model };
  if (asked.stream !== true) {
    const choices = [{ index: 0, message: { role: 'assistant', content: text }, finish_reason: 'stop' }];
    const whole = Buffer.from(JSON.stringify({ ...head, object: 'chat.completion', choices }));
    return { status: 200, contentType: 'application/json', pieces: [whole.subarray(0, 40), whole.subarray(40)] };
  }
  const event = (delta: object, finish: string | null): Buffer => {
    const choices = [{ index: 0, delta, finish_reason: finish }];
    return Buffer.from(`data: ${JSON.stringify({ ...head, object: 'chat.completion.chunk', choices })}\n\n`);
  };
  const words = text.match(/\S+\s*|\s+/g) ?? [];
  const pieces = [...words.map((content) => event({ content }, null)), event({}, 'stop'), Buffer.from('data: [DONE]\n\n')];
  return { status: 200, contentType: 'text/event-stream', pieces };
}

function problem(response: ServerResponse, status: number, message: string, type: string): void {
  json(response, status, { error: { message, type } });
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}
