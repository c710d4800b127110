/**
 * A file over HTTP into a {@link PartFile}: goes on where an earlier try ended (RFC 9110 §14), follows a few redirects, and tries again
 * while that brings bytes. What comes is not trusted; its digest is checked when it is whole.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { ServerError } from '../../../errors.ts';
import { patientFetch } from '../../patient-fetch.ts';
import type { PartFile } from './part-file.ts';

export interface DownloadOptions {
  readonly signal: AbortSignal;
  /** Told the length of the part after each piece, bytes. */
  readonly onBytes: (length: number) => void;
  /** Longest silence, milliseconds. Default 60 s. */
  readonly silenceMs?: number | undefined;
  /** First pause before a retry, milliseconds, doubled each time. Default 500. */
  readonly pauseMs?: number | undefined;
}

const MAX_REDIRECTS = 5;
/** In a row, without a byte between them. */
const MAX_FRUITLESS = 3;

/**
 * Fills `part` from `url`.
 * @throws {ServerError} `model/fetch-failed`, `model/wrong-digest` for more bytes than expected, `model/disk-full`; the signal's reason.
 */
export async function download(url: string, part: PartFile, options: DownloadOptions): Promise<void> {
  const { signal, pauseMs = 500 } = options;
  for (let fruitless = 0; !part.isWhole; ) {
    const before = part.length;
    try {
      await oneRequest(url, part, options);
    } catch (cause) {
      signal.throwIfAborted();
      if (ServerError.is(cause)) throw cause;
      fruitless = part.length > before ? 0 : fruitless + 1;
      if (fruitless >= MAX_FRUITLESS) throw failed(url, reasonOf(cause), cause);
      await sleep(pauseMs * 2 ** fruitless, undefined, { signal });
    }
  }
}

async function oneRequest(
  url: string,
  part: PartFile,
  { signal, onBytes, silenceMs = 60_000 }: DownloadOptions,
): Promise<void> {
  const silence = new AbortController();
  const timer = setTimeout(() => silence.abort(new Error(`nothing came for ${silenceMs / 1000} s`)), silenceMs);
  try {
    const response = await open(url, part.length, AbortSignal.any([signal, silence.signal]));
    if (response.status !== 206 || startOf(response) !== part.length) await part.restart();
    for await (const piece of response.body as unknown as AsyncIterable<Uint8Array>) {
      timer.refresh();
      await part.append(piece);
      onBytes(part.length);
    }
    if (!part.isWhole) throw new Error('the connection ended early');
  } finally {
    clearTimeout(timer);
  }
}

/** The answer at the end of the redirects, with a body. */
async function open(given: string, from: number, signal: AbortSignal): Promise<Response> {
  let url = new URL(given);
  for (let hop = 0; hop <= MAX_REDIRECTS; hop += 1) {
    const headers = { 'accept-encoding': 'identity', ...(from === 0 ? {} : { range: `bytes=${from}-` }) };
    const response = await patientFetch(url, { headers, redirect: 'manual', signal });
    const { status } = response;
    if (status >= 300 && status < 400) {
      await response.body?.cancel();
      url = nextHop(given, url, response.headers.get('location'));
      continue;
    }
    if (status === 416 && from > 0) {
      await response.body?.cancel();
      return open(given, 0, signal); // what is here is no beginning of what is there
    }
    if (response.body === null || (status !== 200 && status !== 206)) {
      await response.body?.cancel();
      if (status >= 500 || status === 429) throw new Error(`HTTP ${status}`);
      throw failed(given, `HTTP ${status}`);
    }
    return response;
  }
  throw failed(given, `more than ${MAX_REDIRECTS} redirects`);
}

/** A redirect may not lead from TLS to plain HTTP. */
function nextHop(given: string, from: URL, location: string | null): URL {
  const to = URL.canParse(location ?? '', from) ? new URL(location ?? '', from) : null;
  if (to?.protocol === 'https:' || (to?.protocol === 'http:' && from.protocol === 'http:')) return to;
  throw failed(given, 'a redirect that leads nowhere safe');
}

function startOf(response: Response): number | null {
  const start = /^bytes ([0-9]+)-/.exec(response.headers.get('content-range') ?? '')?.[1];
  return start === undefined ? null : Number(start);
}

function failed(url: string, reason: string, cause?: unknown): ServerError {
  const message = `${new URL(url).host} does not give the file: ${reason}; check the network, or name a copy with --from`;
  return new ServerError('model/fetch-failed', message, { cause });
}

/** The shortest word of an error: the system's code where there is one. */
export function reasonOf(error: unknown): string {
  for (let at: unknown = error, depth = 0; depth < 5 && typeof at === 'object' && at !== null; depth += 1) {
    const { code, cause } = at as { readonly code?: unknown; readonly cause?: unknown };
    if (typeof code === 'string') return code;
    at = cause;
  }
  return error instanceof Error ? (error.message.split('\n', 1)[0] ?? '') : String(error);
}
