/**
 * A stand-in for RedPill and the dstack vLLM proxy, exact on the wire: reports, models, chat (streamed and whole) and signatures over
 * the exact bytes. It serves fresh reports under a fake Intel root, with Intel's collateral beside them, or replays a captured
 * report; and it tells any one of the lies a relying party must notice. What arrives is kept, so that tests can ask what left.
 */

import { createHash, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TrustAnchor } from '@assay/attestation';
import { decodeHex, encodeHex } from '@assay/encoding/hex';
import { encodePem } from '@assay/encoding/pem';
import type { LooseJson } from '@assay/simulator';
import { fakePcs } from './fake-pcs.ts';
import { type FakeTls, fakeTls } from './fake-tls.ts';
import { acceptE2ee, type E2eeContext, E2eeRefusal, sealerFor } from './redpill-e2ee.ts';
import {
  type RedpillAlgorithm,
  type RedpillKey,
  type RedpillLie,
  type RedpillReport,
  redpillKey,
  redpillReport,
} from './redpill-report.ts';

export interface RedpillServerOptions {
  readonly models?: readonly string[];
  /** When set, requests without it get HTTP 401; lists and reports are open, unless {@link reportNeedsKey}. */
  readonly apiKey?: string;
  /** As some services have it: the report, too, is only for holders of the key. */
  readonly reportNeedsKey?: boolean;
  /** What the model says, by the number of the request from 0. */
  readonly answer?: (index: number) => string;
  /** Text that is signed: `request:response`, or with the model in front. */
  readonly text?: 'plain' | 'model';
  readonly shape?: 'flat' | 'two-layer';
  readonly textMembers?: boolean;
  readonly gpu?: boolean;
  readonly tlsFingerprint?: Uint8Array;
  /** Serves HTTPS, and binds the key of its certificate in the reports that are asked for it. */
  readonly tls?: boolean;
  /** Seals and opens fields when a client asks for it. */
  readonly e2ee?: boolean;
  /** Algorithm when the client asks for none. */
  readonly algorithm?: RedpillAlgorithm;
  /** A captured report that is served instead of fresh ones, exact bytes. */
  readonly captured?: Uint8Array;
  /** Epoch milliseconds around which everything is in force; default: the system's clock. */
  readonly now?: () => number;
}

export interface RedpillRequest {
  readonly method: string;
  /** With the query. */
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Uint8Array;
}

export interface RedpillServer {
  /** Without `/v1`; Intel's collateral is served below it as well. */
  readonly origin: string;
  /** What is untrue from now on. */
  lie: RedpillLie | null;
  readonly requests: readonly RedpillRequest[];
  /** Requests that carried a prompt. */
  prompts(): readonly RedpillRequest[];
  /** Roots that sign its evidence. */
  anchors(): Promise<readonly TrustAnchor[]>;
  /** The fake Intel root, PEM. */
  rootPem(): Promise<string>;
  /** Who signed the certificates it serves HTTPS with, the good one and the one of the lie; PEM. */
  readonly authorities: string;
  /** Requests as the model saw them, opened. */
  readonly opened: readonly LooseJson[];
  close(): Promise<void>;
}

interface Kept {
  readonly model: string;
  readonly request: Uint8Array;
  readonly response: Uint8Array;
}

const CHAT_PATHS = ['/v1/chat/completions', '/v1/completions', '/v1/embeddings'];

/** Starts it on a free port of 127.0.0.1. */
export async function startRedpillServer(options: RedpillServerOptions = {}): Promise<RedpillServer> {
  const identities = options.tls === true ? [await fakeTls('redpill'), await fakeTls('in the middle')] : [];
  const [tls] = identities;
  const fingerprint = tls === undefined ? {} : { tlsFingerprint: decodeHex(tls.spkiSha256) };
  const keys = { ecdsa: await redpillKey('ecdsa'), ed25519: await redpillKey('ed25519') };
  const standIn = new StandIn({ ...fingerprint, ...options }, keys);
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    standIn.serve(request, response).catch(() => response.destroy());
  };
  const secure = tls === undefined ? null : createTlsServer({ key: tls.keyPem, cert: tls.certificatePem }, listener);
  const server = secure ?? createServer(listener);
  standIn.onLie = (lie) => {
    const shown = lie === 'wrong-tls-key' ? identities[1] : tls;
    if (secure === null || shown === undefined) return;
    secure.setSecureContext({ key: shown.keyPem, cert: shown.certificatePem });
    secure.closeAllConnections();
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return Object.assign(standIn, {
    origin: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    authorities: identities.map(({ certificatePem }: FakeTls) => certificatePem).join(''),
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  });
}

