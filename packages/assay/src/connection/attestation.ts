/**
 * Fetches an agent's attestation report for a fresh nonce and judges it. What comes back is a decision with everything it rests on;
 * nothing is trusted because the agent says so. There is no place for a key here: nobody has been verified yet.
 */

import { DEFAULT_POLICY, type Endorsements, type Policy, type TrustAnchor } from '@assay/attestation';
import { readAtMost } from '@assay/encoding/bounded-reader';
import { decodeUtf8 } from '@assay/encoding/bytes';
import { encodeHex } from '@assay/encoding/hex';
import { type Json, parseJson } from '@assay/encoding/json';
import type { Keyset, Report } from '@assay/receipt';
import { brokenOff, createWire } from '../channel/wire.ts';
import { ClientError } from '../errors.ts';
import { judgeReport, openReport } from '../judgement/report.ts';
import type { JudgeRequest } from '../judgement/request.ts';
import type { Verdict } from '../judgement/verdict.ts';

const MAX_REPORT_BYTES = 4 * 1024 * 1024;

export interface VerifyAgentOptions {
  readonly policy?: Policy;
  /** A simulator's root, named on purpose; its evidence is accepted and marked as simulated for ever. */
  readonly simulatedRoot?: TrustAnchor;
  /** Roots beside the pinned ones. */
  readonly anchors?: readonly TrustAnchor[];
  /** Vendor collateral, when the agent does not send it along. */
  readonly endorsements?: Endorsements;
  /** Carries requests; the platform's `fetch` by default. */
  readonly fetch?: typeof fetch;
  /** Epoch milliseconds; the platform's clock by default. */
  readonly now?: () => number;
  readonly signal?: AbortSignal;
}

/** An agent whose keyset is attested and wanted. */
export interface AttestedAgent {
  readonly url: URL;
  /** 64 hex digits: the nonce this decision answers. */
  readonly nonce: string;
  readonly report: Report;
  readonly keyset: Keyset;
  readonly verdict: Verdict;
  /** The policy the decision was made under, the named simulator included. */
  readonly policy: Policy;
  /** The report as it was sent, for the file. */
  readonly bytes: Uint8Array;
}

/**
 * @throws {ClientError} `client/attestation-refused` with the verdict in `details` for anything but `accepted`;
 * `client/agent-unreachable`, `client/attestation-malformed`.
 */
export async function verifyAgent(url: URL, options: VerifyAgentOptions = {}): Promise<AttestedAgent> {
  const nonce = encodeHex(crypto.getRandomValues(new Uint8Array(32)));
  const bytes = await fetchReport(new URL(`v1/aci/attestation?nonce=${nonce}`, withSlash(url)), options);
  const document = parseDocument(bytes);
  const now = (options.now ?? Date.now)();
  const request = await judgeRequest(options, nonce, now);
  const verdict = await judgeReport(document, request);
  if (verdict.outcome !== 'accepted') throw refused(url, verdict);
  const { report } = await openReport(document, request, now);
  if (report.keyset.not_after * 1000 <= now) {
    throw new ClientError(
      'client/keyset-expired',
      `expected keys in force, got a keyset that ended ${new Date(report.keyset.not_after * 1000).toISOString()}; the agent must restart or rotate them`,
    );
  }
  return { url, nonce, report, keyset: report.keyset, verdict, policy: request.policy, bytes };
}

/** `https://agent/base` → `https://agent/base/`, so that relative paths stay below it. */
export function withSlash(url: URL): URL {
  const slashed = new URL(url);
  if (!slashed.pathname.endsWith('/')) slashed.pathname += '/';
  return slashed;
}

async function judgeRequest(
  options: VerifyAgentOptions,
  nonce: string,
  now: number,
): Promise<JudgeRequest & { readonly policy: Policy }> {
  const { policy, anchors } = await trustOf(options);
  return {
    now,
    policy,
    expected: { nonce },
    additionalAnchors: anchors,
    ...(options.endorsements === undefined ? {} : { endorsements: options.endorsements }),
  };
}

/** Policy and roots that the options come to; a simulator named in them is accepted by the policy too. */
export async function trustOf(
  options: VerifyAgentOptions,
): Promise<{ readonly policy: Policy; readonly anchors: readonly TrustAnchor[] }> {
  const { simulatedRoot, policy = DEFAULT_POLICY, anchors = [] } = options;
  if (simulatedRoot === undefined) return { policy, anchors };
  return {
    policy: { ...policy, simulatedRoots: [...(policy.simulatedRoots ?? []), await spkiHash(simulatedRoot)] },
    anchors: [...anchors, { ...simulatedRoot, simulated: true }],
  };
}

async function spkiHash({ spki }: TrustAnchor): Promise<string> {
  return encodeHex(new Uint8Array(await crypto.subtle.digest('SHA-256', spki as BufferSource)));
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

function refused(url: URL, verdict: Verdict): ClientError {
  const failed = verdict.checks.find(({ outcome }) => outcome === 'fail');
  const reason =
    verdict.error?.message ??
    (failed === undefined ? verdict.outcome : `${failed.id}: expected ${failed.expected}, got ${failed.actual}`);
  return new ClientError(
    'client/attestation-refused',
    `${url.origin} is ${verdict.outcome}: ${reason}. Nothing was sent to it.`,
    { details: { verdict } },
  );
}
