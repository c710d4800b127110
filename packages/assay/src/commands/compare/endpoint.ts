/**
 * Parties of a comparison that answer over OpenAI's protocol: an ordinary endpoint, an agent that was verified first, or a file in an engine
 * here, which answers in the same form. A failure is a failure, never an answer.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import type { MeasuredPrompt, ReferenceEngine } from '@assay/agent';
import { readAtMost } from '@assay/encoding/bounded-reader';
import { isCoded } from '@assay/encoding/coded-error';
import type { ChatEndpoint } from '@assay/models';
import type { Agent } from '../../index.ts';

/** An answer of status 200 with its exact body, or why there is none. */
export type Asked =
  | { readonly body: string; readonly receiptId: string | null }
  | { readonly failure: string; readonly status: number | null };

export interface Endpoint {
  readonly url: string;
  /** The agent behind it, verified; `null` for others. */
  readonly agent: Agent | null;
  /** Rejects with the reason of its signal, which is no failure of the party. */
  ask(endpoint: ChatEndpoint, body: string): Promise<Asked>;
  /** Names of models, as far as the endpoint lists them. */
  models(): Promise<readonly string[]>;
}

export interface EndpointOptions {
  /** With `/v1` or without. */
  readonly url: URL;
  readonly fetch: typeof globalThis.fetch;
  readonly apiKey: string | null;
  readonly agent: Agent | null;
  readonly signal: AbortSignal;
  /** First pause before a request is sent again, milliseconds; doubled each time. Default 500. */
  readonly pauseMs?: number | undefined;
}

const TIMEOUT_MS = 180_000;
const MAX_BODY = 4 * 1024 * 1024;
const MOST_TRIES = 4;
/** A server that asks for a longer pause than this is not waited for, seconds. */
const LONGEST_PAUSE = 20;
const PATHS = { completions: 'completions', chat: 'chat/completions' } as const;

/** @example const endpoint = openEndpoint({ url, fetch, apiKey: null, agent: null, signal }); */
export function openEndpoint(options: EndpointOptions): Endpoint {
  const { url, agent } = options;
  const base = new URL(url);
  if (!/\/v\d+\/?$/.test(base.pathname)) base.pathname = `${base.pathname.replace(/\/$/, '')}/v1`;
  if (!base.pathname.endsWith('/')) base.pathname += '/';
  const send = async (path: string, body: string | null): Promise<Asked> => {
    let failed: Asked = { failure: 'unreachable', status: null };
    for (let attempt = 0; attempt < MOST_TRIES; attempt += 1) {
      const { asked, pause } = await once(new URL(path, base), body, options);
      if (!('failure' in asked)) return asked;
      failed = asked;
      if (pause === null || attempt + 1 === MOST_TRIES) break;
      const { pauseMs = 500, signal } = options;
      await sleep(pause > 0 ? pause * 1000 : pauseMs * 2 ** attempt, undefined, { signal }).catch(() =>
        signal.throwIfAborted(),
      );
    }
    return failed;
  };
  return {
    url: url.href,
    agent,
    ask: (endpoint, body) => send(PATHS[endpoint], body),
    models: async () => {
      const asked = await send('models', null);
      return 'failure' in asked ? [] : namesIn(asked.body);
    },
  };
}

/** `pause`: seconds until it is worth another try, 0 for our own choice, `null` for never. */
async function once(
  url: URL,
  body: string | null,
  { fetch, apiKey, agent, signal }: EndpointOptions,
): Promise<{ readonly asked: Asked; readonly pause: number | null }> {
  const headers: Record<string, string> = { 'content-type': 'application/json' };
  if (apiKey !== null && agent === null) headers.authorization = `Bearer ${apiKey}`;
  const limit = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
  const request = body === null ? { headers, signal: limit } : { method: 'POST', headers, body, signal: limit };
  let answer: Response;
  try {
    answer = await (agent === null
      ? fetch(url, { ...request, redirect: 'error' })
      : agent.fetch(url, { ...request, redirect: 'error' }));
    const { status } = answer;
    const bytes = await readAtMost(answer.body, { most: MAX_BODY, what: url.origin, refuse: () => new TooLarge() });
    if (status === 200)
      return { asked: { body: new TextDecoder().decode(bytes), receiptId: answer.headers.get('x-receipt-id') }, pause: null };
    const asked = Number(answer.headers.get('retry-after') ?? '0');
    const pause = Number.isFinite(asked) && asked >= 0 ? asked : 0;
    const isPassing = status === 408 || status === 429 || status >= 500;
    return { asked: { failure: `http-${status}`, status }, pause: isPassing && pause <= LONGEST_PAUSE ? pause : null };
  } catch (error) {
    if (error instanceof TooLarge) return { asked: { failure: 'answer-too-large', status: null }, pause: null };
    // An agent whose receipt does not cover its answer is no outage.
    if (isCoded(error) && error.kind !== 'unavailable') throw error;
    signal.throwIfAborted();
    return { asked: { failure: limit.aborted ? 'timeout' : 'unreachable', status: null }, pause: 0 };
  }
}

class TooLarge extends Error {}

function namesIn(body: string): readonly string[] {
  try {
    const { data } = JSON.parse(body) as { readonly data?: readonly { readonly id?: unknown }[] };
    return (data ?? []).map(({ id }) => id).filter((id) => typeof id === 'string');
  } catch {
    return [];
  }
}

interface LocalRequest {
  readonly prompt?: string;
  readonly messages?: readonly { readonly role: 'user'; readonly content: string }[];
  readonly max_tokens: number;
  readonly temperature: number;
  readonly seed?: number;
  readonly logprobs?: number | boolean;
  readonly top_logprobs?: number;
}

/** A file that answers as an endpoint would. */
export function localEndpoint(name: string, engine: ReferenceEngine, signal: AbortSignal): Endpoint {
  return {
    url: name,
    agent: null,
    models: () => Promise.resolve([name]),
    ask: async (_, body) => {
      const request = JSON.parse(body) as LocalRequest;
      const { messages, prompt = '', logprobs, top_logprobs: top = 0 } = request;
      const asked: MeasuredPrompt = messages === undefined ? { kind: 'text', text: prompt } : { kind: 'chat', messages };
      const { promptTokens, positions, finish } = await engine.measure(
        {
          ...{ prompt: asked, follow: null, wanted: null, maxTokens: request.max_tokens, temperature: request.temperature },
          ...{ seed: request.seed ?? 0, top: typeof logprobs === 'number' ? logprobs : top },
        },
        signal,
      );
      const text = positions.map(({ token }) => token).join('');
      const content = positions.map((position) => ({
        ...{ token: position.token, logprob: position.logprob, logits_sha256: position.logits },
        top_logprobs: position.top.map(([token, logprob]) => ({ token, logprob })),
      }));
      const usage = { prompt_tokens: promptTokens, completion_tokens: positions.length };
      const shown = { index: 0, finish_reason: finish, ...(logprobs === undefined ? {} : { logprobs: { content } }) };
      const choice = messages === undefined ? { ...shown, text } : { ...shown, message: { role: 'assistant', content: text } };
      return { body: JSON.stringify({ choices: [choice], usage }), receiptId: null };
    },
  };
}
