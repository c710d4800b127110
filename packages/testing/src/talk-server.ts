/**
 * The server of the tutorial "Secure Communication with TEE", as it was before Assay: one static Nitro document with the server's P-384
 * key, `/talk` with the whole nonce as IV, a signature over compact, sorted JSON, answers in clear. Or with one lie.
 */

import { createHash, createPrivateKey, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { openEnvelope } from '@assay/channel/tutorial';
import { encodeBase64 } from '@assay/encoding/base64';
import { decodeHex, encodeHex } from '@assay/encoding/hex';
import { encodePem } from '@assay/encoding/pem';
import { type FakeChain, fakeChain } from '@assay/simulator';
import { fakeNitroDocument } from './fake-nitro.ts';

export type TalkLie =
  /** Shows no evidence. */
  | 'mock'
  /** The key in the document is somebody else's. */
  | 'other-key'
  | 'no-key'
  /** The document's signature is changed. */
  | 'forged-document'
  /** One character of the answer changed after it was signed. */
  | 'changed-answer'
  /** A good signature over the answer to another question. */
  | 'other-question'
  | 'other-model'
  | 'no-signature'
  /** Answers of 17 MiB. */
  | 'flood'
  | 'not-json';

export interface TalkServer {
  readonly url: string;
  /** The root that signed its document, PEM. */
  readonly rootPem: string;
  lie: TalkLie | null;
  /** Plaintexts that arrived. */
  readonly questions: readonly Readonly<Record<string, unknown>>[];
  /** Makes a new key and a new document. */
  renew(): Promise<void>;
  close(): Promise<void>;
}

/** Starts it on a free port of 127.0.0.1. @param now epoch milliseconds around which certificates are in force. */
export async function startTalkServer(now: number = Date.now()): Promise<TalkServer> {
  const dates = { notBefore: now - 3_600_000, notAfter: now + 3_600_000 };
  const chain = await fakeChain({ root: dates, intermediate: dates, leaf: dates });
  const standIn = new StandIn(chain, now);
  await standIn.renew();
  const server = createServer((request, response) => {
    standIn.serve(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return Object.assign(standIn, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    rootPem: encodePem('CERTIFICATE', chain.root.der),
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  });
}

interface TalkKey {
  readonly spki: Uint8Array;
  readonly agreement: CryptoKey;
  readonly sign: (text: string) => string;
}

async function talkKey(): Promise<TalkKey> {
  const pair = generateKeyPairSync('ec', {
    namedCurve: 'P-384',
    publicKeyEncoding: { type: 'spki', format: 'der' },
    privateKeyEncoding: { type: 'pkcs8', format: 'der' },
  });
  const key = createPrivateKey({ key: pair.privateKey, type: 'pkcs8', format: 'der' });
  const parameters = { name: 'ECDH', namedCurve: 'P-384' };
  return {
    spki: new Uint8Array(pair.publicKey),
    agreement: await crypto.subtle.importKey('pkcs8', pair.privateKey as BufferSource, parameters, false, ['deriveBits']),
    sign: (text) => sign('sha384', Buffer.from(text), key).toString('hex'),
  };
}

class StandIn {
  lie: TalkLie | null = null;
  readonly questions: Readonly<Record<string, unknown>>[] = [];
  readonly #chain: FakeChain;
  readonly #now: number;
  #key: TalkKey | null = null;
  #document: Uint8Array = new Uint8Array();

  constructor(chain: FakeChain, now: number) {
    this.#chain = chain;
    this.#now = now;
  }

  get #spki(): Uint8Array {
    return this.#key?.spki ?? new Uint8Array();
  }

  async renew(): Promise<void> {
    this.#key = await talkKey();
    this.#document = await this.#documentOf(this.#spki);
  }

  async #documentOf(spki: Uint8Array | null): Promise<Uint8Array> {
    const { document } = await fakeNitroDocument({
      chain: this.#chain,
      fields: {
        timestamp: this.#now,
        nonce: new Uint8Array(Buffer.concat([Buffer.from('tee-tls'), randomBytes(32)])),
        public_key: spki,
        user_data: spki === null ? null : new Uint8Array(createHash('sha256').update(spki).digest()),
      },
    });
    return document;
  }

  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    if (request.url === '/ping') return send(response, 200, { pong: Math.floor(this.#now / 1000) });
    if (request.url === '/attestation') return send(response, 200, await this.#attestation());
    if (request.url !== '/talk' || request.method !== 'POST') return send(response, 404, { detail: 'Not Found' });
    try {
      return await this.#talk(JSON.parse(Buffer.concat(chunks).toString('utf8')), response);
    } catch {
      return send(response, 500, { detail: 'Internal Server Error' });
    }
  }

  async #attestation(): Promise<object> {
    const { lie } = this;
    if (lie === 'mock')
      return { attestation_doc: { nonce: encodeHex(randomBytes(32)), public_key: encodeHex(this.#spki) }, mock: true };
    if (lie === 'no-key') return { attestation_doc: encodeBase64(await this.#documentOf(null)) };
    if (lie === 'other-key') return { attestation_doc: encodeBase64(await this.#documentOf((await talkKey()).spki)) };
    const document = new Uint8Array(this.#document);
    if (lie === 'forged-document') document[document.length - 1] = (document.at(-1) ?? 0) ^ 1;
    return { attestation_doc: encodeBase64(document) };
  }

  async #talk(members: Readonly<Record<string, string>>, response: ServerResponse): Promise<void> {
    const { lie } = this;
    const key = this.#key;
    if (key === null) throw new Error('renew() makes the first key');
    const nonce = decodeHex(members.nonce ?? '');
    if (nonce.length < 8) return send(response, 200, { error: 'invalid nonce, must be at least 8 characters long' });
    const opening = { privateKey: key.agreement, peerSpki: decodeHex(members.public_key ?? ''), nonce };
    const plaintext = Buffer.from(await openEnvelope(opening, decodeHex(members.data ?? ''))).toString('utf8');
    const asked = JSON.parse(plaintext) as Readonly<Record<string, string | undefined>>;
    this.questions.push(asked);
    if (!asked.api_key) return send(response, 200, { error: 'invalid api_key' });
    const platform = asked.platform ?? 'openai';
    if (!['openai', 'anthropic', 'gemini'].includes(platform)) return send(response, 200, { error: 'invalid platform' });
    const data = {
      platform,
      ai_model: lie === 'other-model' ? 'gpt-nano' : (asked.ai_model ?? 'gpt-4'),
      timestamp: Math.floor(this.#now / 1000),
      message: lie === 'other-question' ? 'another question' : (asked.message ?? ''),
      response: lie === 'flood' ? 'x'.repeat(17 * 1024 * 1024) : 'about 100,000 € “today”',
    };
    const sorted = JSON.stringify(Object.fromEntries(Object.entries(data).toSorted(([a], [b]) => (a < b ? -1 : 1))));
    const ascii = sorted.replace(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
    const sig = key.sign(ascii);
    if (lie === 'not-json') return void response.writeHead(502).end('<html>');
    if (lie === 'no-signature') return send(response, 200, { data });
    if (lie === 'changed-answer') data.response = data.response.replace('100', '900');
    return send(response, 200, { sig, data });
  }
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
