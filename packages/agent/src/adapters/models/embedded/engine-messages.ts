/** What the agent and its engine process say to each other. */

import type { ServerErrorCode } from '../../../errors.ts';
import type { ChatMessage } from '../../../ports/model.ts';

/** What the engine process loads; it loads once. */
export interface LoadOrder {
  /** Holds `node_modules` of the engine. */
  readonly engine: string;
  readonly file: string;
  /** Of one exchange, prompt and reply. */
  readonly contextTokens: number;
  readonly batchTokens: number;
}

export interface WriteOrder {
  readonly messages: readonly ChatMessage[];
  readonly temperature: number;
  readonly maxTokens: number;
  readonly seed: number;
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
  /** Release of llama.cpp in the engine. */
  readonly llamaCpp: string;
}

export interface WrittenFacts {
  readonly finish: 'stop' | 'length';
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
  | { readonly kind: 'cancel'; readonly id: number };

export type FromEngine =
  | ({ readonly kind: 'loaded' } & LoadedFacts)
  | ({ readonly kind: 'not-loaded' } & EngineFault)
  | { readonly kind: 'text'; readonly id: number; readonly text: string }
  | ({ readonly kind: 'written'; readonly id: number } & WrittenFacts)
  | ({ readonly kind: 'not-written'; readonly id: number } & EngineFault);
