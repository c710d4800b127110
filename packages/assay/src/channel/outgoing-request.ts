/**
 * What a `fetch` call asks for, read from its arguments. Plain calls (an absolute address, a text or bytes) are read directly; all
 * others go through `Request`, which costs more than the cryptography of a short message.
 *
 * Platforms whose `Request` drops headers that pages may not set (browsers) always go through it.
 */

import { utf8 } from '@assay/encoding/bytes';
import { PAGE_RULES } from './page-rules.ts';

export interface OutgoingRequest {
  readonly method: string;
  /** Shared with other requests; never changed. */
  readonly url: URL;
  readonly headers: Headers;
  readonly body: Uint8Array;
  readonly signal: AbortSignal | null;
}

const NOTHING = new Uint8Array(0);
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']);
/**
 * @throws whatever `new Request(input, init)` throws for these arguments, and whatever its body fails with.
 * @example const { method, url } = await readOutgoing('https://agent.example/v1/models');
 */
export async function readOutgoing(input: RequestInfo | URL, init: RequestInit = {}): Promise<OutgoingRequest> {
  const plain = PAGE_RULES ? null : readPlain(input, init);
  if (plain !== null) return plain;
  const request = new Request(input, init);
  const body = new Uint8Array(await request.arrayBuffer());
  return { method: request.method, url: new URL(request.url), headers: request.headers, body, signal: request.signal };
}

function readPlain(input: RequestInfo | URL, init: RequestInit): OutgoingRequest | null {
  if (typeof input !== 'string' && !(input instanceof URL)) return null;
  const { method = 'GET', body = null, signal = null } = init;
  const known = METHODS.has(method) && (body === null || (method !== 'GET' && method !== 'HEAD'));
  const isText = typeof body === 'string';
  if (!known || !(body === null || isText || body instanceof Uint8Array)) return null;
  const url = parseUrl(input);
  if (url === null || url.username !== '' || url.password !== '') return null;
  const headers = new Headers(init.headers);
  if (isText && !headers.has('content-type')) headers.set('content-type', 'text/plain;charset=UTF-8');
  const bytes = isText ? utf8(body) : (body?.slice() ?? NOTHING);
  return { method, url, headers, body: bytes, signal };
}

let lastText = '';
let lastUrl: URL | null = null;

/** `null` for addresses that are relative or wrong. The last one is remembered: clients ask the same address again and again. */
function parseUrl(input: string | URL): URL | null {
  const text = String(input);
  if (text === lastText) return lastUrl;
  try {
    lastUrl = new URL(text);
    lastUrl.hash = '';
  } catch {
    lastUrl = null;
  }
  lastText = text;
  return lastUrl;
}
