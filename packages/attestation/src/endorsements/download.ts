/**
 * One bounded request: size and time limits, no redirects, cached by age. An answer that is too old is fetched again; when that
 * fails, an old one is served up to the stale limit and refused beyond it.
 */

import { readAtMost } from '@assay/encoding/bounded-reader';
import { bufferSource } from '@assay/encoding/bytes';
import { encodeHex } from '@assay/encoding/hex';
import { AttestationError, type AttestationErrorCode } from '../errors.ts';
import type { CachedAnswer, EndorsementSource } from './source.ts';

const TIMEOUT_MS = 10_000;

export interface Download {
  readonly url: string;
  /** For people, e.g. `tcb info`. */
  readonly what: string;
  readonly maxBytes: number;
  /** Seconds for which an answer is fetched no more. */
  readonly freshSeconds: number;
  /** Seconds beyond which an answer is refused. */
  readonly staleSeconds: number;
  /** POST body with its media type; GET without. */
  readonly body?: { readonly bytes: Uint8Array; readonly mediaType: string };
  /** Response headers to keep. */
  readonly headers?: readonly string[];
}

/**
 * @throws {AttestationError} `endorsements/offline`, `endorsements/unreachable`, `endorsements/not-found`, `endorsements/too-large`,
 * `endorsements/stale`.
 */
export async function download(request: Download, source: EndorsementSource): Promise<CachedAnswer> {
  const key = await cacheKey(request);
  const cached = (await source.cache?.get(key)) ?? null;
  const age = cached === null ? Number.POSITIVE_INFINITY : (source.now - cached.fetchedAt) / 1000;
  if (cached !== null && age >= 0 && age <= request.freshSeconds) return cached;
  if (source.offline === true) return serveStale(request, cached, age, null);
  try {
    const answer = await fetchOnce(request, source);
    await source.cache?.put(key, answer);
    return answer;
  } catch (error) {
    if (AttestationError.is(error) && error.code === 'endorsements/unreachable') return serveStale(request, cached, age, error);
    throw error;
  }
}

function serveStale(request: Download, cached: CachedAnswer | null, age: number, cause: AttestationError | null): CachedAnswer {
  if (cached === null) {
    throw (
      cause ??
      failure(
        'endorsements/offline',
        request,
        'is not in the cache and fetching is off; run without --offline, or give it with --collateral',
      )
    );
  }
  if (Math.abs(age) <= request.staleSeconds) return cached;
  const days = Math.round(age / 86_400);
  throw failure('endorsements/stale', request, `was fetched ${days} days ago and could not be renewed; fetch it again`);
}

async function fetchOnce(request: Download, source: EndorsementSource): Promise<CachedAnswer> {
  const limits = [AbortSignal.timeout(source.timeoutMs ?? TIMEOUT_MS), ...(source.signal === undefined ? [] : [source.signal])];
  try {
    const response = await source.fetch(request.url, {
      redirect: 'error',
      signal: AbortSignal.any(limits),
      ...(request.body === undefined
        ? {}
        : { method: 'POST', headers: { 'content-type': request.body.mediaType }, body: bufferSource(request.body.bytes) }),
    });
    if (response.status === 404 || response.status === 400) {
      throw failure(
        'endorsements/not-found',
        request,
        `answers ${response.status}; the platform or firmware may be unknown there`,
      );
    }
    if (!response.ok) throw failure('endorsements/unreachable', request, `answers ${response.status}; try again later`);
    const headers = (request.headers ?? []).flatMap((name) => {
      const value = response.headers.get(name);
      return value === null ? [] : [[name.toLowerCase(), value] as const];
    });
    return { bytes: await readBody(request, response), headers: Object.fromEntries(headers), fetchedAt: source.now };
  } catch (cause) {
    if (AttestationError.is(cause)) throw cause;
    throw failure(
      'endorsements/unreachable',
      request,
      `cannot be reached (${reason(cause)}); check the network, or give files with --collateral`,
      cause,
    );
  }
}

function readBody(request: Download, { body }: Response): Promise<Uint8Array> {
  const { what, maxBytes } = request;
  const refuse = (most: number): AttestationError =>
    failure('endorsements/too-large', request, `sends more than ${most} bytes; that is no such answer`);
  return readAtMost(body, { most: maxBytes, what, refuse });
}

async function cacheKey({ url, body }: Download): Promise<string> {
  if (body === undefined) return url;
  const digest = new Uint8Array(await globalThis.crypto.subtle.digest('SHA-256', bufferSource(body.bytes)));
  return `${url}#${encodeHex(digest)}`;
}

function failure(code: AttestationErrorCode, { what, url }: Download, message: string, cause?: unknown): AttestationError {
  return new AttestationError(code, `${what} at ${url} ${message}`, {
    details: { url },
    ...(cause === undefined ? {} : { cause }),
  });
}

function reason(cause: unknown): string {
  if (!(cause instanceof Error)) return 'failed';
  if (cause.name === 'TimeoutError') return 'too slow';
  return cause.cause instanceof Error ? cause.cause.message : cause.message;
}

/** The parts every answer kind shares. Times in seconds. */
export const HOUR = 3600;
export const DAY = 24 * HOUR;
