/** Answers of OpenAI-compatible endpoints, `/completions` and `/chat/completions`, with log probabilities in either of their shapes. */

import { isCoded } from '@assay/encoding/coded-error';
import { isJsonObject, type Json, type JsonObject, parseJson } from '@assay/encoding/json';
import { ModelError } from '../errors.ts';

export type ChatEndpoint = 'completions' | 'chat';

export interface AnswerPosition {
  /** Text of the token; what is no UTF-8 in it reads U+FFFD. */
  readonly token: string;
  readonly logprob: number;
  /** Token and natural log probability, as the endpoint ordered them. */
  readonly top: readonly (readonly [string, number])[];
  /** Hex SHA-256 of all logits, from an agent with an embedded engine. */
  readonly logits: string | null;
}

export interface ModelAnswer {
  readonly text: string;
  /** `null` when the endpoint gave no log probabilities. */
  readonly positions: readonly AnswerPosition[] | null;
  /** Why the answer ended (`finish_reason`), in the endpoint's word; `null` without one. */
  readonly finish: string | null;
  /** As the endpoint reports them; `null` when it does not. */
  readonly promptTokens: number | null;
  readonly completionTokens: number | null;
  readonly provider: string | null;
  readonly fingerprint: string | null;
}

export interface ChallengeRequest {
  readonly endpoint: ChatEndpoint;
  readonly model: string;
  readonly text: string;
  readonly maxTokens: number;
  /** Likeliest tokens asked for at each position; 0: no log probabilities. */
  readonly top: number;
  readonly temperature: 0 | 1;
  /** Sampling seed for temperature 1. */
  readonly seed: number | null;
}

const MAX_DEPTH = 32;
const MAX_POSITIONS = 4096;

/** The body that asks one challenge. @example challengeBody({ endpoint: 'chat', model: 'm', text, maxTokens: 20, top: 20, temperature: 0, seed: null }) */
export function challengeBody(request: ChallengeRequest): string {
  const { endpoint, model, text, maxTokens, top, temperature, seed } = request;
  const settings = { max_tokens: maxTokens, temperature, ...(seed === null ? {} : { seed }) };
  const body =
    endpoint === 'chat'
      ? {
          ...{ model, messages: [{ role: 'user', content: text }], ...settings },
          ...(top === 0 ? {} : { logprobs: true, top_logprobs: top }),
        }
      : { model, prompt: text, ...settings, ...(top === 0 ? {} : { logprobs: top }) };
  return JSON.stringify(body);
}

/**
 * @param body the exact body of a response.
 * @throws {ModelError} `comparison/bad-answer` for anything but an answer; `comparison/bad-logprobs` for log probabilities that are no numbers.
 * @example parseAnswer(await response.text()).positions?.length // undefined without log probabilities
 */
export function parseAnswer(body: string): ModelAnswer {
  let json: Json;
  try {
    json = parseJson(body, { maxDepth: MAX_DEPTH });
  } catch (cause) {
    if (!isCoded(cause)) throw cause;
    throw bad('JSON', 'something else', cause);
  }
  const choice = isJsonObject(json) && Array.isArray(json.choices) ? (json.choices[0] as Json | undefined) : undefined;
  if (!isJsonObject(json) || !isJsonObject(choice)) throw bad('an answer with a choice', 'none');
  const text = textOf(choice);
  if (text === null) throw bad('a choice with a text', 'one without');
  const usage = isJsonObject(json.usage) ? json.usage : {};
  return {
    text,
    positions: positionsOf(choice.logprobs),
    finish: typeof choice.finish_reason === 'string' ? choice.finish_reason : null,
    promptTokens: countOf(usage.prompt_tokens),
    completionTokens: countOf(usage.completion_tokens),
    provider: typeof json.provider === 'string' ? json.provider : null,
    fingerprint: typeof json.system_fingerprint === 'string' ? json.system_fingerprint : null,
  };
}

function textOf(choice: JsonObject): string | null {
  if (typeof choice.text === 'string') return choice.text;
  if (!isJsonObject(choice.message)) return null;
  const { content } = choice.message;
  return content === null || content === undefined ? '' : typeof content === 'string' ? content : null;
}

function positionsOf(logprobs: Json | undefined): readonly AnswerPosition[] | null {
  if (!isJsonObject(logprobs)) return null;
  if (Array.isArray(logprobs.content)) return bounded(logprobs.content as readonly Json[]).map(modernPosition);
  const { tokens, token_logprobs: own, top_logprobs: tops } = logprobs;
  if (!Array.isArray(tokens) || !Array.isArray(own) || !Array.isArray(tops)) return null;
  return bounded(tokens as readonly Json[]).map((token, index) => {
    const top = (tops as readonly Json[])[index];
    if (typeof token !== 'string' || !isJsonObject(top)) throw badLogprobs('tokens with their likeliest neighbours', 'others');
    const entries = Object.entries(top).map(([each, value]) => [each, numberOf(value)] as const);
    return { token, logprob: numberOf((own as readonly Json[])[index]), top: entries, logits: null };
  });
}

function modernPosition(entry: Json): AnswerPosition {
  if (!isJsonObject(entry) || !Array.isArray(entry.top_logprobs)) throw badLogprobs('positions with top_logprobs', 'others');
  return {
    token: tokenOf(entry),
    logprob: numberOf(entry.logprob),
    top: (entry.top_logprobs as readonly Json[]).map((each) => {
      if (!isJsonObject(each)) throw badLogprobs('tokens with log probabilities', 'others');
      return [tokenOf(each), numberOf(each.logprob)] as const;
    }),
    logits: typeof entry.logits_sha256 === 'string' ? entry.logits_sha256 : null,
  };
}

function tokenOf({ token, bytes }: JsonObject): string {
  if (Array.isArray(bytes) && bytes.every((byte) => typeof byte === 'number'))
    return new TextDecoder().decode(Uint8Array.from(bytes as readonly number[]));
  if (typeof token === 'string') return token;
  throw badLogprobs('tokens as text', 'others');
}

function numberOf(value: Json | undefined): number {
  if (typeof value === 'number') return value;
  throw badLogprobs('natural log probabilities', JSON.stringify(value ?? null).slice(0, 40));
}

function countOf(value: Json | undefined): number | null {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : null;
}

function bounded<T>(list: readonly T[]): readonly T[] {
  if (list.length <= MAX_POSITIONS) return list;
  throw badLogprobs(`at most ${MAX_POSITIONS} positions`, String(list.length));
}

function bad(expected: string, got: string, cause?: unknown): ModelError {
  return new ModelError('comparison/bad-answer', `expected ${expected}, got ${got}; ask another endpoint`, { cause });
}

function badLogprobs(expected: string, got: string): ModelError {
  return new ModelError('comparison/bad-logprobs', `expected ${expected}, got ${got}; compare on another tier`);
}
