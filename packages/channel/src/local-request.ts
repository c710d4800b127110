/**
 * The guard of every HTTP server that listens on this machine for programs of its user: the agent without a key, `assay proxy`, `assay mcp
 * --http`. A web page that the user happens to visit can reach loopback too; three marks of its requests give it away.
 *
 * Not checked: which local program asks. Where that matters a token is needed.
 */

/** What of a request the guard looks at; `null` where a header is absent. */
export interface LocalRequest {
  readonly method: string;
  readonly host: string | null;
  readonly origin: string | null;
  readonly contentType: string | null;
  /** The `Sec-Fetch-Site` header, which browsers set and pages cannot change. */
  readonly fetchSite: string | null;
}

/** Why a request is not let in. */
export type LocalRefusal = 'foreign-host' | 'foreign-origin' | 'foreign-content-type';

const JSON_TYPE = /^application\/(?:[a-z0-9.+-]*\+)?json(?:\s*;|\s*$)/i;

/** Words for each refusal, with what to do. */
export const LOCAL_REFUSALS: Readonly<Record<LocalRefusal, string>> = {
  'foreign-host': 'the Host header does not name this machine; use http://127.0.0.1',
  'foreign-origin': 'requests from other web origins are refused; use a program, not a web page',
  'foreign-content-type': 'expected Content-Type: application/json; set it, as programs do',
};

/**
 * `null` for a request that a local program made; otherwise what gives it away:
 * a `Host` of another name (DNS rebinding), an `Origin` or `Sec-Fetch-Site` of another place, or a body of a type that pages may post
 * without asking first.
 *
 * @param publicHost - A name under which this server is also reached, with its port; lower case.
 * @example
 * const others = { origin: null, contentType: null, fetchSite: null };
 * localRefusal({ method: 'GET', host: 'evil.example', ...others }); // 'foreign-host'
 */
export function localRefusal(request: LocalRequest, publicHost: string | null = null): LocalRefusal | null {
  const host = (request.host ?? '').toLowerCase();
  if (!isOwnHost(host, publicHost)) return 'foreign-host';
  if (request.origin !== null && !isSameOrigin(request.origin, host, publicHost)) return 'foreign-origin';
  if (request.fetchSite !== null && request.fetchSite !== 'same-origin' && request.fetchSite !== 'none')
    return 'foreign-origin';
  const carriesBody = request.method !== 'GET' && request.method !== 'HEAD' && request.method !== 'DELETE';
  return carriesBody && !JSON_TYPE.test(request.contentType ?? '') ? 'foreign-content-type' : null;
}

/**
 * The marks of a WHATWG request.
 * @example localRefusal(localRequestOf(new Request('http://127.0.0.1:8000/', { headers: { host: '127.0.0.1:8000' } }))) // null
 */
export function localRequestOf({ method, headers }: Pick<Request, 'method' | 'headers'>): LocalRequest {
  return {
    method,
    host: headers.get('host'),
    origin: headers.get('origin'),
    contentType: headers.get('content-type'),
    fetchSite: headers.get('sec-fetch-site'),
  };
}

/**
 * Whether a `Host` header names this machine, or `publicHost`. Both lower case.
 * @example isOwnHost('127.0.0.1:8000', null) // true
 */
export function isOwnHost(host: string, publicHost: string | null): boolean {
  if (host === '') return false;
  if (host === publicHost) return true;
  const name = host.startsWith('[') ? host.slice(1, host.indexOf(']')) : host.replace(/:[0-9]+$/, '');
  return isLoopbackName(name);
}

/**
 * Whether an `Origin` header is that of the server itself. The opaque origin `null` is not.
 * @example isSameOrigin('http://127.0.0.1:8000', '127.0.0.1:8000', null) // true
 */
export function isSameOrigin(origin: string, host: string, publicHost: string | null): boolean {
  if (!URL.canParse(origin)) return false;
  const from = new URL(origin).host.toLowerCase();
  return from !== '' && (from === host || from === publicHost);
}

/**
 * Whether a host name, without brackets and port, is one of this machine's loopback interface.
 * @example isLoopbackName('::1') // true
 */
export function isLoopbackName(name: string): boolean {
  return name === 'localhost' || name === '::1' || /^127\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}$/.test(name);
}
