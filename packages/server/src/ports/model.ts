/**
 * The port to an AI model: any OpenAI-compatible chat endpoint, or a recorded transcript. The exact bytes of request and
 * response are kept, because receipts hash what the enclave saw.
 */

import type { UpstreamProof, UpstreamSession } from './upstream.ts';

export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant' | 'tool';
  readonly content: string;
}

export interface ModelRequest {
  readonly messages: readonly ChatMessage[];
  readonly model?: string;
  readonly temperature?: number;
  readonly maxTokens?: number;
  readonly signal?: AbortSignal;
  /** Called with each piece of text as it arrives. */
  readonly onText?: (text: string) => void;
}

export interface ModelUsage {
  readonly promptTokens: number | null;
  readonly completionTokens: number | null;
  readonly totalTokens: number | null;
}

export interface ModelReply {
  readonly text: string;
  readonly model: string;
  readonly finishReason: string | null;
  readonly usage: ModelUsage;
  /** Exact bytes sent and received; a stream's bytes include its SSE framing. */
  readonly requestBytes: Uint8Array;
  readonly responseBytes: Uint8Array;
  /** Where the answer came from, for the receipt. Never contains a key. */
  readonly provenance: ModelProvenance;
  /** How the upstream was verified before the prompt left, and its signature over these bytes; with `attested` provenance only. */
  readonly attested?: { readonly session: UpstreamSession; readonly proof: UpstreamProof };
}

/** `unverified`: an ordinary API sees the prompt in clear. `recorded`: nobody ran a model. `attested`: verified before the prompt left. */
export type ModelProvenance =
  | { readonly kind: 'unverified'; readonly provider: string; readonly url: string }
  | { readonly kind: 'recorded'; readonly file: string; readonly sha256: string }
  | {
      readonly kind: 'attested';
      readonly provider: string;
      readonly url: string;
      readonly session: string;
      readonly simulated: boolean;
    };

export interface Model {
  readonly provider: string;
  readonly model: string;
  complete(request: ModelRequest): Promise<ModelReply>;
  /** Whether the endpoint answers now, with one line for `assay doctor`. */
  probe(): Promise<{ readonly reachable: boolean; readonly detail: string }>;
}