class StandIn {
  onLie: (lie: RedpillLie | null) => void = () => undefined;
  readonly requests: RedpillRequest[] = [];
  readonly opened: LooseJson[] = [];
  readonly #claimed = new Set<string>();
  #lie: RedpillLie | null = null;
  readonly #options: RedpillServerOptions;
  readonly #keys: Readonly<Record<RedpillAlgorithm, RedpillKey>>;
  readonly #kept = new Map<string, Kept>();
  #chats = 0;

  constructor(options: RedpillServerOptions, keys: Readonly<Record<RedpillAlgorithm, RedpillKey>>) {
    this.#options = options;
    this.#keys = keys;
  }

  get lie(): RedpillLie | null {
    return this.#lie;
  }

  set lie(lie: RedpillLie | null) {
    this.#lie = lie;
    this.onLie(lie);
  }

  prompts(): readonly RedpillRequest[] {
    return this.requests.filter(({ url }) => CHAT_PATHS.some((path) => url.startsWith(path)));
  }

  async anchors(): Promise<readonly TrustAnchor[]> {
    return (await this.#report('ecdsa', new Uint8Array(32), 'none')).anchors;
  }

  async rootPem(): Promise<string> {
    const [root] = await this.anchors();
    if (root === undefined || root.certificate === null) throw new Error('the fake root has no certificate');
    return encodePem('CERTIFICATE', root.certificate);
  }

  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { method = 'GET', url = '/', headers } = request;
    const body = new Uint8Array(Buffer.concat(chunks));
    this.requests.push({ method, url, headers, body });
    const { pathname, searchParams } = new URL(url, 'http://stand-in');
    if (!pathname.startsWith('/v1/')) return this.#collateral(pathname, response);
    const { apiKey, reportNeedsKey = false } = this.#options;
    const open = !reportNeedsKey && method === 'GET' && (pathname === '/v1/models' || pathname === '/v1/attestation/report');
    if (!open && apiKey !== undefined && headers.authorization !== `Bearer ${apiKey}`)
      return sendJson(response, 401, { error: { message: 'Invalid or missing Authorization header', type: 'unauthorized' } });
    if (method === 'GET' && pathname === '/v1/models') {
      const data = this.#models().map((id) => ({ id, object: 'model', created: 0, owned_by: 'phala' }));
      return sendJson(response, 200, { object: 'list', data });
    }
    if (method === 'GET' && pathname === '/v1/attestation/report') return this.#sendReport(searchParams, response);
    const id = /^\/v1\/signature\/([^/]+)$/.exec(pathname)?.[1];
    if (method === 'GET' && id !== undefined) return this.#sendSignature(decodeURIComponent(id), searchParams, response);
    if (method === 'POST' && CHAT_PATHS.includes(pathname)) return this.#chat(body, headers, response);
    return sendJson(response, 404, { error: { message: 'not found', type: 'not_found' } });
  }

