/**
 * Any OpenAI-compatible endpoint as upstream, without a TEE to verify: Ollama, OpenAI, OpenRouter, Anthropic, Gemini, llama.cpp.
 * What it is sent it sees in clear, and every receipt says so.
 */

import { ChannelError } from '@assay/channel';
import { ServerError } from '../../errors.ts';
import type { Upstream, UpstreamAnswer, UpstreamRequest } from '../../ports/upstream.ts';

export interface OpenAiUpstreamOptions {
  readonly name: string;
  /** Base URL with version, without a trailing slash. */
  readonly base: string;
  readonly apiKey: string | null;
  readonly defaultModel: string;
  /** Milliseconds until the first byte of an answer. */
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
  /** Connections to use; the platform's unless told. */
  readonly fetch?: typeof globalThis.fetch;
  /** Beside the usual ones. */
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * Sends exact bytes and returns the answer as it comes.
 * @throws {ServerError} `model/timeout`, `model/unreachable`; `upstream/channel-mismatch` before a byte leaves.
 */
export async function forwardTo(
  options: OpenAiUpstreamOptions,
  { path, body, signal }: UpstreamRequest,
  { fetch: send = fetch, headers = {} }: Carriage = {},
): Promise<UpstreamAnswer & { readonly headers: Headers }> {
  const first = new AbortController();
  const timer = setTimeout(() => first.abort(), options.timeoutMs);
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
      signal: AbortSignal.any([signal, first.signal]),
    });
  } catch (cause) {
    if (ChannelError.is(cause)) throw channelFault(cause);
    if (first.signal.aborted) {
      throw new ServerError(
        'model/timeout',
        `${options.name} did not begin to answer within ${options.timeoutMs / 1000} s; try again`,
        { cause },
      );
    }
    throw new ServerError('model/unreachable', `no answer from ${options.base}; check AI_API_BASE and the network`, { cause });
  } finally {
    clearTimeout(timer);
  }
  return {
    status: response.status,
    contentType: response.headers.get('content-type') ?? 'application/json',
    headers: response.headers,
    body: response.body ?? emptyBody(),
  };
}

/** Before anything was believed: another key at the address, another key in the enclave, or an answer that nobody sealed. */
function channelFault(cause: ChannelError): ServerError {
  const unsealed = cause.code === 'channel/response-unencrypted' || cause.code === 'channel/message-malformed';
  const code = unsealed ? 'upstream/proof-invalid' : 'upstream/channel-mismatch';
  return new ServerError(code, `${cause.code}: ${cause.message}`, { cause });
}

async function* emptyBody(): AsyncGenerator<Uint8Array> {}

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
