/**
 * A service that answers a nonce with evidence over HTTP: how its evidence is fetched and verified, whatever its kind. The HTTP client is handed in,
 * and so is the clock; nothing the service says is believed before the verifiers of this package agree.
 */

import type { VerificationCache } from '@assay/attestation/certificates/verification-cache';
import type { EndorsementSource } from '@assay/attestation/endorsements/index';
import { fetchEndorsements } from '@assay/attestation/endorsements/index';
import type { AttestationError } from '@assay/attestation/errors';
import type { Endorsements } from '@assay/attestation/model/endorsements';
import type { Policy } from '@assay/attestation/model/policy';
import type { VerificationResult } from '@assay/attestation/model/result';
import type { Trust } from '@assay/attestation/model/verification';
import { combinedVerifier } from '@assay/attestation/verifier/combined/combined';
import { verify } from '@assay/attestation/verify';
import type { TlsDialer } from '@assay/channel';
import { readAtMost } from '@assay/encoding/bounded-reader';
import { bufferSource, decodeUtf8 } from '@assay/encoding/bytes';
import { isCoded } from '@assay/encoding/coded-error';
import { encodeHex } from '@assay/encoding/hex';
import type { ChannelDemand } from './channel.ts';
import { UpstreamError } from './errors.ts';

export interface AttestedService {
  /** Base URL that `/v1/…` follows, without a trailing slash. */
  readonly base: string;
  /** For what comes after the verdict; the report is asked for without it. */
  readonly apiKey: string | null;
  /**
   * Dangerous: also sends the key with the request for the report, to a service that nothing is known of yet. For services that refuse
   * their report without it.
   */
  readonly keyBeforeVerdict?: boolean | undefined;
  /** Carries what is sent before the verdict, and everything to services whose TLS key is not pinned. */
  readonly fetch: typeof globalThis.fetch;
  /** Makes connections whose far end is known by its key (`@assay/channel/tls`, in Node); `null` where the platform shows no TLS keys. */
  readonly dialer: TlsDialer | null;
  /** What the way to the service must be. */
  readonly channel: ChannelDemand;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly sleep: (milliseconds: number) => Promise<void>;
  readonly policy: Policy;
  /** Roots in addition to the vendors' pinned ones. */
  readonly trust?: Trust;
  /** What was verified before, to verify the same collateral sooner. */
  readonly cache?: VerificationCache;
  /** Companions at hand. */
  readonly endorsements?: Endorsements;
  /** Where missing vendor collateral is fetched; `null`: nowhere, only what is at hand counts. */
  readonly collateral: Omit<EndorsementSource, 'fetch' | 'now'> | null;
  /** Milliseconds for one request; 30 000 by default. */
  readonly timeoutMs?: number;
}

/** Evidence as it came, what it needed, and what was found. */
export interface FreshEvidence {
  /** 64 hex digits, made here. */
  readonly nonce: string;
  /** Exact bytes. */
  readonly report: Uint8Array;
  readonly endorsements: Endorsements;
  readonly result: VerificationResult;
  /** Epoch milliseconds. */
  readonly verifiedAt: number;
  readonly expiresAt: number;
}

const TIMEOUT_MS = 30_000;
const MAX_REPORT_BYTES = 16 * 1024 * 1024;
const MAX_WORDS_BYTES = 16 * 1024;
/** How long one verification holds; a TEE that restarts has other keys and is noticed at once. */
const SESSION_MS = 10 * 60_000;

/**
 * Fetches combined evidence for a fresh nonce and verifies it as an answer to that. No prompt is part of this.
 * @throws {UpstreamError} `service/unreachable`, `service/refused`, `endorsements/…`.
 */
export async function verifyFresh(service: AttestedService, pathFor: (nonce: string) => string): Promise<FreshEvidence> {
  const nonce = encodeHex(crypto.getRandomValues(new Uint8Array(32)));
  const apiKey = service.keyBeforeVerdict === true ? service.apiKey : null;
  const report = await fetchBytes({ ...service, apiKey }, pathFor(nonce), MAX_REPORT_BYTES);
  const now = service.now();
  const found = await collateralFor(report, service, now);
  const endorsements = [...(service.endorsements ?? []), ...found.endorsements];
  const result = await verify(report, {
    now,
    endorsements,
    policy: service.policy,
    expected: { nonce },
    trust: service.trust,
    cache: service.cache,
    verifiers: [combinedVerifier],
  });
  if (result.outcome === 'unavailable' && found.problem !== null) throw found.problem;
  const expiresAt = Math.min(now + SESSION_MS, result.claims?.validity.notAfter ?? now);
  return { nonce, report, endorsements, result, verifiedAt: now, expiresAt };
}

