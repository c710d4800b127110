/**
 * A model behind OpenAI's chat protocol: Ollama, OpenAI, OpenRouter, Anthropic, Gemini, RedPill, llama.cpp, vLLM and others.
 * Asks for a stream, accepts every form of answer, asks again when that can help, and keeps the exact bytes of both directions of
 * the exchange that counted for the receipt.
 *
 * Who is at the other end is checked by the upstream that is handed in, before each prompt and after each answer. Without one it is
 * not checked, and answers are `unverified` in receipts.
 */

import { utf8 } from '@assay/encoding/bytes';
import { ServerError } from '../../errors.ts';
import type { Model, ModelReply, ModelRequest } from '../../ports/model.ts';
import type { Upstream } from '../../ports/upstream.ts';
import { ChatReplyBuilder } from './chat-reply.ts';
import { type Endpoint, MAX_REPLY_BYTES, readBody, type Sent, send } from './exchange.ts';
import { finishOf } from './finish.ts';
import { listedModels } from './listed-models.ts';
import { cutShort, ModelFault, refusedByStatus, reportedInReply } from './model-fault.ts';
import { type Pacing, pauseBefore, retryAfterMs, systemPacing } from './patience.ts';
import { providerWords } from './provider-words.ts';
import { type JsonDocument, ReplyDocuments, type ReplyPart } from './reply-documents.ts';
import { adaptTo, firstDialect, type MaxTokensName, type RequestDialect, requestBody } from './request-dialect.ts';

export interface OpenAiCompatibleOptions {
  readonly provider: string;
  /** Base URL without a trailing slash. */
  readonly base: string;
  readonly apiKey: string | null;
  readonly model: string;
  readonly temperature: number;
  readonly maxTokens: number;
  readonly maxTokensName: MaxTokensName;
  /** Milliseconds for one whole completion, retries included. */
  readonly timeoutMs: number;
  /** First pause before a retry, milliseconds, doubled each time. Default 500. */
  readonly pauseMs?: number;
  /** Everything goes through this upstream when there is one; without its verification no prompt leaves. */
  readonly attested?: Upstream;
  readonly pacing?: Pacing;
}

const MAX_ERROR_BYTES = 64 * 1024;
/** Each refusal takes one thing away, and there are few. */
const MAX_ADAPTATIONS = 6;

/** What one endpoint has taught: by model, the dialect it understands. */
type Dialects = Map<string, RequestDialect>;

/** One call of `complete`. */
interface Call {
  readonly options: OpenAiCompatibleOptions;
  readonly endpoint: Endpoint;
  readonly request: ModelRequest;
  readonly dialects: Dialects;
  readonly pacing: Pacing;
  readonly signal: AbortSignal;
  /** Epoch milliseconds. */
  readonly endsAt: number;
}

/**
 * A {@link Model} at an OpenAI-compatible endpoint.
 *
 * `complete` rejects with {@link ServerError}: `model/unreachable`, `model/timeout`, `model/rate-limited` (with
 * `details.retryAfterSeconds`), `model/unauthorized`, `model/refused`, `model/bad-reply`, `model/too-large`, or `task/cancelled`.
 */
export function createOpenAiCompatible(options: OpenAiCompatibleOptions): Model {
  const dialects: Dialects = new Map();
  return {
    provider: options.provider,
    model: options.model,
    complete: (request) => complete(options, dialects, request),
    probe: () => probe(options),
  };
}

async function complete(options: OpenAiCompatibleOptions, dialects: Dialects, request: ModelRequest): Promise<ModelReply> {
  const { pacing = systemPacing, timeoutMs } = options;
  const endpoint = { ...options, model: request.model ?? options.model };
  const deadline = new AbortController();
  const ended = new AbortController();
  pacing.sleep(timeoutMs, ended.signal).then(
    () => deadline.abort(),
    () => undefined, // ended before
  );
  const signal = request.signal === undefined ? deadline.signal : AbortSignal.any([deadline.signal, request.signal]);
  try {
    return await withRetries({ options, endpoint, request, dialects, pacing, signal, endsAt: pacing.now() + timeoutMs });
  } catch (cause) {
    if (request.signal?.aborted)
      throw new ServerError('task/cancelled', 'the task was cancelled while the model was writing', { cause });
    if (deadline.signal.aborted) {
      throw new ServerError(
        'model/timeout',
        `the model did not finish within ${timeoutMs / 1000} s; raise ASSAY_MODEL_SECONDS or take a faster model`,
        { cause },
      );
    }
    throw cause instanceof ModelFault ? cause.report() : cause;
  } finally {
    ended.abort();
  }
}

async function withRetries(call: Call): Promise<ModelReply> {
  const { endpoint, options, request, dialects, pacing, signal } = call;
  let learned = dialects.get(endpoint.model) ?? firstDialect(options.maxTokensName);
  let dialect = learned;
  let adaptations = 0;
  let said = false;
  const failures = new Map<ModelFault['kind'], number>();
  const onText = (text: string): void => {
    said = true;
    request.onText?.(text);
  };
  for (;;) {
    try {
      const reply = await attempt(call, dialect, onText);
      dialects.set(endpoint.model, learned);
      return reply;
    } catch (fault) {
      if (!(fault instanceof ModelFault) || signal.aborted) throw fault;
      const adaptation = adaptations < MAX_ADAPTATIONS ? adaptTo(fault, dialect) : null;
      if (adaptation === null) {
        const count = (failures.get(fault.kind) ?? 0) + 1;
        failures.set(fault.kind, count);
        const times = { attempt: count, pauseMs: options.pauseMs ?? 500, remainingMs: call.endsAt - pacing.now() };
        const pause = pauseBefore(fault, times);
        if (pause === null) throw fault;
        await pacing.sleep(pause, signal);
      } else {
        adaptations += 1;
        dialect = { ...dialect, ...adaptation.change };
        if (adaptation.lasting) learned = { ...learned, ...adaptation.change };
      }
      if (said) request.onRestart?.();
      said = false;
    }
  }
}

