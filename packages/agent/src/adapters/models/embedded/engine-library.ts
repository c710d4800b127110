/** The part of node-llama-cpp 3.22 that the engine process uses. The package is no dependency, so its types are written down here. */

import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** Text for a tokenizer. */
interface LlamaText {
  tokenize(tokenizer: unknown): readonly number[];
}

export type ChatItem =
  | { readonly type: 'system' | 'user'; readonly text: string }
  | { readonly type: 'model'; readonly response: readonly string[] };

export interface ChatWrapper {
  generateContextState(options: { readonly chatHistory: readonly ChatItem[] }): { readonly contextText: LlamaText };
}

/** Raw logits by token, the largest first. */
export interface EvaluatedToken {
  readonly next: { readonly logits?: ReadonlyMap<number, number> };
}

const ASKED = { logits: true, options: { temperature: 1, topK: 0, topP: 1, minP: 0 } } as const;

/** A token to evaluate; with {@link ASKED} the logits behind it are given. */
export type EvaluationItem = number | readonly [token: number, options: { readonly generateNext: typeof ASKED }];

export const withLogits = (token: number): EvaluationItem => [token, { generateNext: ASKED }];

export interface ContextSequence {
  clearHistory(): Promise<void>;
  controlledEvaluate(input: readonly EvaluationItem[]): Promise<readonly (EvaluatedToken | undefined)[]>;
}

export interface LlamaModel {
  readonly tokens: { readonly bos: number | null; readonly shouldPrependBosToken: boolean };
  tokenize(text: string, specialTokens?: boolean): readonly number[];
  detokenize(tokens: readonly number[], specialTokens?: boolean, lastTokens?: readonly number[]): string;
  iterateAllTokens(): Iterable<number>;
  isEogToken(token: number): boolean;
  readonly tokenizer: unknown;
  readonly trainContextSize: number;
  readonly fileInfo: {
    readonly metadata: {
      readonly general?: { readonly architecture?: string };
      readonly tokenizer?: { readonly chat_template?: string };
    };
  };
  createContext(options: {
    readonly contextSize: number;
    readonly batchSize: number;
    readonly sequences: 1;
    readonly flashAttention: false;
    readonly threads: { readonly ideal: number; readonly min: number };
    readonly experimentalKvCacheKeyType: 'F16' | 'F32';
    readonly experimentalKvCacheValueType: 'F16' | 'F32';
  }): Promise<{ readonly contextSize: number; getSequence(): ContextSequence }>;
}

export interface Llama {
  readonly systemInfo: string;
  maxThreads: number;
  loadModel(options: { readonly modelPath: string; readonly gpuLayers: 0; readonly useMmap: false }): Promise<LlamaModel>;
}

export interface LlamaChat {
  generateResponse(
    history: readonly ChatItem[],
    options: {
      readonly maxTokens: number;
      readonly temperature: number;
      readonly seed: number;
      /** Off. The library punishes each word of the last 64, and a program has to repeat its names. */
      readonly repeatPenalty: false;
      readonly customStopTriggers: readonly string[];
      readonly signal: AbortSignal;
      /** An aborted reply is kept as far as it came. */
      readonly stopOnAbortSignal: true;
      readonly onTextChunk: (text: string) => void;
      readonly onToken: (tokens: readonly number[]) => void;
    },
  ): Promise<{ readonly metadata: { readonly stopReason: string } }>;
}

export interface EngineLibrary {
  getLlama(options: {
    readonly gpu: false;
    readonly build: 'never';
    readonly skipDownload: true;
    readonly progressLogs: false;
    readonly logLevel: 'error';
    readonly maxThreads: number;
    readonly logger: (level: string, message: string) => void;
  }): Promise<Llama>;
  resolveChatWrapper(model: LlamaModel): ChatWrapper;
  readonly LlamaChat: new (options: { readonly contextSequence: unknown; readonly chatWrapper: ChatWrapper }) => LlamaChat;
}

/** Imports the library from an installed engine. */
export async function engineLibrary(engine: string): Promise<EngineLibrary> {
  const entry = join(engine, 'node_modules', 'node-llama-cpp', 'dist', 'index.js');
  return (await import(pathToFileURL(entry).href)) as EngineLibrary;
}
