/**
 * A stand-in for RedPill and the dstack vLLM proxy, exact on the wire: reports, models, chat (streamed and whole) and signatures over
 * the exact bytes. It serves fresh reports under a fake Intel root, with Intel's collateral beside them, or replays a captured
 * report; and it tells any one of the lies a relying party must notice. What arrives is kept, so that tests can ask what left.
 */

import { createHash, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TrustAnchor } from '@assay/attestation';
import { decodeHex, encodeHex } from '@assay/encoding/hex';
import { encodePem } from '@assay/encoding/pem';
import { fakePcs } from './fake-pcs.ts';
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
  /** When set, requests without it get HTTP 401. */
  readonly apiKey?: string;
  /** What the model says, by the number of the request from 0. */
  readonly answer?: (index: number) => string;
  /** Text that is signed: `request:response`, or with the model in front. */
  readonly text?: 'plain' | 'model';
  readonly shape?: 'flat' | 'two-layer';
  readonly textMembers?: boolean;
  readonly gpu?: boolean;
  readonly tlsFingerprint?: Uint8Array;
  /** Algorithm when the client asks for none. */
  readonly algorithm?: RedpillAlgorithm;
  /** A captured report that is served instead of fresh ones, exact bytes. */
  readonly captured?: Uint8Array;
  /** Epoch milliseconds around which everything is in force; the system's clock unless told. */
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
  const standIn = new StandIn(options, { ecdsa: await redpillKey('ecdsa'), ed25519: await redpillKey('ed25519') });
  const server = createServer((request, response) => {
    standIn.serve(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return Object.assign(standIn, {
    origin: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  });
}

class StandIn {
  lie: RedpillLie | null = null;
  readonly requests: RedpillRequest[] = [];
  readonly #options: RedpillServerOptions;
  readonly #keys: Readonly<Record<RedpillAlgorithm, RedpillKey>>;
  readonly #kept = new Map<string, Kept>();
  #chats = 0;

  constructor(options: RedpillServerOptions, keys: Readonly<Record<RedpillAlgorithm, RedpillKey>>) {
    this.#options = options;
    this.#keys = keys;
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
    const { apiKey } = this.#options;
    if (apiKey !== undefined && headers.authorization !== `Bearer ${apiKey}`)
      return sendJson(response, 401, { error: { message: 'Invalid or missing Authorization header', type: 'unauthorized' } });
    if (method === 'GET' && pathname === '/v1/models') {
      const data = this.#models().map((id) => ({ id, object: 'model', created: 0, owned_by: 'phala' }));
      return sendJson(response, 200, { object: 'list', data });
    }
    if (method === 'GET' && pathname === '/v1/attestation/report') return this.#sendReport(searchParams, response);
    const id = /^\/v1\/signature\/([^/]+)$/.exec(pathname)?.[1];
    if (method === 'GET' && id !== undefined) return this.#sendSignature(decodeURIComponent(id), searchParams, response);
    if (method === 'POST' && CHAT_PATHS.includes(pathname)) return this.#chat(body, response);
    return sendJson(response, 404, { error: { message: 'not found', type: 'not_found' } });
  }

  #models(): readonly string[] {
    return this.#options.models ?? ['phala/gemma-3-27b-it', 'phala/qwen-2.5-7b-instruct'];
  }

  #report(algorithm: RedpillAlgorithm, nonce: Uint8Array, model: string): Promise<RedpillReport> {
    const { gpu = false, shape = 'flat', textMembers = true, tlsFingerprint = null, now = Date.now } = this.#options;
    const key = this.#keys[algorithm];
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
    return sendJson(response, 200, (await this.#report(algorithm, nonce, model)).document);
  }

  async #collateral(pathname: string, response: ServerResponse): Promise<void> {
    const { endorsements } = await this.#report('ecdsa', new Uint8Array(32), 'none');
    const found = fakePcs(endorsements, pathname);
    if (found === null) return sendJson(response, 404, { detail: 'Not Found' });
    return send(response, 200, found.headers, found.body);
  }

  async #chat(body: Uint8Array, response: ServerResponse): Promise<void> {
    const asked = JSON.parse(Buffer.from(body).toString('utf8')) as { readonly model: string; readonly stream?: boolean };
    if (!this.#models().includes(asked.model))
      return sendJson(response, 404, { error: { message: `no model ${asked.model}`, type: 'not_found' } });
    const text = this.#options.answer?.(this.#chats) ?? 'Grüße aus dem Enclave: 42.';
    this.#chats += 1;
    const id = `chatcmpl-${randomBytes(12).toString('hex')}`;
    const pieces = asked.stream === true ? streamOf(id, asked.model, text) : [wholeOf(id, asked.model, text)];
    const whole = Buffer.concat(pieces);
    this.#kept.set(id, { model: asked.model, request: body, response: new Uint8Array(whole) });
    response.writeHead(200, { 'content-type': asked.stream === true ? 'text/event-stream' : 'application/json' });
    for (const piece of pieces) {
      response.write(this.lie === 'tampered-response' ? Buffer.from(piece.toString('utf8').replace('42', '43')) : piece);
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

function wholeOf(id: string, model: string, text: string): Buffer {
  const choices = [{ index: 0, message: { role: 'assistant', content: text }, finish_reason: 'stop' }];
  const usage = { prompt_tokens: 7, completion_tokens: 9, total_tokens: 16 };
  return Buffer.from(JSON.stringify({ id, object: 'chat.completion', created: 1_790_000_000, model, choices, usage }));
}

function streamOf(id: string, model: string, text: string): readonly Buffer[] {
  const head = { id, object: 'chat.completion.chunk', created: 1_790_000_000, model };
  const event = (delta: object, finish: string | null): Buffer =>
    Buffer.from(`data: ${JSON.stringify({ ...head, choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`);
  const words = text.match(/\S+\s*|\s+/g) ?? [];
  return [
    ...words.map((content) => event({ role: 'assistant', content }, null)),
    event({}, 'stop'),
    Buffer.from('data: [DONE]\n\n'),
  ];
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
