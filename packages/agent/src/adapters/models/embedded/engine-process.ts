/**
 * The process that runs a model: llama.cpp and the model's file are in here, and the agent is not. It answers the messages of
 * `engine-messages.ts` one at a time and ends with the agent.
 *
 * The file is read into memory of the process, not mapped, so that what is changed on the disk later changes no weight. Its digest is taken before
 * it is loaded, and the file must be the same one, unchanged, afterwards.
 */

import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type ChatWrapper, engineLibrary, type Llama, type LlamaChat, type LlamaModel } from './engine-library.ts';
import { chatItem, type MeasuringModel, measure, measuringModel } from './engine-measurement.ts';
import type {
  EngineFault,
  FromEngine,
  LoadedFacts,
  LoadOrder,
  Measurement,
  MeasureOrder,
  ToEngine,
  WriteOrder,
  WrittenFacts,
} from './engine-messages.ts';
import { FreeCores } from './free-cores.ts';
import { fileDigest } from './part-file.ts';
import { isRepeating } from './repetition.ts';

/** Kept free of a context, so that its end is never shifted out. Tokens. */
const SLACK_TOKENS = 8;
/** More threads of llama.cpp gain little on the models that fit here. */
const MAX_THREADS = 8;
/** Threads of llama.cpp wait for each other by spinning: where another process has the core of one, they are ten times slower, not faster. */
const cores = new FreeCores();

class Fault extends Error {
  readonly fault: EngineFault;

  constructor(code: EngineFault['code'], message: string) {
    super(message);
    this.fault = { code, message };
  }
}

interface Loaded {
  readonly llama: Llama;
  readonly model: LlamaModel;
  readonly wrapper: ChatWrapper;
  readonly chat: LlamaChat;
  readonly measuring: MeasuringModel;
  readonly contextTokens: number;
}

let loaded: Loaded | null = null;
const running = new Map<number, AbortController>();
const warnings: string[] = [];

const tell = (message: FromEngine): void => void process.send?.(message);

process.on('disconnect', () => process.exit(0));
process.on('message', (message: ToEngine) => {
  switch (message.kind) {
    case 'load':
      load(message).then(
        (facts) => tell({ kind: 'loaded', ...facts }),
        (error: unknown) => tell({ kind: 'not-loaded', ...faultOf(error) }),
      );
      break;
    case 'write':
      write(message.id, message).then(
        (facts) => tell({ kind: 'written', id: message.id, ...facts }),
        (error: unknown) => tell({ kind: 'not-written', id: message.id, ...faultOf(error) }),
      );
      break;
    case 'measure':
      measured(message.id, message).then(
        (measurement) => tell({ kind: 'measured', id: message.id, ...measurement }),
        (error: unknown) => tell({ kind: 'not-written', id: message.id, ...faultOf(error) }),
      );
      break;
    case 'cancel':
      running.get(message.id)?.abort();
      break;
  }
});

async function load({
  engine,
  file,
  contextTokens,
  batchTokens,
  kvType = 'F16',
  withoutTemplate,
}: LoadOrder): Promise<LoadedFacts> {
  const before = identityOf(file);
  const sha256 = await fileDigest(file, new AbortController().signal);
  const { getLlama, resolveChatWrapper, LlamaChat } = await engineLibrary(engine);
  const llama = await getLlama({
    ...{ gpu: false, build: 'never', skipDownload: true, progressLogs: false, logLevel: 'error' },
    maxThreads: cores.count(MAX_THREADS),
    logger: (_, text) => void warnings.splice(0, Math.max(0, warnings.length - 4), text),
  });
  const model = await llama.loadModel({ modelPath: file, gpuLayers: 0, useMmap: false }).catch((error: unknown) => {
    const why = lineOf(error);
    throw new Fault('model/unloadable', `${file} is no model that this engine can load: ${why}; take another model`);
  });
  if (identityOf(file) !== before)
    throw new Fault('model/wrong-digest', `${file} changed while it was loaded; leave it alone, and start again`);
  const { general, tokenizer } = model.fileInfo.metadata;
  const template = tokenizer?.chat_template;
  if ((template === undefined || template === '') && withoutTemplate !== true)
    throw new Fault('model/unloadable', `${file} has no chat template; take a model that was trained to follow instructions`);
  const context = await model.createContext({
    contextSize: Math.min(contextTokens, model.trainContextSize),
    batchSize: batchTokens,
    sequences: 1,
    flashAttention: false,
    threads: { ideal: MAX_THREADS, min: 1 },
    experimentalKvCacheKeyType: kvType,
    experimentalKvCacheValueType: kvType,
  });
  const wrapper = resolveChatWrapper(model);
  const sequence = context.getSequence();
  const chat = new LlamaChat({ contextSequence: sequence, chatWrapper: wrapper });
  const measuring = measuringModel({ model, sequence, wrapper });
  loaded = { llama, model, wrapper, chat, measuring, contextTokens: context.contextSize };
  return {
    sha256,
    bytes: statSync(file).size,
    architecture: general?.architecture ?? 'unknown',
    chatTemplateSha256: createHash('sha256')
      .update(template ?? '', 'utf8')
      .digest('hex'),
    contextTokens: context.contextSize,
    processor: llama.systemInfo.trim(),
    llamaCpp: releaseIn(engine),
  };
}

