/**
 * A model that runs on this machine, in a process of its own. The process starts with the first prompt or ahead of it, and again after it
 * ended; each start loads the file by its digest and logs a profile of what was loaded before anything is answered.
 */

import { randomInt } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { unlessAborted } from '@assay/encoding/abortable';
import { utf8 } from '@assay/encoding/bytes';
import { ServerError } from '../../../errors.ts';
import type { Model, ModelReply, ModelRequest, TokenLogprobs } from '../../../ports/model.ts';
import { checkEngineFiles } from './engine-files.ts';
import { EngineHandle } from './engine-handle.ts';
import type { WriteOrder, WrittenFacts } from './engine-messages.ts';
import { findEngine } from './engine-package.ts';
import { EngineStarts } from './engine-starts.ts';
import { type Profile, profileOf } from './profile.ts';
import { CONTEXT_TOKENS, memoryOf, PROFILE_BATCH_TOKENS } from './serving-profile.ts';

export interface EmbeddedModelOptions {
  readonly dataDir: string;
  readonly name: string;
  readonly file: string;
  /** Of the file; `null` takes any file that the operator names. Lower-case hex. */
  readonly sha256: string | null;
  readonly temperature: number;
  readonly maxTokens: number;
  /** For one reply, waiting included. Milliseconds. */
  readonly timeoutMs: number;
  /** Logs the profile of the loaded model. Prompts are answered only after it has returned. */
  readonly onLoaded: (profile: Profile) => Promise<void>;
}

/** A {@link Model} with a process behind it. */
export interface EmbeddedModel extends Model {
  /** Loads it ahead of the first prompt. Never throws: the first prompt meets the error. */
  warm(): void;
  close(): void;
}

interface Running {
  readonly handle: EngineHandle;
  readonly profile: Profile;
}

/**
 * The model in `file`. `complete` rejects with {@link ServerError}: `model/not-fetched`, `model/wrong-digest`, `model/unloadable`,
 * `model/engine-failed`, `model/prompt-too-long`, `model/timeout`, `server/busy`, or `task/cancelled`.
 */
export function createEmbeddedModel(options: EmbeddedModelOptions): EmbeddedModel {
  const { name } = options;
  const starts = new EngineStarts((signal) => start(options, signal));
  return {
    provider: 'embedded',
    model: name,
    complete: (request) => complete(options, () => starts.current(), request),
    probe: () => probe(options),
    warm: () => void starts.current().catch(() => undefined),
    close: () => starts.close(),
  };
}

async function start({ dataDir, name, file, sha256, onLoaded }: EmbeddedModelOptions, signal: AbortSignal): Promise<Running> {
  const engine = await findEngine(dataDir);
  const found = await stat(file).catch(() => null);
  if (engine === null || found === null)
    throw new ServerError(
      'model/not-fetched',
      `${found === null ? file : 'the engine'} is not there; fetch it with assay model fetch ${name}`,
    );
  await checkEngineFiles(engine.directory);
  const handle = await EngineHandle.start({
    engine: engine.directory,
    file,
    contextTokens: CONTEXT_TOKENS,
    batchTokens: PROFILE_BATCH_TOKENS,
    memoryBytes: memoryOf(found.size),
    signal,
  });
  try {
    const { facts: loaded } = handle;
    if (sha256 !== null && loaded.sha256 !== sha256) {
      const message = `expected ${file} with SHA-256 ${sha256}, got ${loaded.sha256}; remove it with assay model rm ${name}, and fetch it again`;
      throw new ServerError('model/wrong-digest', message);
    }
    const profile = await profileOf({ name, file: basename(file), loaded, engine, batchTokens: PROFILE_BATCH_TOKENS });
    await onLoaded(profile);
    return { handle, profile };
  } catch (error) {
    handle.close();
    throw error;
  }
}

