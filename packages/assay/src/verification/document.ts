/** A verdict as JSON for other programs: `assay verify --json`, the tools of `assay mcp`, the page that shows claims. */

import { type Check, formatInstant, type TcbStanding, type VerificationOutcome } from '@assay/attestation';
import type { Findings, Verdict } from './verdict.ts';

/** The claims of a verdict without anything JSON cannot hold; which members it has depends on `type`. */
export type ClaimsDocument = Readonly<Record<string, unknown>>;

/** A verdict as `assay verify --json` prints it. */
export interface VerdictDocument extends Omit<Findings, 'checks'> {
  readonly outcome: VerificationOutcome;
  readonly type: string | null;
  /** What is authentic; `null` when nothing is. */
  readonly claims: ClaimsDocument | null;
  readonly checks: readonly Check[];
  readonly tcb: TcbStanding | null;
  readonly error: { readonly code: string; readonly kind: string; readonly message: string } | null;
}

/** @example JSON.stringify(verdictDocument(verdict)) */
export function verdictDocument(verdict: Verdict): VerdictDocument {
  const { outcome, type, checks, error, subject, scope, warnings, limits, simulated, policy, at } = verdict;
  return {
    ...{ outcome, type, claims: claimsDocument(verdict), checks, tcb: verdict.tcb ?? null },
    error: error === undefined ? null : { code: error.code, kind: error.kind, message: error.message },
    ...{ subject, scope, warnings, limits, simulated, policy, at },
  };
}

/**
 * What is authentic about the subject of a verdict; `null` when nothing is.
 * @example claimsDocument(verdict)?.evidence
 */
export function claimsDocument(verdict: Verdict): ClaimsDocument | null {
  if (verdict.claims === undefined) return null;
  const evidence = { ...verdict.claims };
  switch (verdict.type) {
    case 'bundle':
      return bundleDocument(verdict);
    case 'report':
      return { keyset: verdict.keyset, evidence };
    case 'receipt':
      return { receipt: verdict.receipt, keyset: verdict.keyset, evidence };
    case 'result':
      return { receipt_id: verdict.receipt.receipt_id, inference: verdict.inference, evidence };
    case 'proof': {
      const { address, algorithm, statedModel } = verdict.signer;
      return {
        ...{ service: verdict.service, model: verdict.model, time: formatInstant(verdict.time) },
        signer: { address, algorithm, stated_model: statedModel },
        request_hash: `sha256:${verdict.requestHash}`,
        response_hash: `sha256:${verdict.responseHash}`,
        evidence,
      };
    }
    default:
      return evidence;
  }
}

function bundleDocument({ receipts, evidence, log }: Extract<Verdict, { readonly type: 'bundle'; readonly claims: object }>) {
  return {
    receipts: receipts.map(({ receipt, index, time, payloads }) => ({
      receipt_id: receipt.receipt_id,
      endpoint: receipt.endpoint,
      log_index: index,
      time: formatInstant(time),
      events: receipt.event_log.map(({ type }) => type),
      payloads: payloads.map(({ name, hash, content }) => ({ name, hash, included: content !== null })),
    })),
    evidence: evidence.map(({ claims, time }) => ({ time: formatInstant(time), ...claims })),
    log: { origin: log.origin, size: log.size },
  };
}
