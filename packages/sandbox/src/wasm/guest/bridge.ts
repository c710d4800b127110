/**
 * The guest's way to the network: ask the host, wait. Requests made in the same turn go out together and come back in the
 * order in which they were asked, so that parallel requests are both quick and repeatable.
 */

import { MESSAGE } from '../messages.ts';
import { onTurn, schedule } from './determinism.ts';
import { plain, receive, send } from './wire.ts';

export interface BridgeRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

export interface BridgeAnswer {
  /** 0 when the host refused or could not; the body then says why. */
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

const MAX_REDIRECTS = 5;
const queue: { readonly request: BridgeRequest; readonly done: (answer: BridgeAnswer) => void }[] = [];
let allowed = false;

/** Says whether this job has a network at all. */
export function setNetwork(on: boolean): void {
  allowed = on;
}

/** Asks for several answers and waits for all of them. */
export function askAll(requests: readonly BridgeRequest[]): readonly BridgeAnswer[] {
  for (const { method, url, headers, body } of requests)
    send(MESSAGE.fetch, plain({ method, url, headers: plain({ ...headers }) }), body);
  return requests.map(() => {
    const frame = receive();
    if (frame.type !== MESSAGE.fetched) throw new Error('unexpected frame from the host');
    return {
      status: Number(frame.head.status),
      headers: frame.head.headers as Readonly<Record<string, string>>,
      body: frame.body.slice(),
    };
  });
}

/**
 * One request, waiting; redirects are followed when asked, each hop judged by the host. Used by Python.
 * @throws {Error} when the host gives no answer.
 */
export function askOne(request: BridgeRequest, follow: boolean): BridgeAnswer & { readonly url: string } {
  let current = request;
  for (let hop = 0; ; hop += 1) {
    const [answer] = allowed ? askAll([current]) : [refusal()];
    if (answer === undefined) throw new Error('no answer');
    const next = redirectOf(current, answer);
    if (next === null || !follow || hop === MAX_REDIRECTS) return { ...answer, url: current.url };
    current = next;
  }
}

function refusal(): BridgeAnswer {
  const text = 'sandbox/network-refused: this run has no network; ask for host:port in its allow-list';
  return { status: 0, headers: {}, body: new TextEncoder().encode(text) };
}

function flush(): void {
  const batch = queue.splice(0);
  if (batch.length === 0) return;
  const answers = askAll(batch.map(({ request }) => request));
  answers.forEach((answer, index) => {
    batch[index]?.done(answer);
  });
}

function redirectOf(request: BridgeRequest, { status, headers }: BridgeAnswer): BridgeRequest | null {
  const location = headers.location;
  if (![301, 302, 303, 307, 308].includes(status) || location === undefined) return null;
  const url = new URL(location, request.url);
  const kept = Object.entries(request.headers).filter(
    ([name]) => url.origin === new URL(request.url).origin || !/^(authorization|cookie)$/i.test(name),
  );
  const turnsGet = status === 303 || (request.method === 'POST' && (status === 301 || status === 302));
  return {
    url: url.href,
    method: turnsGet ? 'GET' : request.method,
    headers: Object.fromEntries(turnsGet ? kept.filter(([name]) => !/^content-/i.test(name)) : kept),
    body: turnsGet ? new Uint8Array(0) : request.body,
  };
}

async function bridgedFetch(input: RequestInfo | URL, options?: RequestInit): Promise<Response> {
  const asked = new Request(input, options);
  const { signal, redirect } = asked;
  if (signal.aborted) throw signal.reason;
  let request: BridgeRequest = {
    method: asked.method,
    url: asked.url,
    headers: Object.fromEntries(asked.headers),
    body: new Uint8Array(await asked.arrayBuffer()),
  };
  for (let hop = 0; ; hop += 1) {
    const answer = await new Promise<BridgeAnswer>((done) => {
      if (!allowed) {
        done(refusal());
        return;
      }
      if (queue.length === 0) schedule(() => {}, 0, null);
      queue.push({ request, done });
    });
    if (signal.aborted) throw signal.reason;
    if (answer.status === 0) throw new TypeError(`fetch failed: ${new TextDecoder().decode(answer.body)}`);
    const next = redirect === 'manual' ? null : redirectOf(request, answer);
    if (next !== null && (redirect === 'error' || hop === MAX_REDIRECTS))
      throw new TypeError('fetch failed: redirected too often');
    if (next === null) return responseOf(request.url, answer, hop > 0);
    request = next;
  }
}

function responseOf(url: string, { status, headers, body }: BridgeAnswer, redirected: boolean): Response {
  const bodyless = status === 204 || status === 205 || status === 304;
  const response = new Response(bodyless ? null : (body as Uint8Array<ArrayBuffer>), { status, headers });
  Object.defineProperty(response, 'url', { value: url });
  Object.defineProperty(response, 'redirected', { value: redirected });
  return response;
}

/** Puts {@link bridgedFetch} in place of the engine's `fetch`, which has no permission to connect anyway. */
export function installFetch(): void {
  Object.defineProperty(globalThis, 'fetch', { value: bridgedFetch, writable: true, configurable: true });
  onTurn(flush);
}
