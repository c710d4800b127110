/**
 * What a verifying proxy forwards to: somebody who is verified first, over a channel that the verification bound, and whose every
 * answer leaves a proof. One file a kind of upstream.
 */

import type { EndorsementSource } from '@assay/attestation/endorsements';
import type { TlsDialer } from '@assay/channel';
import type { Reservation } from '@assay/encoding/budget';
import type { ChannelDemand } from '@assay/upstream';
import type { ConnectOptions } from '../connection/connect.ts';
import type { Verdict } from '../verification/verdict.ts';

/** Options of `openUpstream`. */
export interface UpstreamOptions extends ConnectOptions {
  /** Where missing vendor collateral is fetched, for upstreams that send none along; default: the vendors' own services. */
  readonly collateral?: Omit<EndorsementSource, 'fetch' | 'now'>;
  /**
   * Makes connections whose far end is known by its key (`createTlsDialer` of `@assay/channel/tls`, in Node). With it, TLS keys that a report binds
   * are pinned; browsers have none. Takes the place of `fetch` for services other than `aci/1`.
   */
  readonly dialer?: TlsDialer;
  /**
   * Dangerous: sends the key with the request for the report, before anything is verified. For services other than `aci/1` that refuse
   * their report without it.
   */
  readonly keyBeforeVerdict?: boolean;
  /** What the way to the service must be; `any` by default. */
  readonly channel?: ChannelDemand;
}

/** The decision an upstream is used on. */
export interface VerifiedUpstream {
  /** Kind for people: `aci/1`, `redpill`, `near-ai`, `tinfoil`, `dstack-vllm`. */
  readonly kind: string;
  readonly url: URL;
  readonly verdict: Verdict;
  /** Beginnings of the paths that it takes in addition to `/v1/`: the tasks of an agent. */
  readonly paths?: readonly string[];
  /**
   * Forwards one request whose path begins with `/v1/` or with one of its own {@link paths}. The answer's body ends in an error when its proof does not verify.
   * @param held - grows by what is kept of the answer until its proof; the caller releases it.
   * @throws {ClientError}, {UpstreamError}; {ChannelError} before any byte leaves when the channel is not bound.
   */
  forward(request: Request, held?: Reservation): Promise<ForwardedAnswer>;
}

/** An answer of an attested service, with the proof that follows it. */
export interface ForwardedAnswer {
  readonly response: Response;
  /** Resolves when the body was read to its end and its proof verified; rejects when it did not. `null`: this route leaves none. */
  readonly proof: Promise<ProofFile | null>;
}

/** What is kept for one answer: a file that `assay verify` takes. */
export interface ProofFile {
  /** Name for the file, without extension: a receipt id or chat id. */
  readonly id: string;
  readonly bytes: Uint8Array;
  /** One line for people: what was verified. */
  readonly summary: string;
}
