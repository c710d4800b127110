/**
 * The host's side of a sandbox's network: the only way out. Every request is checked against the allow-list, its name is
 * resolved once, the address is judged, and the exchange is recorded; or it is served from an earlier recording.
 *
 * What failed is recorded too (status 0, the reason as body), so that a re-run meets the same failure.
 */

import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { ServerError } from '../../../errors.ts';
import type { NetworkExchange, NetworkPolicy, NetworkTranscript } from '../../../ports/sandbox.ts';
import { addressKind } from './addresses.ts';
import { type AllowList, parseAllowList } from './allow-list.ts';
import { exchange, requestHeaders } from './http-exchange.ts';

const MIB = 1024 * 1024;
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** Bounds on what one job may move. */
export const NETWORK_BOUNDS = {
  exchanges: 256,
  requestBytes: 4 * MIB,
  responseBytes: 8 * MIB,
  totalBytes: 32 * MIB,
  timeoutMs: 30_000,
} as const;

/** What the code asked for; already split, not yet trusted. */
export interface GatewayRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

export interface GatewayOptions {
  readonly policy: NetworkPolicy;
  readonly signal?: AbortSignal;
  /** Replaced in tests. Gives every address of a name. */
  readonly resolve?: (host: string) => Promise<readonly string[]>;
}

/**
 * One job's way to the network. `fetch` never rejects: a refusal or failure is an exchange with status 0.
 *
 * @example
 * const gateway = new NetworkGateway({ policy: { allow: ['127.0.0.1:8545'] } });
 * const answer = await gateway.fetch({ method: 'GET', url: 'http://127.0.0.1:8545/', headers: {}, body: new Uint8Array() });
 */
export class NetworkGateway {
  readonly #allow: AllowList;
  readonly #replay: NetworkTranscript | undefined;
  readonly #signal: AbortSignal | undefined;
  readonly #resolve: (host: string) => Promise<readonly string[]>;
  /** In the order in which the code asked, whatever came back first. */
  readonly #exchanges: (NetworkExchange | undefined)[] = [];
  #moved = 0;

  /** @throws {ServerError} `sandbox/allow-invalid`. */
  constructor(options: GatewayOptions) {
    this.#allow = parseAllowList(options.policy.allow);
    this.#replay = options.policy.replay;
    this.#signal = options.signal;
    this.#resolve = options.resolve ?? resolveAll;
  }

  /** The completed exchanges, in the order of the requests. */
  get transcript(): NetworkTranscript {
    return this.#exchanges.filter((entry) => entry !== undefined);
  }

  async fetch(request: GatewayRequest): Promise<NetworkExchange> {
    const index = this.#exchanges.length;
    if (index >= NETWORK_BOUNDS.exchanges) {
      return failure(
        request,
        new ServerError('sandbox/network-refused', `expected at most ${NETWORK_BOUNDS.exchanges} requests a run`),
      );
    }
    this.#exchanges.push(undefined);
    const tooMuch = this.#weigh(request.body.length);
    // What is not sent is not kept either: a transcript must not grow by what was refused.
    const done =
      tooMuch === null
        ? await this.#serve(request, index).catch((error: unknown) => failure(request, error))
        : failure({ ...request, body: new Uint8Array(0) }, tooMuch);
    this.#exchanges[index] = done;
    return done;
  }

