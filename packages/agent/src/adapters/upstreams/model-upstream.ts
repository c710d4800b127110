/**
 * A {@link Model} as upstream, for models that have no OpenAI endpoint of their own: recorded transcripts. The answer is written in
 * OpenAI's shape here, inside the workload; a recording is named as such in the answer's `system_fingerprint` and in the receipt.
 */

import { randomUUID } from 'node:crypto';
import { utf8 } from '@assay/encoding/bytes';
import { parseJson } from '@assay/encoding/json';
import { ServerError } from '../../errors.ts';
import type { ChatMessage, Model, ModelReply } from '../../ports/model.ts';
import type { Upstream, UpstreamAnswer, UpstreamRequest } from '../../ports/upstream.ts';

export function createModelUpstream(model: Model, now: () => number): Upstream {
  return {
    name: model.provider,
    defaultModel: model.model,
    attestable: false,
    standing: () => Promise.resolve({ result: 'failed', reason: `${model.provider} offers no attestation` }),
    forward: (request) => answer(model, request, now),
    sessions: () => [],
    models: () => Promise.resolve([model.model]),
  };
}

async function answer(model: Model, { path, body, signal }: UpstreamRequest, now: () => number): Promise<UpstreamAnswer> {
  if (path !== '/v1/chat/completions')
    throw new ServerError('http/not-found', `${model.provider} answers chat completions only; use /v1/chat/completions`);
  const request = parseJson(body) as { readonly messages?: readonly unknown[]; readonly stream?: boolean };
  const messages = (request.messages ?? []).map(readMessage);
  const reply = await model.complete({ messages, signal });
  const head = {
    id: `chatcmpl-${randomUUID()}`,
    created: Math.floor(now() / 1000),
    model: reply.model,
    system_fingerprint: reply.provenance.kind,
  };
  const bytes = request.stream === true ? streamed(head, reply) : whole(head, reply);
  return {
    status: 200,
    contentType: request.stream === true ? 'text/event-stream' : 'application/json',
    body: (async function* () {
      yield* bytes;
    })(),
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
  const known = role === 'system' || role === 'assistant' || role === 'tool' ? role : 'user';
  return { role: known, content: text };
}

type Head = Readonly<Record<string, unknown>>;

function whole(head: Head, { text, finishReason, usage }: ModelReply): readonly Uint8Array[] {
  const choices = [{ index: 0, message: { role: 'assistant', content: text }, finish_reason: finishReason ?? 'stop' }];
  const counted = {
    prompt_tokens: usage.promptTokens ?? 0,
    completion_tokens: usage.completionTokens ?? 0,
    total_tokens: usage.totalTokens ?? 0,
  };
  return [utf8(JSON.stringify({ ...head, object: 'chat.completion', choices, usage: counted }))];
}

function streamed(head: Head, { text, finishReason }: ModelReply): readonly Uint8Array[] {
  const event = (delta: Readonly<Record<string, string>>, finish: string | null): Uint8Array =>
    utf8(
      `data: ${JSON.stringify({ ...head, object: 'chat.completion.chunk', choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`,
    );
  const words = text.match(/\S+\s*|\s+/g) ?? [];
  return [
    event({ role: 'assistant', content: '' }, null),
    ...words.map((content) => event({ content }, null)),
    event({}, finishReason ?? 'stop'),
    utf8('data: [DONE]\n\n'),
  ];
}
