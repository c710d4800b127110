/**
 * The port to the party that serves inference for `/v1/…`: bytes go out and come back untouched, because receipts hash both. An upstream
 * with a TEE is verified before the first byte leaves; one without is used openly and named `unverified` in the receipt.
 */

import type { Reservation } from '@assay/encoding/budget';
import type { JsonObject } from '@assay/encoding/json';

/** One verification of an upstream (ACI §8). `document` is immutable; its id is the hex SHA-256 of its JCS form. */
export interface UpstreamSession {
  readonly sessionId: string;
  readonly document: JsonObject;
  /** Epoch milliseconds after which it must be made again. */
  readonly expiresAt: number;
  readonly facts: UpstreamFacts;
}

/** What a session's evidence says, for answers that show it. */
export interface UpstreamFacts {
  /** `nvidia_h100_tee`, `intel_tdx`, or `simulated`; only what was verified. */
  readonly type: string;
  readonly simulated: boolean;
  /** Name → lower-case hex. */
  readonly measurements: Readonly<Record<string, string>>;
  /** Whose key vouches for answers; `covers` says for people what it vouches for, and where that is kept. */
  readonly signing: { readonly algorithm: string; readonly address: string; readonly covers: string };
  /** The nonce this agent made and the evidence answers, 64 hex digits. */
  readonly nonce: string;
  /** Epoch milliseconds. */
  readonly verifiedAt: number;
}

export type UpstreamStanding =
  | { readonly result: 'verified'; readonly session: UpstreamSession }
  /** `reason` is one line for the receipt: no TEE, or what failed. */
  | { readonly result: 'failed'; readonly reason: string };

export interface UpstreamRequest {
  /** `/v1/chat/completions`, `/v1/completions`, `/v1/embeddings`. */
  readonly path: string;
  /** Exact bytes to send. */
  readonly body: Uint8Array;
  readonly signal: AbortSignal;
  /** Grows by what the upstream keeps of the answer to prove it; the caller releases it. */
  readonly held?: Reservation;
}

export interface UpstreamAnswer {
  readonly status: number;
  readonly contentType: string;
  /** As the upstream sent them, for those that clients are to see. */
  readonly headers?: Headers;
  /** Exact bytes, as they arrive. */
  readonly body: AsyncIterable<Uint8Array>;
  /**
   * Called after the last byte: what the upstream itself signs about this answer, for the receipt and the bundle.
   * @throws {ServerError} `upstream/proof-invalid` when it does not verify.
   */
  readonly finish?: (exchange: { readonly sent: Uint8Array; readonly received: Uint8Array }) => Promise<UpstreamProof | null>;
}

/** Evidence about one answer beyond the session. */
export interface UpstreamProof {
  /** Receipt event fields, `type` included. */
  readonly event: { readonly type: string } & JsonObject;
  /** The file behind the event; `null` where the event says all. */
  readonly payload: { readonly name: string; readonly mediaType: string; readonly bytes: Uint8Array } | null;
}

export interface Upstream {
  /** Label in receipts. */
  readonly name: string;
  /** Model used when a request names none, or `default`. */
  readonly defaultModel: string;
  /** Whether this upstream has a TEE at all; false makes `standing` say so without asking anyone. */
  readonly attestable: boolean;
  /** Verifies the upstream for `model`, or returns the verification that still holds. Never throws for what the upstream is. */
  standing(model: string): Promise<UpstreamStanding>;
  /** @throws {ServerError} `model/unreachable`, `model/timeout`. Error answers of the upstream are answers. */
  forward(request: UpstreamRequest, standing: UpstreamStanding): Promise<UpstreamAnswer>;
  /** Sessions that hold now. */
  sessions(): readonly UpstreamSession[];
  /** Ids for `GET /v1/models`. */
  models(): Promise<readonly string[]>;
}
