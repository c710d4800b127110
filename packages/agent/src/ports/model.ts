/**
 * The port to an AI model: any OpenAI-compatible chat endpoint, a model that runs here, or a recorded transcript. The exact bytes of request and
 * response are kept, because receipts hash what the enclave saw.
 */

import type { JsonObject } from '@assay/encoding/json';
import type { UpstreamProof, UpstreamSession } from './upstream.ts';

export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant' | 'tool';
  readonly content: string;
}

/** The task behind a prompt. */
export interface ModelTask {
  readonly description: string;
  readonly language: 'python' | 'javascript';
  /** JSON text, or `null`. */
  readonly context: string | null;
}

/** A reply that is one block of text between two marks. */
export interface ReplyBlock {
  /** The reply begins with it. */
  readonly opening: string;
  /** The reply ends with it, where it comes first. */
  readonly closing: string;
}

export interface ModelRequest {
  readonly messages: readonly ChatMessage[];
  /** What the messages were made from; recorded answers are found by it. Left out in a chat. */
  readonly task?: ModelTask | undefined;
  readonly model?: string;
  readonly temperature?: number;
  readonly maxTokens?: number;
  /** The form of the whole reply. A model that runs here is held to it; for others it stands in the messages only. */
  readonly block?: ReplyBlock | undefined;
  /** Report so many of the likeliest tokens at each position; only models that run here do. */
  readonly topLogprobs?: number;
  readonly signal?: AbortSignal;
  /** Called with each piece of text as it arrives. */
  readonly onText?: (text: string) => void;
  /** Called when the model begins its reply again, because the first one broke off: the text so far counts no more. */
  readonly onRestart?: () => void;
}

/** One token of a reply and its likeliest rivals: texts and natural log probabilities. */
export interface TokenLogprobs {
  readonly token: string;
  readonly logprob: number;
  readonly top: readonly (readonly [string, number])[];
  /** Hex SHA-256 of all logits. */
  readonly logits: string;
}

export interface ModelUsage {
  readonly promptTokens: number | null;
  readonly completionTokens: number | null;
  readonly totalTokens: number | null;
}

/** A tool call in a reply, assembled from its pieces. The agent offers no tools; models call one all the same. */
export interface ModelToolCall {
  readonly name: string;
  /** The arguments as the model wrote them: JSON by the protocol, anything in practice. */
  readonly arguments: string;
}

/**
 * How a reply ended. Only `stop` and `tool-calls` say that the model finished what it wanted to write; after any other end the
 * text may be cut anywhere. `unknown`: the provider gave a word that is in no list of `adapters/models/finish.ts`.
 */
export type ModelFinish = 'stop' | 'tool-calls' | 'length' | 'filtered' | 'refused' | 'error' | 'unknown';

export interface ModelReply {
  /** The answer. Thoughts that the protocol carries in members of their own are in {@link ModelReply.reasoning}, never here. */
  readonly text: string;
  /** Thoughts that came beside the answer; empty when there were none. */
  readonly reasoning: string;
  readonly toolCalls: readonly ModelToolCall[];
  readonly model: string;
  readonly finish: ModelFinish;
  /** The provider's own word for the end, for the receipt; `null` when it gave none. */
  readonly finishReason: string | null;
  readonly usage: ModelUsage;
  /** When they were asked for and the model has them. */
  readonly logprobs?: readonly TokenLogprobs[] | undefined;
  /** Exact bytes sent and received; a stream's bytes include its SSE framing. */
  readonly requestBytes: Uint8Array;
  readonly responseBytes: Uint8Array;
  /** A recording that has no other reply to this task: asking again changes nothing. */
  readonly isLast?: boolean | undefined;
  /** Where the answer came from, for the receipt. Never contains a key. */
  readonly provenance: ModelProvenance;
  /** What an embedded model was run with (spec/model-profile.md), exact bytes; with `embedded` provenance only. */
  readonly profile?: Uint8Array | undefined;
  /** How the upstream was verified before the prompt left, and its signature over these bytes; with `attested` provenance only. */
  readonly attested?: { readonly session: UpstreamSession; readonly proof: UpstreamProof };
}

/** `unverified`: an ordinary API sees the prompt in clear. `recorded`: no model ran. `embedded`: it ran here. `attested`: verified before the prompt left. */
export type ModelProvenance =
  | { readonly kind: 'unverified'; readonly provider: string; readonly url: string }
  | { readonly kind: 'recorded'; readonly file: string; readonly sha256: string }
  /** Digests in lower-case hex: of the weights, and of the profile. */
  | { readonly kind: 'embedded'; readonly model: string; readonly sha256: string; readonly profile: string }
  | {
      readonly kind: 'attested';
      readonly provider: string;
      readonly url: string;
      readonly session: string;
      readonly simulated: boolean;
    };

/** A task that a transcript answers, with sample files that its program reads. */
export interface RecordedDemo {
  readonly description: string;
  /** `chat`: a question that wants words, not a program. */
  readonly language: 'python' | 'javascript' | 'chat';
  readonly context: JsonObject | null;
  readonly files: readonly { readonly path: string; readonly content: string }[];
}

export interface Model {
  readonly provider: string;
  readonly model: string;
  /** What it answers, when that is a list; with `recorded` answers only. */
  readonly demos?: readonly RecordedDemo[] | undefined;
  /** Files that the program for a task reads, as a recording brings them; with `recorded` answers only. */
  readonly samplesFor?: ((task: ModelTask) => readonly { readonly path: string; readonly content: string }[]) | undefined;
  complete(request: ModelRequest): Promise<ModelReply>;
  /**
   * The model that serves now, where another may serve the next time. A task asks once: what is said of the model, and which files it may
   * read, then holds for every prompt of the task.
   */
  readonly serving?: (() => Promise<Model>) | undefined;
  /** Whether the endpoint answers now, with one line for `assay doctor`. */
  probe(): Promise<{ readonly reachable: boolean; readonly detail: string }>;
}