async function collateralFor(
  report: Uint8Array,
  { collateral, fetch, timeoutMs = TIMEOUT_MS }: AttestedService,
  now: number,
): Promise<{ readonly endorsements: Endorsements; readonly problem: AttestationError | null }> {
  if (collateral === null) return { endorsements: [], problem: null };
  const { endorsements, problems } = await fetchEndorsements(report, { timeoutMs, ...collateral, fetch, now });
  return { endorsements, problem: problems[0] ?? null };
}

/**
 * At most `most` bytes of one answer; a longer one is cancelled on the way. The key of `service` goes along when there is one.
 * @throws {UpstreamError} `service/unreachable`, `service/refused` with `details.status`.
 */
export async function fetchBytes(service: AttestedService, path: string, most: number): Promise<Uint8Array> {
  const { base, apiKey, fetch, timeoutMs = TIMEOUT_MS } = service;
  const refused = (got: string, status: number): UpstreamError =>
    new UpstreamError(
      'service/refused',
      `expected at most ${most} bytes from ${base}${path.split('?', 1)[0]}, got ${got}; ${adviceFor(status)}`,
      { details: { status } },
    );
  try {
    const answer = await fetch(`${base}${path}`, {
      headers: apiKey === null ? {} : { authorization: `Bearer ${apiKey}` },
      redirect: 'error', // a redirect could carry the key elsewhere
      signal: AbortSignal.timeout(timeoutMs),
    });
    if (!answer.ok) {
      const silence = (): Error => refused(`status ${answer.status}`, answer.status);
      const words = await readAtMost(answer.body, { most: MAX_WORDS_BYTES, what: base, refuse: silence });
      throw refused(`status ${answer.status}${wordsOf(words)}`, answer.status);
    }
    return await readAtMost(answer.body, { most, what: base, refuse: () => refused('more', answer.status) });
  } catch (cause) {
    throw UpstreamError.is(cause) ? cause : unreachable(base, cause);
  }
}

export interface Wire {
  readonly fetch: typeof globalThis.fetch;
  readonly path: string;
  readonly signal?: AbortSignal | undefined;
  readonly body?: Uint8Array | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/**
 * Sends one request to a verified service: a post when there is a body. The key of `service` goes along.
 * @throws {UpstreamError} `service/unreachable`; {ChannelError} `channel/tls-key-mismatch` before a byte leaves.
 */
export async function send(service: AttestedService, { fetch, path, signal, body, headers }: Wire): Promise<Response> {
  try {
    return await fetch(`${service.base}${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { ...headersOf(service), ...headers },
      body: body === undefined ? null : bufferSource(body),
      redirect: 'error', // a redirect could carry key and prompt elsewhere
      signal: signal ?? null,
    });
  } catch (cause) {
    throw unanswered(service, cause);
  }
}

/** What every request to a verified service carries. */
export function headersOf({ apiKey }: AttestedService): Readonly<Record<string, string>> {
  return {
    'content-type': 'application/json',
    'accept-encoding': 'identity', // signatures are over what the service sent, uncompressed
    ...(apiKey === null ? {} : { authorization: `Bearer ${apiKey}` }),
  };
}

/** The error of a request that got no answer; coded errors keep their meaning. */
export function unanswered({ base }: AttestedService, cause: unknown): unknown {
  return isCoded(cause) ? cause : unreachable(base, cause);
}

function unreachable(base: string, cause: unknown): UpstreamError {
  return new UpstreamError('service/unreachable', `no answer from ${base}; check the address and the network`, { cause });
}

export function originOf({ base }: AttestedService): string {
  return new URL(base).origin;
}

function adviceFor(status: number): string {
  return status === 401 || status === 403
    ? 'check model, key and address; no key is sent before the service is verified'
    : 'check model, key and address';
}

/** The service's own words about an error, one line. */
function wordsOf(bytes: Uint8Array): string {
  try {
    const { error, detail } = JSON.parse(decodeUtf8(bytes)) as {
      readonly error?: { readonly message?: unknown };
      readonly detail?: unknown;
    };
    const words = String(error?.message ?? detail ?? '').replace(/[\p{Cc}\s]+/gu, ' ');
    return words === '' ? '' : ` (${words.slice(0, 120)})`;
  } catch {
    return '';
  }
}