  /** Counts a request body; gives the refusal when it is too large by itself or together with what was moved before. */
  #weigh(bytes: number): ServerError | null {
    const { requestBytes, totalBytes } = NETWORK_BOUNDS;
    if (bytes > requestBytes) {
      return new ServerError(
        'sandbox/network-refused',
        `expected a request body of at most ${requestBytes} bytes, got ${bytes}`,
      );
    }
    if (this.#moved + bytes >= totalBytes) {
      return new ServerError('sandbox/network-refused', `expected at most ${totalBytes} bytes a run; ask for less`);
    }
    this.#moved += bytes;
    return null;
  }

  async #serve(request: GatewayRequest, index: number): Promise<NetworkExchange> {
    if (this.#replay !== undefined) {
      const recorded = replayed(request, this.#replay[index], index);
      if (recorded.status !== 0) this.#moved += recorded.responseBody.length;
      return recorded;
    }
    const url = this.#judgeUrl(request);
    const address = await this.#judgeAddress(url);
    const left = Math.max(1, NETWORK_BOUNDS.totalBytes - this.#moved);
    const headers = requestHeaders(request.headers);
    const answer = await exchange({ method: request.method, url, headers, body: request.body }, address, {
      timeoutMs: NETWORK_BOUNDS.timeoutMs,
      maxResponseBytes: Math.min(NETWORK_BOUNDS.responseBytes, left),
      ...(this.#signal === undefined ? {} : { signal: this.#signal }),
    }).catch((cause: unknown) => {
      throw new ServerError('sandbox/network-failed', `${url.host}: ${(cause as Error).message}`, { cause });
    });
    this.#moved += answer.body.length;
    return {
      method: request.method,
      url: url.href,
      requestHeaders: headers,
      requestBody: request.body,
      status: answer.status,
      responseHeaders: answer.headers,
      responseBody: answer.body,
    };
  }

  #judgeUrl(request: GatewayRequest): URL {
    if (!METHODS.has(request.method)) {
      throw new ServerError('sandbox/network-refused', `expected a method out of ${[...METHODS].join(', ')}`);
    }
    if (request.url.length > 8192 || !URL.canParse(request.url)) {
      throw new ServerError('sandbox/network-refused', 'expected an absolute http or https URL of at most 8192 characters');
    }
    const url = new URL(request.url);
    url.hash = '';
    if ((url.protocol !== 'http:' && url.protocol !== 'https:') || url.username !== '' || url.password !== '') {
      throw new ServerError('sandbox/network-refused', 'expected an http or https URL without user name and password');
    }
    const port = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
    const host = bareHost(url);
    if (!this.#allow.has(host, port)) {
      throw new ServerError(
        'sandbox/network-refused',
        `${url.hostname}:${port} is not on this run's allow-list; ask for it before the run`,
      );
    }
    return url;
  }

  /** Resolves once and picks the first address that may be used; an internal one only when it was written out in the list. */
  async #judgeAddress(url: URL): Promise<string> {
    const host = bareHost(url);
    const written = isIP(host) !== 0;
    const addresses = written ? [host] : await this.#resolve(host);
    for (const address of addresses) {
      const kind = addressKind(address);
      if (kind === 'public') return address;
      if (kind === 'internal' && (written || (host === 'localhost' && isLoopback(address)))) return address;
    }
    throw new ServerError(
      'sandbox/network-refused',
      `${url.hostname} leads to ${addresses.length === 0 ? 'no address' : 'a private or reserved address'}; allow the address itself if that is meant`,
    );
  }
}

function bareHost(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '');
}

function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.');
}

async function resolveAll(host: string): Promise<readonly string[]> {
  try {
    return (await lookup(host, { all: true, order: 'ipv4first' })).map(({ address }) => address);
  } catch (cause) {
    throw new ServerError('sandbox/network-failed', `${host} has no address`, { cause });
  }
}

function replayed(request: GatewayRequest, recorded: NetworkExchange | undefined, index: number): NetworkExchange {
  const mismatch = (what: string): ServerError =>
    new ServerError('sandbox/replay-mismatch', `request ${index} is not the recorded one: ${what}`);
  if (recorded === undefined) throw mismatch('the transcript has ended');
  const url = URL.canParse(request.url) ? new URL(request.url) : null;
  if (url !== null) url.hash = '';
  if (request.method !== recorded.method) throw mismatch(`method ${request.method}`);
  if (recorded.url !== request.url && recorded.url !== url?.href) throw mismatch('another URL');
  if (!Buffer.from(recorded.requestBody).equals(request.body)) throw mismatch('another body');
  return recorded;
}

function failure(request: GatewayRequest, error: unknown): NetworkExchange {
  const code = ServerError.is(error) ? error.code : 'sandbox/network-failed';
  const message = error instanceof Error ? error.message : String(error);
  return {
    method: request.method.slice(0, 16),
    url: request.url.slice(0, 8192),
    requestHeaders: requestHeaders(request.headers),
    requestBody: request.body,
    status: 0,
    responseHeaders: {},
    responseBody: new TextEncoder().encode(`${code}: ${message}`),
  };
}