  #models(): readonly string[] {
    return this.#options.models ?? ['phala/gemma-3-27b-it', 'phala/qwen-2.5-7b-instruct'];
  }

  #report(algorithm: RedpillAlgorithm, nonce: Uint8Array, model: string, asked = true): Promise<RedpillReport> {
    const { gpu = false, shape = 'flat', textMembers = true, tls = false, now = Date.now } = this.#options;
    const key = this.#keys[algorithm];
    const tlsFingerprint = tls && !asked ? null : (this.#options.tlsFingerprint ?? null);
    return redpillReport({ key, nonce, model, now: now(), lie: this.lie, gpu, shape, textMembers, tlsFingerprint });
  }

  async #sendReport(query: URLSearchParams, response: ServerResponse): Promise<void> {
    const algorithm = query.get('signing_algo') ?? this.#options.algorithm ?? 'ecdsa';
    const asked = query.get('nonce');
    const model = query.get('model') ?? this.#models()[0] ?? '';
    if (algorithm !== 'ecdsa' && algorithm !== 'ed25519') {
      const error = { message: 'Invalid signing algorithm', type: 'invalid_signing_algo', param: null, code: null };
      return sendJson(response, 400, { error });
    }
    if (asked !== null && !/^(?:[0-9a-f]{2})*$/i.test(asked))
      return sendJson(response, 400, { detail: 'Nonce must be hex-encoded' });
    if (asked !== null && asked.length !== 64) return sendJson(response, 400, { detail: 'Nonce must be 32 bytes' });
    if (!this.#models().includes(model) || this.lie === 'no-report')
      return sendJson(response, 404, { error: { message: 'Model not found', type: 'not_found' } });
    const { captured } = this.#options;
    if (captured !== undefined) return send(response, 200, { 'content-type': 'application/json' }, captured);
    const nonce = asked === null ? new Uint8Array(randomBytes(32)) : decodeHex(asked.toLowerCase());
    const asksTlsKey = query.get('include_tls_fingerprint') === 'true' || query.get('version') === '2';
    return sendJson(response, 200, (await this.#report(algorithm, nonce, model, asksTlsKey)).document);
  }

  async #collateral(pathname: string, response: ServerResponse): Promise<void> {
    const { endorsements } = await this.#report('ecdsa', new Uint8Array(32), 'none');
    const found = fakePcs(endorsements, pathname);
    if (found === null) return sendJson(response, 404, { detail: 'Not Found' });
    return send(response, 200, found.headers, found.body);
  }

  async #chat(body: Uint8Array, headers: IncomingMessage['headers'], response: ServerResponse): Promise<void> {
    const { lie } = this;
    const sent = JSON.parse(Buffer.from(body).toString('utf8')) as LooseJson;
    if (!this.#models().includes(sent.model))
      return sendJson(response, 404, { error: { message: `no model ${sent.model}`, type: 'not_found' } });
    let e2ee: E2eeContext | null;
    try {
      const now = (this.#options.now ?? Date.now)();
      e2ee = this.#options.e2ee === true ? acceptE2ee(headers, sent, this.#keys, this.#claimed, now) : null;
    } catch (error) {
      if (!(error instanceof E2eeRefusal)) throw error;
      return sendJson(response, 400, { error: { message: error.message, type: error.type, param: null, code: null } });
    }
    const asked: LooseJson = e2ee?.request ?? sent;
    this.opened.push(asked);
    const text = this.#options.answer?.(this.#chats) ?? 'Grüße aus dem Enclave: 42.';
    this.#chats += 1;
    const id = `chatcmpl-${randomBytes(12).toString('hex')}`;
    const container = asked.stream === true ? 'delta' : 'message';
    const documents = asked.stream === true ? chunksOf(id, asked.model, text) : [wholeOf(id, asked.model, text)];
    const clear = lie === 'answer-in-clear' || lie === 'unsealed-field';
    const seal = (document: LooseJson): LooseJson => {
      if (e2ee === null || clear) return document;
      if (lie === 'tool-call-in-clear') document.choices[0][container].tool_calls = [{ function: { arguments: text } }];
      const sealed = e2ee.sealAnswer(document, container);
      return lie === 'foreign-fields' ? { ...sealed, id: `chatcmpl-${'0'.repeat(24)}` } : sealed;
    };
    const pieces = framed(documents.map(seal), asked.stream === true);
    const whole = Buffer.concat(pieces);
    this.#kept.set(id, { model: asked.model, request: body, response: new Uint8Array(whole) });
    response.writeHead(200, {
      'content-type': asked.stream === true ? 'text/event-stream' : 'application/json',
      ...(e2ee === null || lie === 'answer-in-clear' ? {} : e2ee.responseHeaders),
    });
    for (const piece of lie === 'resealed-answer' ? resealed(headers, asked, id, container) : pieces) {
      response.write(lie === 'tampered-response' ? Buffer.from(piece.toString('utf8').replace('42.', '43.')) : piece);
      await new Promise((resolve) => setImmediate(resolve));
    }
    response.end();
  }

  async #sendSignature(id: string, query: URLSearchParams, response: ServerResponse): Promise<void> {
    const { lie } = this;
    const kept = lie === 'earlier-signature' ? [...this.#kept.values()][0] : this.#kept.get(id);
    if (kept === undefined || lie === 'no-signature')
      return sendJson(response, 404, { error: { message: 'Chat id not found or expired', type: 'not_found' } });
    if (lie === 'malformed-signature') return sendJson(response, 200, { text: 'ok', signature: 'yes', verified: true });
    const algorithm = query.get('signing_algo') === 'ed25519' ? 'ed25519' : 'ecdsa';
    const key = this.#keys[algorithm];
    const stranger = await redpillKey(algorithm);
    const request = lie === 'other-request' ? Buffer.from('{"model":"other"}') : kept.request;
    const hashes = `${sha256(request)}:${sha256(kept.response)}`;
    const text = this.#options.text === 'model' ? `${kept.model}:${hashes}` : hashes;
    const prefix = algorithm === 'ecdsa' ? '0x' : '';
    const signature = await (lie === 'forged-signature' || lie === 'other-signer' ? stranger : key).sign(text);
    return sendJson(response, 200, {
      text,
      signature: `${prefix}${encodeHex(signature)}`,
      signing_address: `${prefix}${encodeHex((lie === 'other-signer' ? stranger : key).address)}`,
      signing_algo: algorithm,
    });
  }
}

function wholeOf(id: string, model: string, text: string): LooseJson {
  const choices = [{ index: 0, message: { role: 'assistant', content: text }, finish_reason: 'stop' }];
  const usage = { prompt_tokens: 7, completion_tokens: 9, total_tokens: 16 };
  return { id, object: 'chat.completion', created: 1_790_000_000, model, choices, usage };
}

function chunksOf(id: string, model: string, text: string): readonly LooseJson[] {
  const head = { id, object: 'chat.completion.chunk', created: 1_790_000_000, model };
  const chunk = (delta: object, finish: string | null): LooseJson => ({
    ...head,
    choices: [{ index: 0, delta, finish_reason: finish }],
  });
  const words = text.match(/\S+\s*|\s+/g) ?? [];
  return [...words.map((content) => chunk({ role: 'assistant', content }, null)), chunk({}, 'stop')];
}

function framed(documents: readonly LooseJson[], streamed: boolean): readonly Buffer[] {
  if (!streamed) return documents.map((document) => Buffer.from(JSON.stringify(document)));
  const events = documents.map((document) => Buffer.from(`data: ${JSON.stringify(document)}\n\n`));
  return [...events, Buffer.from('data: [DONE]\n\n')];
}

/** An answer somebody in the middle wrote: the client's key stands in the request's headers, for all to seal to. */
function resealed(headers: IncomingMessage['headers'], asked: LooseJson, id: string, container: string): readonly Buffer[] {
  const header = (name: string): string => String(headers[name] ?? '');
  const algorithm = header('x-signing-algo') === 'ed25519' ? 'ed25519' : 'ecdsa';
  const context = `|n=${header('x-e2ee-nonce')}|ts=${header('x-e2ee-timestamp')}`;
  const about = `algo=${algorithm}|model=${asked.model}|id=${id}|choice=0|field=content`;
  const document = container === 'delta' ? chunksOf(id, asked.model, 'lies')[0] : wholeOf(id, asked.model, 'lies');
  document.choices[0][container].content = sealerFor(algorithm, header('x-client-pub-key'))(
    'lies',
    `v2|resp|${about}${context}`,
  );
  return framed([document], container === 'delta');
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  send(response, status, { 'content-type': 'application/json' }, Buffer.from(JSON.stringify(body)));
}

function send(response: ServerResponse, status: number, headers: Readonly<Record<string, string>>, body: Uint8Array): void {
  response.writeHead(status, headers);
  response.end(body);
}
