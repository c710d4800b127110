/**
 * The one way out of `connect`: a request for something public, or bytes that are sealed already. There is no member for a header, so a
 * key cannot be sent by it; it never follows a redirect; and what the platform throws when a connection fails becomes a coded error.
 */

import { ChannelError } from '@assay/channel';
import { isCoded } from '@assay/encoding/coded-error';
import { ClientError } from '../errors.ts';
import { isBlockedByBrowser, pageOrigin } from './browser-block.ts';

export interface WireRequest {
  readonly url: URL;
  /** Posted when given; without it the request is a GET. */
  readonly sealed?: { readonly bytes: Uint8Array; readonly mediaType: string } | undefined;
  readonly signal?: AbortSignal | null | undefined;
}

/** Sends one request. @throws {ClientError} `client/agent-unreachable`, `client/blocked-by-browser` in web pages; {ChannelError} of a pinned connection. */
export type Wire = (request: WireRequest) => Promise<Response>;

/**
 * @param carry - Carries requests; the platform's `fetch` by default.
 * @example const answer = await createWire(undefined)({ url: new URL('https://agent.example/v1/aci/attestation') });
 */
export function createWire(carry: typeof fetch | undefined): Wire {
  const send = carry ?? fetch;
  return async ({ url, sealed, signal }) => {
    try {
      const posted =
        sealed === undefined
          ? {}
          : { method: 'POST', headers: { 'content-type': sealed.mediaType }, body: sealed.bytes as BodyInit };
      return await send(url, { ...posted, redirect: 'error', signal: signal ?? null });
    } catch (cause) {
      if (isCoded(cause) || signal?.aborted === true) throw cause;
      if (carry === undefined && (await isBlockedByBrowser(url))) throw blocked(url, cause);
      throw new ClientError(
        'client/agent-unreachable',
        `no answer from ${url.origin} (${reasonOf(cause)}); check the address and that the agent runs`,
        { cause, details: { origin: url.origin } },
      );
    }
  };
}

function blocked(url: URL, cause: unknown): ClientError {
  const page = pageOrigin() ?? 'this page';
  return new ClientError(
    'client/blocked-by-browser',
    `expected an answer of ${url.origin} that pages of ${page} may read, got one that is blocked by the browser; ask the operator for ASSAY_ALLOWED_ORIGINS=${page}`,
    { cause, details: { origin: url.origin, page } },
  );
}

/** The error for a body that broke off. The caller's own abort, and errors that have a code, stay what they are. */
export function brokenOff(cause: unknown, url: URL, signal: AbortSignal | null | undefined): unknown {
  if (isCoded(cause) || ChannelError.is(cause) || signal?.aborted === true) return cause;
  return new ClientError(
    'client/connection-broken',
    `the connection to ${url.origin} broke in the middle of an answer (${reasonOf(cause)}); do not use what arrived, ask again`,
    { cause },
  );
}

/** The platform's words, one short line: undici puts the useful ones into the cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'failed';
  const { message } = error.cause instanceof Error ? error.cause : error;
  const words = message.replace(/[\p{Cc}\s]+/gu, ' ').trim();
  return words === '' ? error.name : words.slice(0, 120);
}
