/**
 * Fetches an agent's attestation report for a fresh nonce and verifies it, once. What comes back is a decision with everything it rests on;
 * nothing is trusted because the agent says so. There is no place for a key here: the agent is not verified yet.
 */

import type { Endorsements, Policy, PolicyPreset, Trust } from '@assay/attestation';
import { readAtMost } from '@assay/encoding/bounded-reader';
import { decodeUtf8 } from '@assay/encoding/bytes';
import { encodeHex } from '@assay/encoding/hex';
import { type Json, parseJson } from '@assay/encoding/json';
import type { Keyset, Report } from '@assay/receipt';
import { brokenOff, createWire } from '../channel/wire.ts';
import { ClientError } from '../errors.ts';
import { type ResolvedOptions, resolveOptions } from '../verification/options.ts';
import { reportVerdict } from '../verification/report.ts';
import { type AcceptedSubject, type ReportVerdict, reasonOf } from '../verification/verdict.ts';

const MAX_REPORT_BYTES = 4 * 1024 * 1024;

/** What an agent must show before it gets a request. */
export interface VerifyAgentOptions {
  /** A policy, or a preset's name. */
  readonly policy?: Policy | PolicyPreset | undefined;
  /** Roots in addition to the pinned ones. A simulator named here is accepted, and its evidence stays marked as simulated. */
  readonly trust?: Trust | undefined;
  /** Vendor collateral, when the agent does not send it along. */
  readonly endorsements?: Endorsements | undefined;
  /** Carries requests; the platform's `fetch` by default. */
  readonly fetch?: typeof fetch | undefined;
  /** Epoch milliseconds; the platform's clock by default. */
  readonly now?: (() => number) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** An agent whose keyset is attested and wanted. */
export interface AttestedAgent {
  readonly url: URL;
  /** 64 hex digits: the nonce this decision answers. */
  readonly nonce: string;
  readonly report: Report;
  readonly keyset: Keyset;
  readonly verdict: AcceptedSubject<'report'>;
  /** The policy the decision was made under, the named simulator included. */
  readonly policy: Policy;
  /** The report as it was sent, for the file. */
  readonly bytes: Uint8Array;
}

/**
 * @throws {ClientError} `client/attestation-refused` with the verdict in `details` for anything but `accepted`;
 * `client/agent-unreachable`, `client/blocked-by-browser` in web pages, `client/attestation-malformed`.
 * @example const { keyset, verdict } = await verifyAgent(new URL('https://agent.example'), { policy: 'strict' });
 */
export async function verifyAgent(url: URL, options: VerifyAgentOptions = {}): Promise<AttestedAgent> {
  const nonce = encodeHex(crypto.getRandomValues(new Uint8Array(32)));
  const asked = agentOptions(options);
  const bytes = await fetchReport(new URL(`v1/aci/attestation?nonce=${nonce}`, withSlash(url)), options);
  const document = parseDocument(bytes);
  const now = (options.now ?? Date.now)();
  const verdict = await reportVerdict(document, { ...asked, now, expected: { nonce } });
  if (verdict.outcome !== 'accepted') throw refused(url, verdict);
  const { report, keyset } = verdict;
  if (keyset.not_after * 1000 <= now) {
    throw new ClientError(
      'client/keyset-expired',
      `expected keys in force, got a keyset that ended ${new Date(keyset.not_after * 1000).toISOString()}; the agent must restart or rotate them`,
    );
  }
  return { url, nonce, report, keyset, verdict, policy: asked.policy, bytes };
}

/** `https://agent/base` → `https://agent/base/`, so that relative paths stay below it. */
export function withSlash(url: URL): URL {
  const slashed = new URL(url);
  if (!slashed.pathname.endsWith('/')) slashed.pathname += '/';
  return slashed;
}

/** How the report of an agent, and every bundle of it, is verified. */
export function agentOptions({ policy, trust, endorsements, now = Date.now }: VerifyAgentOptions): ResolvedOptions {
  return resolveOptions({ policy, trust, collateral: endorsements, now: now() });
}

async function fetchReport(url: URL, options: VerifyAgentOptions): Promise<Uint8Array> {
  const answer = await createWire(options.fetch)({ url, signal: options.signal });
  if (!answer.ok) {
    await answer.body?.cancel();
    throw new ClientError(
      'client/agent-unreachable',
      `expected a report from ${url.origin}, got status ${answer.status}; is this an aci/1 service?`,
      { details: { origin: url.origin, status: answer.status } },
    );
  }
  const tooLong = (most: number): ClientError =>
    new ClientError(
      'client/attestation-malformed',
      `expected a report of at most ${most} bytes, got more; is this an aci/1 service?`,
    );
  try {
    return await readAtMost(answer.body, { most: MAX_REPORT_BYTES, what: url.origin, refuse: tooLong });
  } catch (cause) {
    throw brokenOff(cause, url, options.signal);
  }
}

function parseDocument(bytes: Uint8Array): Json {
  try {
    return parseJson(decodeUtf8(bytes));
  } catch (cause) {
    throw new ClientError('client/attestation-malformed', 'expected a JSON attestation report; is this an aci/1 service?', {
      cause,
    });
  }
}

function refused(url: URL, verdict: Exclude<ReportVerdict, { readonly outcome: 'accepted' }>): ClientError {
  return new ClientError(
    'client/attestation-refused',
    `${url.origin} is ${verdict.outcome}, and nothing was sent to it: ${reasonOf(verdict)}`,
    { details: { verdict } },
  );
}
