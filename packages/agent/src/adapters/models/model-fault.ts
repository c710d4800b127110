/** What can go wrong with one request to a model's endpoint, before it is decided whether to ask again and how to tell a person. */

import { ServerError } from '../../errors.ts';
import type { ProviderWords } from './provider-words.ts';

/**
 * `answered`: the endpoint said that it failed, by HTTP status or within a stream. `broken`: the connection ended early. `absent`: no server
 * listens there. `unusable`: what listens there cannot be talked to (name unknown, TLS, redirect).
 */
export type FaultKind = 'answered' | 'broken' | 'absent' | 'unusable';

export interface FaultFacts {
  readonly kind: FaultKind;
  /** Of the answer or of the error within it; `null` when it has none. */
  readonly status?: number | null;
  readonly said?: ProviderWords | null;
  /** How long the endpoint asks to wait, milliseconds. */
  readonly waitMs?: number | null;
  /** For the person; made from the facts when the fault is the last one. */
  readonly report: () => ServerError;
  readonly cause?: unknown;
}

/** Thrown inside of the adapter only. */
export class ModelFault extends Error {
  readonly kind: FaultKind;
  readonly status: number | null;
  readonly said: ProviderWords | null;
  readonly waitMs: number | null;
  readonly report: () => ServerError;

  constructor({ kind, status = null, said = null, waitMs = null, report, cause }: FaultFacts) {
    super(`${kind} ${status ?? ''}`, { cause });
    this.kind = kind;
    this.status = status;
    this.said = said;
    this.waitMs = waitMs;
    this.report = report;
  }
}

/** Where an endpoint is, for the words of errors. */
export interface EndpointName {
  readonly provider: string;
  readonly base: string;
  readonly model: string;
}

const BROKEN = new Set(
  'ECONNRESET EPIPE ECONNABORTED ETIMEDOUT EAI_AGAIN UND_ERR_SOCKET UND_ERR_CONNECT_TIMEOUT UND_ERR_HEADERS_TIMEOUT UND_ERR_BODY_TIMEOUT'.split(
    ' ',
  ),
);
const ABSENT = new Set('ECONNREFUSED EHOSTUNREACH ENETUNREACH EHOSTDOWN'.split(' '));

/** A request that got no answer. */
export function noAnswer(endpoint: EndpointName, cause: unknown): ModelFault {
  const codes = codesOf(cause);
  const kind = codes.some((code) => BROKEN.has(code))
    ? 'broken'
    : codes.some((code) => ABSENT.has(code))
      ? 'absent'
      : 'unusable';
  return new ModelFault({ kind, cause, report: () => unreachable(endpoint, kind, cause) });
}

/** A reply that ended before it was whole. */
export function cutShort(cause?: unknown): ModelFault {
  const message =
    cause === undefined
      ? 'the model stopped in the middle of its reply; try again, or check its log'
      : 'the connection to the model broke in the middle of its reply; try again, or check its log';
  return new ModelFault({ kind: 'broken', cause, report: () => new ServerError('model/bad-reply', message, { cause }) });
}

/** An error that the endpoint put into a stream, or a finish reason that says one. */
export function reportedInReply(endpoint: EndpointName, said: ProviderWords | null, word: string | null): ModelFault {
  const status = said?.status ?? statusOfNames(said?.names ?? []);
  const words = said?.words ?? (word === null ? null : `finish_reason ${JSON.stringify(word)}`);
  const plain = (): ServerError =>
    new ServerError(
      'model/bad-reply',
      `the model's endpoint reported an error${words === null ? '' : `: ${words}`}; try again, or check its log`,
    );
  const special = status === 401 || status === 403 || status === 429;
  const waitMs = said?.waitMs ?? null;
  const report = (): ServerError => (special ? statusError(endpoint, { status, said, waitMs }) : plain());
  return new ModelFault({ kind: 'answered', status, said, waitMs, report });
}

/** Names of errors that mean a status, as Anthropic, OpenAI and Google write them. */
const STATUS_OF_NAME: readonly (readonly [RegExp, number])[] = [
  [/overloaded/, 529],
  [/rate_limit|too_many_requests|resource_exhausted/, 429],
  [/authentication|invalid_api_key|unauthenticated/, 401],
  [/permission/, 403],
  [/invalid_request|invalid_argument|context_length|unsupported|bad_request/, 400],
  [/not_found/, 404],
];

function statusOfNames(names: readonly string[]): number | null {
  return STATUS_OF_NAME.find(([pattern]) => names.some((name) => pattern.test(name)))?.[1] ?? null;
}

/** An answer whose HTTP status says that it is none. */
export function refusedByStatus(
  endpoint: EndpointName,
  facts: { readonly status: number; readonly said: ProviderWords; readonly waitMs: number | null },
): ModelFault {
  return new ModelFault({ kind: 'answered', ...facts, report: () => statusError(endpoint, facts) });
}

function statusError(
  { provider, base, model }: EndpointName,
  { status, said, waitMs }: { readonly status: number; readonly said: ProviderWords | null; readonly waitMs: number | null },
): ServerError {
  const words = said?.words ?? null;
  const told = words === null ? '' : ` and said: ${words}`;
  const details = { status, provider };
  if (status === 401 || status === 403)
    return new ServerError('model/unauthorized', `${provider} refused the API key (HTTP ${status})${told}; check AI_API_KEY`, {
      details,
    });
  if (status === 429) {
    const retryAfterSeconds = waitMs === null ? null : Math.ceil(waitMs / 1000);
    return new ServerError('model/rate-limited', `${provider} is limiting requests (HTTP 429)${told}; try again later`, {
      details: { ...details, retryAfterSeconds },
    });
  }
  if (status === 404) {
    const what = `no model ${JSON.stringify(model)} or no chat endpoint at ${base}`;
    return new ServerError('model/bad-reply', `${provider} has ${what} (HTTP 404)${told}; check AI_MODEL and AI_API_BASE`, {
      details,
    });
  }
  if (status >= 500)
    return new ServerError('model/unreachable', `${provider} answered HTTP ${status}${told}; try again later`, { details });
  return new ServerError(
    'model/bad-reply',
    `${provider} answered HTTP ${status}${told}; check AI_MODEL and the other AI_ settings`,
    {
      details,
    },
  );
}

function unreachable({ provider, base }: EndpointName, kind: FaultKind, cause: unknown): ServerError {
  if (kind === 'broken') {
    const message = `AI generator not available: the connection to ${base} broke before an answer came; check its log and the network`;
    return new ServerError('model/unreachable', message, { cause });
  }
  const start = provider === 'ollama' ? 'start it with "ollama serve" or set AI_API_BASE' : 'check AI_API_BASE and the network';
  return new ServerError('model/unreachable', `AI generator not available: no answer from ${base}; ${start}`, { cause });
}

/** Codes of an error and of those behind it; `AggregateError` of several addresses included. */
function codesOf(error: unknown, depth = 0): readonly string[] {
  if (typeof error !== 'object' || error === null || depth > 6) return [];
  const { code, cause, errors } = error as { readonly code?: unknown; readonly cause?: unknown; readonly errors?: unknown };
  const inner = Array.isArray(errors) ? errors : [];
  return [...(typeof code === 'string' ? [code] : []), ...[cause, ...inner].flatMap((next) => codesOf(next, depth + 1))];
}
