/**
 * A stand-in for an agent as a `fetch`: evidence under a fake simulator's root, a real channel key, and routes that answer inside the channel.
 * Keeps what left its client, as it looked on the line and as the enclave read it.
 */

import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { type TrustAnchor, trustAnchor } from '@assay/attestation';
import {
  CONTENT_END,
  decapsulateRequest,
  decodeRequest,
  encapsulateChunks,
  encapsulateFinalChunk,
  encodeContentChunk,
  encodeResponseHead,
  MEDIA_TYPES,
  ohttpEntry,
  readPieces,
  toReadableStream,
  X25519,
} from '@assay/channel';
import { encodeBase64 } from '@assay/encoding/base64';
import { concatBytes } from '@assay/encoding/bytes';
import { decodeHex, encodeHex } from '@assay/encoding/hex';
import { encodePem } from '@assay/encoding/pem';
import { type Keyset, keyId, keysetDigest, type Signer, statementDigest } from '@assay/receipt';
import { FAKE_NOW, fakeChain } from '@assay/simulator';
import { fakeNitroDocument } from './fake-nitro.ts';

const PIECE = 256 * 1024;

export interface SealedAgentOptions {
  /** Inside the channel. A body without end is sent piece by piece when its type is `text/event-stream`. */
  readonly answer: (request: Request) => Response | Promise<Response>;
  /** Epoch milliseconds. */
  readonly now?: number;
}

export interface SealedAgent {
  readonly fetch: typeof globalThis.fetch;
  readonly root: TrustAnchor;
  readonly rootPem: string;
  readonly keyset: Keyset;
  /** Signs receipts of the keyset. */
  readonly signer: Signer;
  /** Each request as it looked on the line: method, address, headers and body as Latin-1. */
  readonly line: readonly string[];
  /** Method and path of each request inside the channel. */
  readonly opened: readonly string[];
}

/** @example const agent = await sealedAgent({ answer: () => Response.json({ receipts: [] }) }); */
export async function sealedAgent({ answer, now = FAKE_NOW }: SealedAgentOptions): Promise<SealedAgent> {
  const chain = await fakeChain({ simulated: true });
  const channelKey = await X25519.generate();
  const receiptKey = generateKeyPairSync('ed25519');
  const { keyset, signer } = keysOf(receiptKey, channelKey.publicKey, now);
  const line: string[] = [];
  const opened: string[] = [];

  const report = async (nonce: string): Promise<Response> => {
    const digest = keysetDigest(keyset);
    const statement = statementDigest(digest, nonce);
    const { document } = await fakeNitroDocument({
      chain,
      fields: { user_data: statement, nonce: decodeHex(nonce), timestamp: now },
    });
    return Response.json({
      api_version: 'aci/1',
      workload_keyset_digest: digest,
      attestation: {
        tee_type: 'aws_nitro',
        workload_keyset: keyset,
        report_data: encodeHex(statement),
        evidence: { document: encodeBase64(document) },
      },
    });
  };

  const sealed = async (bytes: Uint8Array): Promise<Response> => {
    const request = await decapsulateRequest(bytes, 'chunked', [{ keyId: 1, keyPair: channelKey }]);
    const { method, path, headers, body } = decodeRequest(request.message);
    opened.push(`${method} ${path}`);
    const inner = new Request(`http://enclave.invalid${path}`, {
      method,
      headers: headers as [string, string][],
      ...(method === 'GET' || method === 'HEAD' ? {} : { body: body as BodyInit }),
    });
    const response = await answer(inner);
    const head = encodeResponseHead({ status: response.status, headers: [...response.headers] });
    const type = { headers: { 'content-type': MEDIA_TYPES.chunkedResponse } };
    const streamed = (content: AsyncIterable<Uint8Array>): Response =>
      new Response(toReadableStream(encapsulateChunks(request, framed(head, content))), type);
    if (response.body !== null && response.headers.get('content-type') === 'text/event-stream')
      return streamed(readPieces(response.body));
    const content = new Uint8Array(await response.arrayBuffer());
    if (content.length > PIECE) return streamed(slices(content));
    const whole = await encapsulateFinalChunk(request, concatBytes(head, encodeContentChunk(content), CONTENT_END));
    return new Response(whole as BodyInit, type);
  };

  const fetch: typeof globalThis.fetch = async (input, init) => {
    const request = new Request(input, init);
    const body = new Uint8Array(await request.arrayBuffer());
    const latin = Buffer.from(body).toString('latin1');
    line.push(`${request.method} ${request.url} ${JSON.stringify([...request.headers])} ${latin}`);
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === '/v1/aci/attestation') return report(searchParams.get('nonce') ?? '');
    return pathname === '/ohttp' ? sealed(body) : new Response('nothing is here', { status: 404 });
  };

  const rootPem = encodePem('CERTIFICATE', chain.root.der);
  return { fetch, root: trustAnchor('simulator', chain.root.der, { simulated: true }), rootPem, keyset, signer, line, opened };
}

function keysOf(
  { publicKey, privateKey }: { readonly publicKey: KeyObject; readonly privateKey: KeyObject },
  channelKey: Uint8Array,
  now: number,
): { readonly keyset: Keyset; readonly signer: Signer } {
  const bytes = new Uint8Array(Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url'));
  const id = keyId('receipt', bytes);
  return {
    keyset: {
      subject: null,
      not_after: now / 1000 + 3600,
      receipt_signing_keys: [{ key_id: id, algo: 'ed25519', public_key: encodeHex(bytes) }],
      e2ee_public_keys: [ohttpEntry({ keyId: 1, kem: 0x0020, publicKey: channelKey })],
      tls_public_keys: [],
    },
    signer: { keyId: id, sign: (message) => new Uint8Array(sign(null, message, privateKey)) },
  };
}

async function* slices(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += PIECE) yield bytes.subarray(at, at + PIECE);
}

async function* framed(head: Uint8Array, content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let before = head;
  for await (const part of content) {
    yield concatBytes(before, encodeContentChunk(part));
    before = new Uint8Array(0);
  }
  yield concatBytes(before, CONTENT_END);
}
