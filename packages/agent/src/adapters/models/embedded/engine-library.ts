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

export interface LlamaModel {
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
  }): Promise<{ readonly contextSize: number; getSequence(): unknown }>;
}

export interface Llama {
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
      readonly signal: AbortSignal;
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
