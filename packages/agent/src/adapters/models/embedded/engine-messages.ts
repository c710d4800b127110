/** What the agent and its engine process say to each other. */

import type { ServerErrorCode } from '../../../errors.ts';
import type { ChatMessage, ReplyBlock } from '../../../ports/model.ts';

/** What the engine process loads; it loads once. */
export interface LoadOrder {
  /** Holds `node_modules` of the engine. */
  readonly engine: string;
  readonly file: string;
  /** Of one exchange, prompt and reply. */
  readonly contextTokens: number;
  readonly batchTokens: number;
  /** Of the key and value cache. Default F16. */
  readonly kvType?: KvType | undefined;
  /** Load files without a chat template as well; they answer no chats. Default false. */
  readonly withoutTemplate?: boolean | undefined;
}

export type KvType = 'F16' | 'F32';

/** Text that a model goes on with, or a chat. */
export type MeasuredPrompt =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'chat'; readonly messages: readonly ChatMessage[] };

/** Has the model say how likely it finds tokens. */
export interface MeasureOrder {
  readonly prompt: MeasuredPrompt;
  /** Texts of tokens to follow, evaluated in batches; `null`: the model writes, token by token. */
  readonly follow: readonly string[] | null;
  /** Of what it writes. */
  readonly maxTokens: number;
  /** 0: the likeliest token. */
  readonly temperature: number;
  readonly seed: number;
  /** Likeliest tokens to report at each position. */
  readonly top: number;
  /** Texts of tokens whose log probabilities are wanted at each followed position. */
  readonly wanted: readonly (readonly string[])[] | null;
}

/** Token by its text; what is no whole UTF-8 in it reads U+FFFD. Natural log probabilities over the whole vocabulary. */
export interface MeasuredPosition {
  readonly token: string;
  readonly logprob: number;
  readonly top: readonly (readonly [string, number])[];
  /** Between the two likeliest tokens, nats. */
  readonly gap: number;
  /** Hex SHA-256 of all logits, as little-endian 32-bit floats by token number. */
  readonly logits: string;
  /** Of {@link MeasureOrder.wanted}; `null` for a text that is none or several tokens. */
  readonly known: readonly (number | null)[];
}

export interface Measurement {
  readonly promptTokens: number;
  /** Ends early behind a token that the model does not have. */
  readonly positions: readonly MeasuredPosition[];
  readonly finish: 'stop' | 'length';
}

export interface WriteOrder {
  readonly messages: readonly ChatMessage[];
  readonly temperature: number;
  readonly maxTokens: number;
  readonly seed: number;
  /** The text that the reply begins with before the model writes, and the text that ends it. */
  readonly block?: ReplyBlock | undefined;
}

/** What was loaded, as the engine process found it. */
export interface LoadedFacts {
  /** Lower-case hex, of the file's bytes. */
  readonly sha256: string;
  readonly bytes: number;
  /** `general.architecture` of the file. */
  readonly architecture: string;
  /** Lower-case hex, of the file's own template. */
  readonly chatTemplateSha256: string;
  readonly contextTokens: number;
  /** What the engine uses of the processor, in its own words: other processors may give other bits. */
  readonly processor: string;
  /** Release of llama.cpp in the engine. */
  readonly llamaCpp: string;
}

export interface WrittenFacts {
  /** `repetition`: it was ended because it went round in a loop. */
  readonly finish: 'stop' | 'length' | 'repetition';
  readonly promptTokens: number;
  readonly completionTokens: number;
}

export interface EngineFault {
  readonly code: ServerErrorCode;
  readonly message: string;
}

export type ToEngine =
  | ({ readonly kind: 'load' } & LoadOrder)
  | ({ readonly kind: 'write'; readonly id: number } & WriteOrder)
  | ({ readonly kind: 'measure'; readonly id: number } & MeasureOrder)
  | { readonly kind: 'cancel'; readonly id: number };

export type FromEngine =
  | ({ readonly kind: 'loaded' } & LoadedFacts)
  | ({ readonly kind: 'not-loaded' } & EngineFault)
  | { readonly kind: 'text'; readonly id: number; readonly text: string }
  | ({ readonly kind: 'written'; readonly id: number } & WrittenFacts)
  | ({ readonly kind: 'measured'; readonly id: number } & Measurement)
  | ({ readonly kind: 'not-written'; readonly id: number } & EngineFault);
