/**
 * A {@link Model} as upstream, for models that have no OpenAI endpoint of their own: one that runs on this machine, or recorded demos.
 * The answer is written in OpenAI's shape here, inside the workload, word by word as the model says it. Its `system_fingerprint` says
 * where it comes from; the receipt has the profile of a model that ran here, and says of a recorded answer that it is one.
 */

import { randomUUID } from 'node:crypto';
import { utf8 } from '@assay/encoding/bytes';
import { parseJson } from '@assay/encoding/json';
import { digestBytes } from '@assay/receipt';
import { ServerError } from '../../errors.ts';
import type { ChatMessage, Model, ModelReply, ModelRequest, TokenLogprobs } from '../../ports/model.ts';
import type { Upstream, UpstreamAnswer, UpstreamProof, UpstreamRequest } from '../../ports/upstream.ts';
import { TextQueue } from './text-queue.ts';

export function createModelUpstream(model: Model, now: () => number): Upstream {
  return {
    get name() {
      return model.provider;
    },
    get defaultModel() {
      return model.model;
    },
    attestable: false,
    standing: () => Promise.resolve({ result: 'failed', reason: `${model.provider} offers no attestation` }),
    forward: (request) => answer(model, request, now),
    sessions: () => [],
    models: () => Promise.resolve([model.model]),
  };
}

interface ChatRequest {
  readonly messages?: readonly unknown[];
  readonly stream?: unknown;
  readonly temperature?: unknown;
  readonly max_tokens?: unknown;
  readonly max_completion_tokens?: unknown;
  readonly logprobs?: unknown;
  readonly top_logprobs?: unknown;
}

async function answer(model: Model, { path, body, signal }: UpstreamRequest, now: () => number): Promise<UpstreamAnswer> {
  if (path !== '/v1/chat/completions')
    throw new ServerError('http/not-found', `${model.provider} answers chat completions only; use /v1/chat/completions`);
  const request = parseJson(body) as ChatRequest;
  const words = new TextQueue();
  const asked: ModelRequest = {
    messages: (request.messages ?? []).map(readMessage),
    ...numberIn('temperature', request.temperature),
    ...numberIn('maxTokens', request.max_completion_tokens ?? request.max_tokens),
    ...(request.logprobs === true && request.stream !== true ? { topLogprobs: topOf(request.top_logprobs) } : {}),
    signal,
    onText: (text) => words.push(text),
  };
  const reply = model.complete(asked).finally(() => words.end());
  const head = { id: `chatcmpl-${randomUUID()}`, created: Math.floor(now() / 1000), model: model.model };
  const finish = async (): Promise<UpstreamProof | null> => eventOf(model, await reply);
  if (request.stream !== true) {
    const bytes = whole(head, await reply);
    return { status: 200, contentType: 'application/json', body: once(bytes), finish };
  }
  // An error before the first word is an answer with its own status.
  reply.catch(() => undefined);
  await Promise.race([words.first, reply]);
  return { status: 200, contentType: 'text/event-stream', body: streamed(head, words, reply), finish };
}

/** OpenAI's bound. */
const MOST_TOP = 20;

function topOf(value: unknown): number {
  return typeof value === 'number' && value >= 0 ? Math.min(MOST_TOP, Math.floor(value)) : 0;
}

function numberIn<Name extends string>(name: Name, value: unknown): { readonly [Key in Name]?: number } {
  return (typeof value === 'number' ? { [name]: value } : {}) as { readonly [Key in Name]?: number };
}

/** What the receipt says of a model that ran here, and of a recorded answer, for which none ran. */
function eventOf(
  { provider }: Model,
  { model, provenance, profile, finishReason, usage, requestBytes, responseBytes }: ModelReply,
): UpstreamProof | null {
  const called = { type: 'model.called', provider, model };
  const hashes = { request_hash: digestBytes(requestBytes), response_hash: digestBytes(responseBytes) };
  if (provenance.kind === 'recorded') {
    const of = { provenance: 'recorded', transcript_hash: `sha256:${provenance.sha256}` };
    return { event: { ...called, ...of, ...hashes, finish_reason: finishReason }, payload: null };
  }
  if (provenance.kind !== 'embedded' || profile === undefined) return null;
  return {
    event: {
      ...called,
      provenance: 'embedded',
      model_hash: `sha256:${provenance.sha256}`,
      profile_hash: `sha256:${provenance.profile}`,
      ...hashes,
      finish_reason: finishReason,
      prompt_tokens: usage.promptTokens,
      completion_tokens: usage.completionTokens,
      total_tokens: usage.totalTokens,
    },
    payload: { name: 'model-profile.json', mediaType: 'application/json', bytes: profile },
  };
}

function readMessage(value: unknown): ChatMessage {
  const { role, content } = (typeof value === 'object' && value !== null ? value : {}) as {
    readonly role?: unknown;
    readonly content?: unknown;
  };
  const text = Array.isArray(content)
    ? content.map((part: unknown) => String((part as { readonly text?: unknown } | null)?.text ?? '')).join('')
    : String(content ?? '');
  const known = role === 'system' || role === 'developer' ? 'system' : role === 'assistant' || role === 'tool' ? role : 'user';
  return { role: known, content: text };
}

type Head = Readonly<Record<string, unknown>>;

function usageOf({ usage }: ModelReply) {
  return {
    prompt_tokens: usage.promptTokens ?? 0,
    completion_tokens: usage.completionTokens ?? 0,
    total_tokens: usage.totalTokens ?? 0,
  };
}

function whole(head: Head, reply: ModelReply): Uint8Array {
  const choices = [
    {
      index: 0,
      message: { role: 'assistant', content: reply.text },
      finish_reason: reply.finishReason ?? 'stop',
      ...(reply.logprobs === undefined ? {} : { logprobs: { content: reply.logprobs.map(shownPosition) } }),
    },
  ];
  const system_fingerprint = reply.provenance.kind;
  return utf8(JSON.stringify({ ...head, system_fingerprint, object: 'chat.completion', choices, usage: usageOf(reply) }));
}

function shownPosition({ token, logprob, top, logits }: TokenLogprobs): object {
  const shown = (text: string, log: number): object => ({ token: text, logprob: log, bytes: bytesOf(text) });
  return { ...shown(token, logprob), logits_sha256: logits, top_logprobs: top.map(([text, log]) => shown(text, log)) };
}

/** `null` for a token that is no whole text. */
function bytesOf(text: string): readonly number[] | null {
  return text.includes('\ufffd') ? null : [...utf8(text)];
}

async function* streamed(head: Head, words: TextQueue, reply: Promise<ModelReply>): AsyncGenerator<Uint8Array> {
  const event = (delta: Readonly<Record<string, string>>, finish: string | null, more: Head = {}): Uint8Array =>
    utf8(
      `data: ${JSON.stringify({ ...head, ...more, object: 'chat.completion.chunk', choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`,
    );
  yield event({ role: 'assistant', content: '' }, null);
  for await (const content of words.texts()) yield event({ content }, null);
  const ended = await reply;
  yield event({}, ended.finishReason ?? 'stop', { system_fingerprint: ended.provenance.kind, usage: usageOf(ended) });
  yield utf8('data: [DONE]\n\n');
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
