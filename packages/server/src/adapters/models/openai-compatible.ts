/**
 * A model behind OpenAI's chat protocol: Ollama, OpenAI, OpenRouter, Anthropic, Gemini, RedPill, llama.cpp, vLLM and others.
 * Asks for a stream, accepts a whole reply as well, and keeps the exact bytes of both directions for the receipt.
 *
 * Who is at the other end is checked by the upstream that is handed in, before each prompt and after each answer. Without one nobody
 * checks it, and answers are `unverified` in receipts.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { toReadableStream } from '@assay/channel';
import { ServerError } from '../../errors.ts';
import type { Model, ModelReply, ModelRequest } from '../../ports/model.ts';
import type { Upstream } from '../../ports/upstream.ts';
import { type ChatReply, errorText, MAX_REPLY_BYTES, parseWholeReply, StreamedReply } from './chat-protocol.ts';
import { finishOf } from './finish.ts';

export interface OpenAiCompatibleOptions {
  readonly provider: string;
  /** Base URL without a trailing slash. */
  readonly base: string;
  readonly apiKey: string | null;
  readonly model: string;
  readonly temperature: number;
  readonly maxTokens: number;
  readonly maxTokensName: 'max_tokens' | 'max_completion_tokens';
  /** Milliseconds for one whole completion, retries included. */
  readonly timeoutMs: number;
  /** How often to try again after 429 and 5xx. Default 2. */
  readonly retries?: number;
  /** First pause before a retry, milliseconds, doubled each time. Default 500. */
  readonly pauseMs?: number;
  /** Everything goes through this upstream when there is one; without its verification no prompt leaves. */
  readonly attested?: Upstream;
}

const RETRYABLE = new Set([408, 409, 425, 429, 500, 502, 503, 504]);
/** A `Retry-After` beyond this is reported instead of waited for. Milliseconds. */
const LONGEST_PAUSE_MS = 20_000;
const PROBE_TIMEOUT_MS = 1500;

/**
 * A {@link Model} at an OpenAI-compatible endpoint.
 *
 * `complete` rejects with {@link ServerError}: `model/unreachable`, `model/timeout`, `model/rate-limited` (with
 * `details.retryAfterSeconds`), `model/unauthorized`, `model/refused`, `model/bad-reply`, `model/too-large`, or `task/cancelled`.
 */
export function createOpenAiCompatible(options: OpenAiCompatibleOptions): Model {
  return {
    provider: options.provider,
    model: options.model,
    complete: (request) => complete(options, request),
    probe: () => probe(options),
  };
}

async function complete(options: OpenAiCompatibleOptions, request: ModelRequest): Promise<ModelReply> {
  const deadline = AbortSignal.timeout(options.timeoutMs);
  const signal = request.signal === undefined ? deadline : AbortSignal.any([deadline, request.signal]);
  try {
    return await completeWithRetries(options, request, signal);
  } catch (cause) {
    if (request.signal?.aborted)
      throw new ServerError('task/cancelled', 'the task was cancelled while the model was writing', { cause });
    if (deadline.aborted) {
      throw new ServerError(
        'model/timeout',
        `the model did not finish within ${options.timeoutMs / 1000} s; raise ASSAY_MODEL_SECONDS or take a faster model`,
        { cause },
      );
    }
    throw cause;
  }
}

async function completeWithRetries(
  options: OpenAiCompatibleOptions,
  request: ModelRequest,
  signal: AbortSignal,
): Promise<ModelReply> {
  const retries = options.retries ?? 2;
  let usageWanted = true;
  for (let attempt = 0; ; attempt += 1) {
    const requestBytes = new TextEncoder().encode(JSON.stringify(requestBody(options, request, usageWanted)));
    const { response, prove } = await send(options, request, requestBytes, signal);
    if (response.ok) {
      const reply = { ...(await readReply(response, options, request)), requestBytes };
      return prove === null ? reply : { ...reply, ...(await prove(reply)) };
    }
    const words = errorText(new TextDecoder().decode(await readBounded(response, 64 * 1024)), options.apiKey);
    if (response.status === 400 && usageWanted && /stream_options|include_usage/.test(words ?? '')) {
      usageWanted = false;
      continue;
    }
    const pause = retryAfterMs(response) ?? (options.pauseMs ?? 500) * 2 ** attempt * (1 + Math.random() / 4);
    if (!RETRYABLE.has(response.status) || attempt >= retries || pause > LONGEST_PAUSE_MS) {
      throw statusError(options, response, words);
    }
    await sleep(pause, undefined, { signal });
  }
}

