/**
 * A prompt endpoint as clients see it, over one of the upstream's. Most go through byte for byte; an endpoint that upstreams do not have is
 * translated here, inside the workload, and the receipt hashes what was received, forwarded and returned.
 */

import type { PromptRequest } from './constraints.ts';

/** Turns the bytes of a streamed answer into those for the client. */
export interface StreamTranslation {
  /** Whether it keeps what it takes until the end. */
  readonly keeps: boolean;
  push(piece: Uint8Array): Uint8Array;
  /** Once, when the upstream's answer has ended: what makes the answer complete. */
  end(): Uint8Array;
  /** The event that tells of a failure in the middle of an answer. */
  failure(error: { readonly code: string; readonly message: string }): Uint8Array;
}

export interface WholeAnswer {
  readonly bytes: Uint8Array;
  readonly contentType: string;
}

export interface Surface {
  /** Path at the upstream. */
  readonly upstreamPath: string;
  /** @throws {InferenceError} for a request that cannot be understood or said there. */
  read(body: Uint8Array): PromptRequest;
  /** Whether an event stream of the upstream goes on as one. */
  streams(prompt: PromptRequest): boolean;
  /** A whole answer of success. @throws {ServerError} `model/bad-reply` when it is none. */
  whole(received: Uint8Array, prompt: PromptRequest, contentType: string): WholeAnswer;
  stream(prompt: PromptRequest): StreamTranslation;
}