async function complete(
  { name, temperature, maxTokens, timeoutMs }: EmbeddedModelOptions,
  current: () => Promise<Running>,
  request: ModelRequest,
): Promise<ModelReply> {
  const begun = performance.now();
  let loadedAt = begun;
  let deadline: AbortSignal | null = null;
  const order = {
    messages: request.messages,
    temperature: request.temperature ?? temperature,
    maxTokens: request.maxTokens ?? maxTokens,
    seed: randomInt(2 ** 31),
    block: request.block,
  };
  let text = '';
  const say = (piece: string): void => {
    text += piece;
    request.onText?.(piece);
  };
  try {
    // Loading has a bound of its own; the seconds of an answer begin behind it.
    const { handle, profile } = await unlessAborted(current(), request.signal);
    loadedAt = performance.now();
    deadline = AbortSignal.timeout(timeoutMs);
    const signal = request.signal === undefined ? deadline : AbortSignal.any([deadline, request.signal]);
    if (order.block !== undefined) say(order.block.opening);
    const { finish, promptTokens, completionTokens, logprobs } =
      request.topLogprobs === undefined
        ? { ...(await handle.write(order, { signal, onText: say })), logprobs: undefined }
        : await measured(handle, { ...order, top: request.topLogprobs }, { signal, onText: say });
    if (order.block !== undefined && finish === 'stop') say(order.block.closing);
    const usage = { promptTokens, completionTokens, totalTokens: promptTokens + completionTokens };
    const asked = {
      model: name,
      messages: order.messages,
      temperature: order.temperature,
      max_tokens: order.maxTokens,
      seed: order.seed,
      block: order.block,
    };
    const choice = { index: 0, message: { role: 'assistant', content: text }, finish_reason: finish };
    const counted = { prompt_tokens: promptTokens, completion_tokens: completionTokens, total_tokens: usage.totalTokens };
    return {
      text,
      reasoning: '',
      toolCalls: [],
      model: name,
      finish: finish === 'stop' ? 'stop' : 'length',
      finishReason: finish,
      usage,
      logprobs,
      requestBytes: utf8(JSON.stringify(asked)),
      responseBytes: utf8(JSON.stringify({ model: name, choices: [choice], usage: counted })),
      provenance: { kind: 'embedded', model: name, sha256: profile.modelSha256, profile: profile.sha256 },
      profile: profile.bytes,
    };
  } catch (cause) {
    if (request.signal?.aborted)
      throw new ServerError('task/cancelled', 'the task was cancelled while the model was writing', { cause });
    if (deadline?.aborted) {
      const loading = Math.round((loadedAt - begun) / 1000);
      const apart = loading === 0 ? '' : `, not counting ${loading} s in which it was loaded`;
      const message = `the model did not finish its answer within ${timeoutMs / 1000} s${apart}; raise ASSAY_MODEL_SECONDS or take a faster model`;
      throw new ServerError('model/timeout', message, { cause });
    }
    throw cause;
  }
}

/** A reply with the log probabilities of its tokens. */
async function measured(
  handle: EngineHandle,
  { messages, maxTokens, temperature, seed, top }: WriteOrder & { readonly top: number },
  { signal, onText }: { readonly signal: AbortSignal; readonly onText: (text: string) => void },
): Promise<WrittenFacts & { readonly logprobs: readonly TokenLogprobs[] }> {
  const prompt = { kind: 'chat', messages } as const;
  const order = { prompt, follow: null, wanted: null, maxTokens, temperature, seed, top };
  const { promptTokens, positions, finish } = await handle.measure(order, signal);
  onText(positions.map(({ token }) => token).join(''));
  const logprobs = positions.map((position) => ({
    token: position.token,
    logprob: position.logprob,
    top: position.top,
    logits: position.logits,
  }));
  return { finish, promptTokens, completionTokens: positions.length, logprobs };
}

async function probe({ dataDir, name, file }: EmbeddedModelOptions): Promise<{ reachable: boolean; detail: string }> {
  const [engine, found] = await Promise.all([findEngine(dataDir).catch(() => null), stat(file).catch(() => null)]);
  if (engine === null || found === null)
    return {
      reachable: false,
      detail: `${found === null ? file : 'the engine'} is not there; fetch it with assay model fetch ${name}`,
    };
  return { reachable: true, detail: `${name} on this machine` };
}