function requestBody(
  options: OpenAiCompatibleOptions,
  request: ModelRequest,
  usageWanted: boolean,
): Readonly<Record<string, unknown>> {
  return {
    model: request.model ?? options.model,
    messages: request.messages.map(({ role, content }) => ({ role, content })),
    temperature: request.temperature ?? options.temperature,
    [options.maxTokensName]: request.maxTokens ?? options.maxTokens,
    stream: true,
    ...(usageWanted ? { stream_options: { include_usage: true } } : {}),
  };
}

interface Sent {
  readonly response: Response;
  /** What an attested upstream adds to a reply; `null` for the others. */
  readonly prove: ((reply: ModelReply) => Promise<Required<Pick<ModelReply, 'attested' | 'provenance'>>>) | null;
}

/** @throws {ServerError} `upstream/not-verified` before any byte of `body` leaves; `prove` throws `upstream/proof-invalid`. */
async function send(
  options: OpenAiCompatibleOptions,
  request: ModelRequest,
  body: Uint8Array,
  signal: AbortSignal,
): Promise<Sent> {
  const { attested: upstream, provider } = options;
  if (upstream === undefined) return { response: await post(options, body, signal), prove: null };
  const standing = await upstream.standing(request.model ?? options.model);
  if (standing.result === 'failed') {
    const message = `${provider} is not verified: ${standing.reason}; nothing was sent to it`;
    throw new ServerError('upstream/not-verified', message, { details: { reason: standing.reason } });
  }
  const { session } = standing;
  const answer = await upstream.forward({ path: '/v1/chat/completions', body, signal }, standing);
  const headers = { 'content-type': answer.contentType };
  return {
    response: new Response(toReadableStream(piecesOf(answer.body)), { status: answer.status, headers }),
    prove: async ({ requestBytes, responseBytes }) => {
      const proof = (await answer.finish?.({ sent: requestBytes, received: responseBytes })) ?? null;
      if (proof === null)
        throw new ServerError('upstream/proof-invalid', `${provider} gave no proof of its answer; do not use it`);
      const { sessionId, facts } = session;
      const provenance = { provider, url: options.base, session: sessionId, simulated: facts.simulated };
      return { attested: { session, proof }, provenance: { kind: 'attested', ...provenance } };
    },
  };
}

async function* piecesOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* body;
}

async function post(options: OpenAiCompatibleOptions, body: Uint8Array, signal: AbortSignal): Promise<Response> {
  try {
    return await fetch(`${options.base}/chat/completions`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'text/event-stream, application/json',
        ...(options.apiKey === null ? {} : { authorization: `Bearer ${options.apiKey}` }),
      },
      body: new Uint8Array(body),
      redirect: 'error', // a redirect could carry the key and the prompt elsewhere
      signal,
    });
  } catch (cause) {
    if (signal.aborted) throw cause;
    throw unreachable(options, cause);
  }
}

async function readReply(
  response: Response,
  options: OpenAiCompatibleOptions,
  request: ModelRequest,
): Promise<Omit<ModelReply, 'requestBytes'>> {
  const streamed = /^text\/event-stream\b/i.test(response.headers.get('content-type') ?? '');
  const stream = streamed ? new StreamedReply(request.onText ?? (() => undefined)) : null;
  const responseBytes = await readBounded(response, MAX_REPLY_BYTES, (chunk) => stream?.push(chunk));
  let reply: ChatReply;
  if (stream === null) {
    reply = parseWholeReply(responseBytes);
    if (reply.text !== '') request.onText?.(reply.text);
  } else {
    reply = stream.finish();
  }
  if (reply.finishReason === 'content_filter') {
    throw new ServerError('model/refused', 'the provider filtered the answer; reword the task or take another model');
  }
  return {
    text: reply.text,
    model: reply.model ?? request.model ?? options.model,
    reasoning: '',
    toolCalls: [],
    finish: finishOf(reply.finishReason),
    finishReason: reply.finishReason,
    usage: reply.usage,
    responseBytes,
    provenance: { kind: 'unverified', provider: options.provider, url: options.base },
  };
}

