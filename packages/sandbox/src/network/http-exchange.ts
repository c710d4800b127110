/**
 * One HTTP/1.1 request to one address that was already judged. No redirects, no cookies, no proxy, no keep-alive: the caller
 * sees every hop and the name is never resolved a second time.
 */

import * as http from 'node:http';
import * as https from 'node:https';
import { isIP } from 'node:net';
import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib';
import { readAtMost } from '@assay/encoding/bounded-reader';

export interface HttpRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

export interface HttpBounds {
  readonly timeoutMs: number;
  readonly maxResponseBytes: number;
  readonly signal?: AbortSignal;
}

const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);
/** Set by this file, never by the code. */
const OURS = new Set([...HOP_BY_HOP, 'host', 'content-length', 'accept-encoding', 'expect', 'proxy-authorization']);

/** Header names in lower case, sorted, without those that the host sets itself. */
export function requestHeaders(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const kept = Object.entries(headers)
    .map(([name, value]): [string, string] => [name.toLowerCase(), value])
    .filter(([name]) => !OURS.has(name));
  return Object.fromEntries(kept.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
}

/** Sends `request` to `address` and reads the answer, decoded, within bounds. Rejects with a plain `Error`. */
export function exchange(request: HttpRequest, address: string, bounds: HttpBounds): Promise<HttpResponse> {
  return new Promise((resolve, reject) => {
    const { url } = request;
    const secure = url.protocol === 'https:';
    const bare = url.hostname.replace(/^\[|\]$/g, '');
    const bodyless = request.body.length === 0 && (request.method === 'GET' || request.method === 'HEAD');
    const sent = (secure ? https : http).request({
      method: request.method,
      host: address,
      port: url.port === '' ? (secure ? 443 : 80) : Number(url.port),
      path: `${url.pathname}${url.search}`,
      headers: {
        'user-agent': 'assay-sandbox',
        ...request.headers,
        host: url.host,
        'accept-encoding': 'identity',
        ...(bodyless ? {} : { 'content-length': request.body.length }),
      },
      agent: false,
      maxHeaderSize: 32 * 1024,
      ...(secure && isIP(bare) === 0 ? { servername: bare } : {}),
      ...(secure
        ? { checkServerIdentity: (_address: string, certificate: PeerCertificate) => checkServerIdentity(bare, certificate) }
        : {}),
    });
    const fail = (error: Error): void => {
      clearTimeout(timer);
      bounds.signal?.removeEventListener('abort', abort);
      sent.destroy();
      reject(error);
    };
    const abort = (): void => fail(new Error('cancelled'));
    const timer = setTimeout(() => fail(new Error(`no complete answer within ${bounds.timeoutMs} ms`)), bounds.timeoutMs);
    bounds.signal?.addEventListener('abort', abort, { once: true });
    sent.on('error', fail);
    sent.on('response', (response) => {
      const most = bounds.maxResponseBytes;
      const refuse = (): Error => new Error(`the answer is longer than ${most} bytes`);
      readAtMost(response, { most, what: url.host, refuse })
        .then((raw) => readResponse(response, raw, most))
        .then((answer) => {
          clearTimeout(timer);
          bounds.signal?.removeEventListener('abort', abort);
          resolve(answer);
        })
        .catch(fail);
    });
    sent.end(request.body);
  });
}

function readResponse(response: http.IncomingMessage, raw: Uint8Array, limit: number): HttpResponse {
  const encoding = response.headers['content-encoding']?.toLowerCase() ?? 'identity';
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(response.headers)) {
    if (value === undefined || HOP_BY_HOP.has(name) || name === 'content-encoding' || name === 'content-length') continue;
    headers[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return { status: response.statusCode ?? 0, headers, body: decode(raw, encoding, limit) };
}

function decode(raw: Uint8Array, encoding: string, limit: number): Uint8Array {
  const bounds = { maxOutputLength: limit };
  switch (encoding) {
    case 'identity':
      return raw;
    case 'gzip':
    case 'x-gzip':
      return gunzipSync(raw, bounds);
    case 'deflate':
      return inflateSync(raw, bounds);
    case 'br':
      return brotliDecompressSync(raw, bounds);
    default:
      throw new Error(`content-encoding ${encoding} is not supported`);
  }
}