async function attempt(call: Call, dialect: RequestDialect, onText: (text: string) => void): Promise<ModelReply> {
  const { endpoint, options, request, signal } = call;
  const facts = {
    model: endpoint.model,
    messages: request.messages,
    temperature: request.temperature ?? options.temperature,
    maxTokens: request.maxTokens ?? options.maxTokens,
  };
  const requestBytes = utf8(JSON.stringify(requestBody(facts, dialect)));
  const sent = await send(endpoint, requestBytes, signal);
  if (!sent.response.ok) throw await refusal(call, sent.response);
  const reply = { ...(await readReply(call, sent, onText)), requestBytes };
  return sent.prove === null ? reply : { ...reply, ...(await sent.prove(reply)) };
}

/** The fault in an answer whose status says that it is none. */
async function refusal({ endpoint, pacing, signal }: Call, response: Response): Promise<ModelFault> {
  let length = 0;
  const enough = (piece: Uint8Array): boolean => {
    length += piece.length;
    return length >= MAX_ERROR_BYTES;
  };
  const body = await readBody(response, { most: MAX_REPLY_BYTES, signal, onPiece: enough }).catch(() => new Uint8Array(0));
  const said = providerWords(new TextDecoder().decode(body.subarray(0, MAX_ERROR_BYTES)), endpoint.apiKey);
  const waitMs = retryAfterMs(response.headers, pacing.now()) ?? said.waitMs;
  return refusedByStatus(endpoint, { status: response.status, said, waitMs });
}

async function readReply(
  { endpoint, pacing, signal }: Call,
  { response, prove }: Sent,
  onText: (text: string) => void,
): Promise<Omit<ModelReply, 'requestBytes'>> {
  const documents = new ReplyDocuments();
  const builder = new ChatReplyBuilder(onText);
  let ended = false;
  const take = (parts: readonly ReplyPart[]): boolean => {
    for (const part of parts) {
      if (ended) break;
      if (part.kind === 'error') throw reportedInReply(endpoint, providerWords(part.text, endpoint.apiKey), null);
      if (part.kind === 'end') ended = true;
      else takeDocument(endpoint, builder, part.document);
    }
    return ended;
  };
  const onPiece = (piece: Uint8Array): boolean => take(documents.push(piece));
  const lingering = prove === null ? null : pacing;
  const responseBytes = await readBody(response, { most: MAX_REPLY_BYTES, signal, onPiece, lingering });
  if (!ended) take(documents.end());
  if (!ended && !builder.isWhole) throw documents.isDocument && !builder.sawMessage ? noMessage() : cutShort();
  return { ...finished(endpoint, builder), responseBytes };
}

/** Errors come in place of a reply and in the middle of one, beside the choices and within them. */
function takeDocument(endpoint: Endpoint, builder: ChatReplyBuilder, document: JsonDocument): void {
  const error = errorIn(document);
  if (error !== null) throw reportedInReply(endpoint, providerWords(JSON.stringify(error), endpoint.apiKey), null);
  builder.take(document);
}

function errorIn(document: JsonDocument): unknown {
  if (document.error !== undefined && document.error !== null) return document;
  if (document.type === 'error' || document.object === 'error') return document;
  const choices: readonly unknown[] = Array.isArray(document.choices) ? document.choices : [];
  const failed = choices.find((choice) => typeof choice === 'object' && choice !== null && 'error' in choice && choice.error);
  if (failed !== undefined) return failed;
  const isReply = choices.length > 0 || 'choices' in document || 'done' in document || typeof document.message === 'object';
  return !isReply && ('detail' in document || typeof document.message === 'string') ? document : null;
}

function finished(endpoint: Endpoint, builder: ChatReplyBuilder): Omit<ModelReply, 'requestBytes' | 'responseBytes'> {
  const { refused, ...reply } = builder.reply();
  const finish = finishOf(reply.finishReason);
  if (finish === 'filtered')
    throw new ServerError('model/refused', 'the provider filtered the answer; reword the task or take another model');
  if (finish === 'error') throw reportedInReply(endpoint, null, reply.finishReason);
  return {
    ...reply,
    model: reply.model ?? endpoint.model,
    finish: refused && finish === 'stop' ? 'refused' : finish,
    provenance: { kind: 'unverified', provider: endpoint.provider, url: endpoint.base },
  };
}

function noMessage(): ServerError {
  return new ServerError(
    'model/bad-reply',
    'the endpoint answered without choices[0].message; check that AI_API_BASE is an OpenAI-compatible base URL',
  );
}

async function probe(options: OpenAiCompatibleOptions): Promise<{ reachable: boolean; detail: string }> {
  const { base, model } = options;
  const listed = await listedModels(options);
  switch (listed.kind) {
    case 'unreachable':
      return { reachable: false, detail: `no answer from ${base}` };
    case 'unauthorized':
      return { reachable: false, detail: `${base} refuses the API key` };
    case 'unlisted':
      return { reachable: true, detail: `${model} at ${base}` };
    case 'listed': {
      const { names } = listed;
      if (names.includes(model)) return { reachable: true, detail: `${model} at ${base}` };
      const instead = names.slice(0, 8).join(', ') || 'no models';
      return { reachable: true, detail: `${base} answers but does not list ${model}; it has ${instead}` };
    }
  }
}