/** The body's bytes, at most `most` of them. Any failure of the transport becomes `model/bad-reply`. */
async function readBounded(
  response: Response,
  most: number,
  onChunk: (chunk: Uint8Array) => void = () => undefined,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of response.body ?? []) {
      size += chunk.length;
      if (size > most)
        throw new ServerError(
          'model/too-large',
          `the model's endpoint sent more than ${most} bytes; check what AI_API_BASE points to`,
        );
      chunks.push(chunk);
      onChunk(chunk);
    }
  } catch (cause) {
    if (ServerError.is(cause) || (cause as Error).name === 'AbortError' || (cause as Error).name === 'TimeoutError')
      throw cause;
    throw new ServerError(
      'model/bad-reply',
      'the connection to the model broke in the middle of its reply; try again, or check its log',
      { cause },
    );
  }
  return new Uint8Array(Buffer.concat(chunks));
}

function retryAfterMs(response: Response): number | null {
  const value = response.headers.get('retry-after')?.trim();
  if (value === undefined || value === '') return null;
  if (/^[0-9]+(\.[0-9]+)?$/.test(value)) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? null : Math.max(0, date - Date.now());
}

function statusError(options: OpenAiCompatibleOptions, response: Response, words: string | null): ServerError {
  const { status } = response;
  const details = { status, provider: options.provider };
  const said = words === null ? '' : ` and said: ${words}`;
  if (status === 401 || status === 403) {
    return new ServerError('model/unauthorized', `${options.provider} refused the API key (HTTP ${status}); check AI_API_KEY`, {
      details,
    });
  }
  if (status === 429) {
    const pause = retryAfterMs(response);
    const retryAfterSeconds = pause === null ? null : Math.ceil(pause / 1000);
    return new ServerError('model/rate-limited', `${options.provider} is limiting requests (HTTP 429); try again later`, {
      details: { ...details, retryAfterSeconds },
    });
  }
  if (status === 404) {
    return new ServerError(
      'model/bad-reply',
      `${options.provider} has no model ${JSON.stringify(options.model)} or no chat endpoint at ${options.base} (HTTP 404)${said}; check AI_MODEL and AI_API_BASE`,
      { details },
    );
  }
  if (status >= 500) {
    return new ServerError('model/unreachable', `${options.provider} answered HTTP ${status}${said}; try again later`, {
      details,
    });
  }
  return new ServerError(
    'model/bad-reply',
    `${options.provider} answered HTTP ${status}${said}; check AI_MODEL and the other AI_ settings`,
    { details },
  );
}

function unreachable(options: OpenAiCompatibleOptions, cause: unknown): ServerError {
  const start =
    options.provider === 'ollama' ? 'start it with "ollama serve" or set AI_API_BASE' : 'check AI_API_BASE and the network';
  return new ServerError('model/unreachable', `AI generator not available: no answer from ${options.base}; ${start}`, {
    cause,
  });
}

async function probe(options: OpenAiCompatibleOptions): Promise<{ reachable: boolean; detail: string }> {
  try {
    const response = await fetch(`${options.base}/models`, {
      headers: options.apiKey === null ? {} : { authorization: `Bearer ${options.apiKey}` },
      redirect: 'error',
      signal: AbortSignal.timeout(PROBE_TIMEOUT_MS),
    });
    if (response.status === 401 || response.status === 403) {
      await response.body?.cancel();
      return { reachable: false, detail: `${options.base} refuses the API key` };
    }
    const names = modelNames(new TextDecoder().decode(await readBounded(response, MAX_REPLY_BYTES)));
    if (names === null || names.includes(options.model))
      return { reachable: true, detail: `${options.model} at ${options.base}` };
    return {
      reachable: true,
      detail: `${options.base} answers but does not list ${options.model}; it has ${names.slice(0, 8).join(', ') || 'no models'}`,
    };
  } catch {
    return { reachable: false, detail: `no answer from ${options.base}` };
  }
}

function modelNames(text: string): readonly string[] | null {
  try {
    const body = JSON.parse(text) as { data?: unknown };
    if (!Array.isArray(body.data)) return null;
    return body.data.map((entry: unknown) => String((entry as { id?: unknown } | null)?.id ?? '')).filter((id) => id !== '');
  } catch {
    return null;
  }
}
