/**
 * Any OpenAI-compatible endpoint as upstream, without a TEE to verify: Ollama, OpenAI, OpenRouter, Anthropic, Gemini, llama.cpp.
 * What it is sent it sees in clear, and every receipt says so.
 */

import { ChannelError } from '@assay/channel';
import { isCoded } from '@assay/encoding/coded-error';
import { ServerError } from '../../errors.ts';
import type { Upstream, UpstreamAnswer, UpstreamRequest } from '../../ports/upstream.ts';
import { patientFetch } from '../patient-fetch.ts';
import { beginningOf, refusedBody } from './refused-answer.ts';

export interface OpenAiUpstreamOptions {
  readonly name: string;
  /** Base URL with version, without a trailing slash. */
  readonly base: string;
  readonly apiKey: string | null;
  readonly defaultModel: string;
  /** Longest silence before an answer and within it, milliseconds. */
  readonly timeoutMs: number;
}

export function createOpenAiUpstream(options: OpenAiUpstreamOptions): Upstream {
  return {
    name: options.name,
    defaultModel: options.defaultModel,
    attestable: false,
    standing: () =>
      Promise.resolve({ result: 'failed', reason: `${options.name} offers no attestation: it sees prompts in clear` }),
    forward: (request) => forwardTo(options, request),
    sessions: () => [],
    models: () => listModels(options),
  };
}

/** How exact bytes travel, where that is more than plain HTTP. */
export interface Carriage {
  /** Connections to use; ordinary ones by default. */
  readonly fetch?: typeof globalThis.fetch;
  /** Beside the usual ones. */
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * Sends exact bytes and returns the answer as it comes. Error answers come in OpenAI's shape, without keys.
 * @throws {ServerError} `model/timeout` when nothing comes for `timeoutMs`, before the answer or within it, `model/unreachable`;
 * `model/bad-reply` when the connection breaks within the answer; `upstream/channel-mismatch` before a byte leaves.
 */
export async function forwardTo(
  options: OpenAiUpstreamOptions,
  { path, body, signal }: UpstreamRequest,
  { fetch: send = patientFetch, headers = {} }: Carriage = {},
): Promise<UpstreamAnswer & { readonly headers: Headers }> {
  const silence = new Silence(options.timeoutMs);
  let response: Response;
  try {
    response = await send(`${options.base}${path.replace(/^\/v1/, '')}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'accept-encoding': 'identity',
        ...(options.apiKey === null ? {} : { authorization: `Bearer ${options.apiKey}` }),
        ...headers,
      },
      body: new Uint8Array(body),
      redirect: 'error', // a redirect could carry key and prompt elsewhere
      signal: AbortSignal.any([signal, silence.signal]),
    });
  } catch (cause) {
    if (ChannelError.is(cause)) throw channelFault(cause);
    if (silence.broken) throw tooSlow(options, 'did not begin to answer', cause);
    throw new ServerError('model/unreachable', `no answer from ${options.base}; check AI_API_BASE and the network`, { cause });
  } finally {
    silence.end();
  }
  const { status } = response;
  const answer = { status, contentType: response.headers.get('content-type') ?? 'application/json', headers: response.headers };
  const pieces = piecesOf(options, response, silence);
  if (status < 400) return { ...answer, body: pieces };
  const text = await beginningOf(pieces);
  const refused = refusedBody({ name: options.name, status, body: text, secret: options.apiKey });
  return { ...answer, contentType: 'application/json', body: once(refused) };
}

/** Ends a request when nothing came for so long. */
class Silence {
  readonly #ms: number;
  readonly #controller = new AbortController();
  #timer: NodeJS.Timeout;

  constructor(ms: number) {
    this.#ms = ms;
    this.#timer = this.#start();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get broken(): boolean {
    return this.signal.aborted;
  }

  begin(): void {
    this.end();
    this.#timer = this.#start();
  }

  end(): void {
    clearTimeout(this.#timer);
  }

  #start(): NodeJS.Timeout {
    return setTimeout(() => this.#controller.abort(), this.#ms);
  }
}

async function* piecesOf(options: OpenAiUpstreamOptions, { body }: Response, silence: Silence): AsyncGenerator<Uint8Array> {
  if (body === null) return;
  try {
    silence.begin();
    for await (const piece of body as unknown as AsyncIterable<Uint8Array>) {
      silence.end(); // the reader may take its time
      yield piece;
      silence.begin();
    }
  } catch (cause) {
    if (silence.broken) throw tooSlow(options, 'fell silent in the middle of its answer', cause);
    if (isCoded(cause) || (cause as Error).name === 'AbortError') throw cause;
    const message = `the connection to ${options.name} broke in the middle of its answer; ask again`;
    throw new ServerError('model/bad-reply', message, { cause });
  } finally {
    silence.end();
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

function tooSlow({ name, timeoutMs }: OpenAiUpstreamOptions, what: string, cause: unknown): ServerError {
  const message = `${name} ${what} for ${timeoutMs / 1000} s; raise ASSAY_MODEL_SECONDS or ask again`;
  return new ServerError('model/timeout', message, { cause });
}

/** Before anything was believed: another key at the address, another key in the enclave, or an answer that nobody sealed. */
function channelFault(cause: ChannelError): ServerError {
  const unsealed = cause.code === 'channel/response-unencrypted' || cause.code === 'channel/message-malformed';
  const code = unsealed ? 'upstream/proof-invalid' : 'upstream/channel-mismatch';
  return new ServerError(code, `${cause.code}: ${cause.message}`, { cause });
}

/** Ids at `/models`, or the default one when nobody lists any. */
export async function listModels({ base, apiKey, defaultModel }: OpenAiUpstreamOptions): Promise<readonly string[]> {
  try {
    const response = await fetch(`${base}/models`, {
      headers: apiKey === null ? {} : { authorization: `Bearer ${apiKey}` },
      redirect: 'error',
      signal: AbortSignal.timeout(5000),
    });
    const { data } = (await response.json()) as { readonly data?: readonly { readonly id?: unknown }[] };
    const ids = (data ?? []).flatMap(({ id }) => (typeof id === 'string' ? [id] : []));
    return ids.length > 0 ? ids : [defaultModel];
  } catch {
    return [defaultModel];
  }
}