async function write(id: number, { messages, temperature, maxTokens, seed, block }: WriteOrder): Promise<WrittenFacts> {
  if (loaded === null)
    throw new Fault('model/engine-failed', 'the engine was asked before it had a model; start the agent again');
  const { llama, model, wrapper, chat, contextTokens } = loaded;
  const history = [...messages.map(chatItem), { type: 'model', response: [block?.opening ?? ''] } as const];
  const promptTokens = wrapper.generateContextState({ chatHistory: history }).contextText.tokenize(model.tokenizer).length;
  const room = contextTokens - promptTokens - SLACK_TOKENS;
  if (room < 1) {
    const got = `${promptTokens} tokens`;
    throw new Fault(
      'model/prompt-too-long',
      `expected a prompt of at most ${contextTokens - SLACK_TOKENS - 1} tokens, got ${got}; shorten it`,
    );
  }
  const abort = new AbortController();
  const loop = new AbortController();
  running.set(id, abort);
  let completionTokens = 0;
  let text = '';
  try {
    llama.maxThreads = cores.count(MAX_THREADS);
    const { metadata } = await chat.generateResponse(history, {
      maxTokens: Math.min(maxTokens, room),
      temperature,
      seed,
      repeatPenalty: false,
      customStopTriggers: block === undefined ? [] : [block.closing],
      signal: AbortSignal.any([abort.signal, loop.signal]),
      stopOnAbortSignal: true,
      onTextChunk: (piece) => {
        text += piece;
        tell({ kind: 'text', id, text: piece });
        if (isRepeating(text)) loop.abort();
      },
      onToken: (tokens) => {
        completionTokens += tokens.length;
      },
    });
    if (abort.signal.aborted) throw new Fault('task/cancelled', 'the task was cancelled while the model was writing');
    const finish = loop.signal.aborted ? 'repetition' : metadata.stopReason === 'maxTokens' ? 'length' : 'stop';
    return { finish, promptTokens, completionTokens };
  } finally {
    running.delete(id);
  }
}

async function measured(id: number, order: MeasureOrder): Promise<Measurement> {
  if (loaded === null)
    throw new Fault('model/engine-failed', 'the engine was asked before it had a model; start the agent again');
  const { llama, measuring, contextTokens } = loaded;
  const abort = new AbortController();
  running.set(id, abort);
  try {
    llama.maxThreads = cores.count(MAX_THREADS);
    const most = contextTokens - SLACK_TOKENS;
    return await measure(measuring, order, {
      signal: abort.signal,
      most,
      tooLong: (tokens) =>
        new Fault('model/prompt-too-long', `expected a prompt of at most ${most - 1} tokens, got ${tokens} tokens; shorten it`),
    });
  } catch (error) {
    if (abort.signal.aborted) throw new Fault('task/cancelled', 'the task was cancelled while the model was writing');
    throw error;
  } finally {
    running.delete(id);
  }
}

/** Changes with the file. */
function identityOf(file: string): string {
  const { dev, ino, size, mtimeNs, ctimeNs } = statSync(file, { bigint: true });
  return [dev, ino, size, mtimeNs, ctimeNs].join(' ');
}

function releaseIn(engine: string): string {
  const file = join(engine, 'node_modules', 'node-llama-cpp', 'llama', 'binariesGithubRelease.json');
  const { release } = JSON.parse(readFileSync(file, 'utf8')) as { readonly release?: unknown };
  return String(release);
}

function faultOf(error: unknown): EngineFault {
  if (error instanceof Fault) return error.fault;
  const { code } = error as { readonly code?: unknown };
  if (code === 'ENOENT')
    return { code: 'model/not-fetched', message: `${lineOf(error)}; fetch the model with assay model fetch` };
  return {
    code: 'model/engine-failed',
    message: `the engine failed: ${lineOf(error)}; start the agent again, or take another model`,
  };
}

function lineOf(error: unknown): string {
  const said = error instanceof Error ? error.message : String(error);
  const log = warnings.at(-1);
  return (log === undefined ? said : `${said} (${log})`).replaceAll(/\s+/g, ' ').trim().slice(0, 300);
}
