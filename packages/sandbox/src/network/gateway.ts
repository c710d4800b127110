/**
 * The host's side of a sandbox's network: the only way out. Every request is checked against the allow-list, its name is
 * resolved once, the address is judged, and the exchange is recorded; or it is served from an earlier recording.
 *
 * What failed is recorded too (status 0, the reason as body), so that a re-run meets the same failure.
 */

import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { Budget, type BudgetExcess, type Reservation } from '@assay/encoding/budget';
import { SandboxError } from '../errors.ts';
import type { NetworkExchange, NetworkPolicy, NetworkTranscript } from '../port.ts';
import { addressKind } from './addresses.ts';
import { type AllowList, parseAllowList } from './allow-list.ts';
import { exchange, type HttpRequest, type HttpResponse, requestHeaders } from './http-exchange.ts';

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

/** What all runs of this process hold of the network at once: each keeps its exchanges until it has ended. */
const ALL_RUNS = new Budget({
  name: 'bytes of network traffic in all runs',
  limit: 4 * NETWORK_BOUNDS.totalBytes,
  refuse: spent,
});

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
  /** What all runs share; that of this process by default. */
  readonly allRuns?: Budget;
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
  readonly #budget: Budget;
  /** What requests hold, answered or not. */
  readonly #held = new Set<Reservation>();
  readonly #waiting: (() => void)[] = [];
  #inFlight = 0;
  #ended = false;

  /** @throws {SandboxError} `sandbox/allow-invalid`. */
  constructor(options: GatewayOptions) {
    this.#allow = parseAllowList(options.policy.allow);
    this.#replay = options.policy.replay;
    this.#signal = options.signal;
    this.#resolve = options.resolve ?? resolveAll;
    const { totalBytes } = NETWORK_BOUNDS;
    this.#budget = new Budget({ name: 'bytes a run', limit: totalBytes, parent: options.allRuns ?? ALL_RUNS, refuse: spent });
  }

  /** The completed exchanges, in the order of the requests. */
  get transcript(): NetworkTranscript {
    return this.#exchanges.filter((entry) => entry !== undefined);
  }

  /** The run is over: its share of what all runs may hold is free again, and it gets no more. */
  end(): void {
    this.#ended = true;
    for (const held of this.#held) held.release();
    this.#wake();
  }

  async fetch(request: GatewayRequest): Promise<NetworkExchange> {
    const index = this.#exchanges.length;
    if (index >= NETWORK_BOUNDS.exchanges) {
      return failure(
        request,
        new SandboxError('sandbox/network-refused', `expected at most ${NETWORK_BOUNDS.exchanges} requests a run; send fewer`),
      );
    }
    this.#exchanges.push(undefined);
    const done = await this.#weighed(request, index);
    this.#exchanges[index] = done;
    return done;
  }

  /** What is not sent is not kept either: a transcript must not grow by what was refused. */
  async #weighed(request: GatewayRequest, index: number): Promise<NetworkExchange> {
    try {
      this.#weigh(request.body.length);
    } catch (error) {
      return failure({ ...request, body: new Uint8Array(0) }, error);
    }
    return this.#serve(request, index).catch((error: unknown) => failure(request, error));
  }

  /** Takes a request body from the budget. */
  #weigh(bytes: number): void {
    const { requestBytes } = NETWORK_BOUNDS;
    if (bytes > requestBytes)
      throw new SandboxError(
        'sandbox/network-refused',
        `expected a request body of at most ${requestBytes} bytes, got ${bytes}; send less`,
      );
    this.#hold(bytes);
  }

  #hold(bytes: number): Reservation {
    if (this.#ended) throw new SandboxError('sandbox/network-refused', 'the run has ended; ask within it');
    const held = this.#budget.reserve(bytes);
    this.#held.add(held);
    return held;
  }

  async #serve(request: GatewayRequest, index: number): Promise<NetworkExchange> {
    if (this.#replay !== undefined) {
      const recorded = replayed(request, this.#replay[index], index);
      if (recorded.status !== 0) this.#hold(recorded.responseBody.length);
      return recorded;
    }
    const url = this.#judgeUrl(request);
    const address = await this.#judgeAddress(url);
    const headers = requestHeaders(request.headers);
    const answer = await this.#exchange({ method: request.method, url, headers, body: request.body }, address);
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

  /** Sends when there is room for the longest answer, and gives back what the answer did not need. */
  async #exchange(request: HttpRequest, address: string): Promise<HttpResponse> {
    const held = await this.#room();
    try {
      const answer = await exchange(request, address, {
        timeoutMs: NETWORK_BOUNDS.timeoutMs,
        maxResponseBytes: held.amount,
        ...(this.#signal === undefined ? {} : { signal: this.#signal }),
      });
      held.shrinkTo(answer.body.length);
      return answer;
    } catch (cause) {
      held.release();
      throw new SandboxError('sandbox/network-failed', `${request.url.host}: ${(cause as Error).message}`, { cause });
    } finally {
      this.#inFlight -= 1;
      this.#wake();
    }
  }

  /** Room for one answer, which is under way from here on. Waits for requests of this run that are under way: they give back what they do not need. */
  async #room(): Promise<Reservation> {
    const { responseBytes, totalBytes } = NETWORK_BOUNDS;
    while (this.#budget.left < responseBytes && this.#inFlight > 0 && !this.#ended)
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    const ownLeft = totalBytes - this.#budget.used;
    // Nothing left at all, here or in all runs: the budget itself says so.
    const held = this.#hold(Math.max(1, Math.min(responseBytes, ownLeft)));
    this.#inFlight += 1;
    return held;
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }

  #judgeUrl(request: GatewayRequest): URL {
    if (!METHODS.has(request.method)) {
      throw new SandboxError('sandbox/network-refused', `expected a method out of ${[...METHODS].join(', ')}`);
    }
    if (request.url.length > 8192 || !URL.canParse(request.url)) {
      throw new SandboxError('sandbox/network-refused', 'expected an absolute http or https URL of at most 8192 characters');
    }
    const url = new URL(request.url);
    url.hash = '';
    if ((url.protocol !== 'http:' && url.protocol !== 'https:') || url.username !== '' || url.password !== '') {
      throw new SandboxError('sandbox/network-refused', 'expected an http or https URL without user name and password');
    }
    const port = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
    const host = bareHost(url);
    if (!this.#allow.has(host, port)) {
      throw new SandboxError(
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
    throw new SandboxError(
      'sandbox/network-refused',
      `${url.hostname} leads to ${addresses.length === 0 ? 'no address' : 'a private or reserved address'}; allow the address itself if that is meant`,
    );
  }
}

function spent({ name, limit }: BudgetExcess): SandboxError {
  return new SandboxError('sandbox/network-refused', `expected at most ${limit} ${name}; ask for less, or later`);
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
    throw new SandboxError('sandbox/network-failed', `${host} has no address`, { cause });
  }
}

function replayed(request: GatewayRequest, recorded: NetworkExchange | undefined, index: number): NetworkExchange {
  const mismatch = (what: string): SandboxError =>
    new SandboxError('sandbox/replay-mismatch', `request ${index} is not the recorded one: ${what}`);
  if (recorded === undefined) throw mismatch('the transcript has ended');
  const url = URL.canParse(request.url) ? new URL(request.url) : null;
  if (url !== null) url.hash = '';
  if (request.method !== recorded.method) throw mismatch(`method ${request.method}`);
  if (recorded.url !== request.url && recorded.url !== url?.href) throw mismatch('another URL');
  if (!Buffer.from(recorded.requestBody).equals(request.body)) throw mismatch('another body');
  return recorded;
}

function failure(request: GatewayRequest, error: unknown): NetworkExchange {
  const code = SandboxError.is(error) ? error.code : 'sandbox/network-failed';
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
