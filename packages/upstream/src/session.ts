/**
 * A session with an attested service: opened by evidence that was accepted, bound to the keys in it, ended by its expiry or by a connection that
 * shows another key. The agent and the verifying proxy both use services through it; one folder a kind of service implements it.
 */

import type { AnswerSignature } from '@assay/attestation/evidence/combined/answer-signature';
import type { Claims } from '@assay/attestation/model/claims';
import type { AcceptedResult } from '@assay/attestation/model/result';
import type { Reservation } from '@assay/encoding/budget';
import type { JsonObject } from '@assay/encoding/json';
import type { AttestedService, FreshEvidence } from './attested-service.ts';
import type { Channel } from './channel.ts';
import type { AnswerProof } from './signing-proxy/answer-proof.ts';

export interface AcceptedEvidence extends FreshEvidence {
  readonly result: AcceptedResult;
}

export interface AttestedSession {
  /** Which verification was made, with its version: `assay signing-proxy/1`, `assay enclave/1`. */
  readonly verifier: string;
  /** The model whose TEE was asked for evidence; `null` when the evidence holds for all. */
  readonly model: string | null;
  readonly origin: string;
  readonly evidence: AcceptedEvidence;
  /** The part of the claims whose keys are relied on. */
  readonly node: Claims;
  /** What this verifier identifies the service by (ACI §8.2), for records. */
  readonly identity: JsonObject;
  /** What shows that an answer is genuine: a signature, to everybody; or the sealed channel, to its holder alone. */
  readonly vouching: AnswerEvidence['type'];
  /** The key that vouches, as its kind of service writes it. */
  readonly signer: { readonly algorithm: string; readonly address: string };
  readonly channel: Channel;
  /** What a verified session does not prove, for people. */
  readonly limits: readonly string[];
  /** Reads what carries no prompt, such as `/v1/models`, over the bound connection. @throws as {@link forward}. */
  get(path: string, signal?: AbortSignal): Promise<Response>;
  /**
   * Sends one request, sealed where the channel is.
   * @throws {UpstreamError} `e2ee/not-sealable`, `e2ee/key-missing` before a byte leaves, `service/unreachable`; {ChannelError}
   * `channel/tls-key-mismatch` before a byte leaves, `channel/key-unknown` before the service could read one, `channel/response-unencrypted`.
   */
  forward(request: SessionRequest): Promise<SessionAnswer>;
}

export interface SessionRequest {
  /** Begins with `/v1/`; may have a query. */
  readonly path: string;
  /** UTF-8 JSON. */
  readonly body: Uint8Array;
  readonly signal?: AbortSignal;
  /** Grows by what is kept of the answer; the caller releases it. */
  readonly held?: Reservation | undefined;
}

export interface SessionAnswer {
  /** In clear. The body ends in a {ChannelError} or {UpstreamError} when it was not sealed as it should be. */
  readonly response: Response;
  /**
   * Called after the last byte. `null` for error answers, which have no proof.
   * @throws {UpstreamError} `service/signature-missing`, `service/unreachable`, `service/refused`; {AttestationError} `answer/…`.
   */
  readonly prove: ((exchange: ClearExchange) => Promise<AnswerEvidence>) | null;
}

/** An exchange as the caller of {@link AttestedSession.forward} saw it. */
export interface ClearExchange {
  readonly sent: Uint8Array;
  /** Every byte of the answer, of a stream with its framing. */
  readonly received: Uint8Array;
}

export type AnswerEvidence = SignedAnswer | SealedAnswer;

/** The service signed the exact bytes on the wire, under an address that its evidence binds. */
export interface SignedAnswer {
  readonly type: 'signed';
  readonly chatId: string;
  readonly signature: AnswerSignature;
  /** Everything that anybody needs to verify it offline. */
  readonly proof: AnswerProof;
}

/** Only the attested key could seal to this exchange; a third party cannot check that. */
export interface SealedAnswer {
  readonly type: 'sealed';
  readonly scheme: 'ehbp';
  /** Lower-case hex. */
  readonly encapsulatedKey: string;
  /** 64 hex digits. */
  readonly responseNonce: string;
}

export type Opening =
  | { readonly outcome: 'verified'; readonly session: AttestedSession }
  /** The evidence is not authentic, cannot be verified, or is not what the policy wants: `evidence.result` says which. */
  | { readonly outcome: 'refused'; readonly evidence: FreshEvidence };

/** A kind of service. Its folder implements it; `services.ts` lists it. */
export interface ServiceKind {
  readonly name: string;
  /** It is recognised by: addresses at or below these. */
  readonly domains: readonly string[];
  /** Whether a session holds for one model or for all of the service. */
  readonly scope: 'model' | 'service';
  /**
   * Verifies fresh evidence; no prompt is part of this.
   * @throws {UpstreamError} `service/…`; {AttestationError} `endorsements/…`.
   */
  readonly open: (service: AttestedService, model: string) => Promise<Opening>;
}

/** True for evidence that the policy accepts. */
export function isAccepted(evidence: FreshEvidence): evidence is AcceptedEvidence {
  return evidence.result.outcome === 'accepted';
}
