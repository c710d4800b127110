/**
 * Any OpenAI-compatible endpoint as upstream, without a TEE to verify: Ollama, OpenAI, OpenRouter, Anthropic, Gemini, llama.cpp.
 * What it is sent it sees in clear, and every receipt says so.
 */

import { readAtMost } from '@assay/encoding/bounded-reader';
import { decodeUtf8 } from '@assay/encoding/bytes';
import { parseLooseJson } from '@assay/encoding/json';
import type { Upstream, UpstreamAnswer, UpstreamRequest } from '../../ports/upstream.ts';
import { patientFetch } from '../patient-fetch.ts';
import { type RelayOptions, relay } from './relay.ts';

export interface OpenAiUpstreamOptions extends RelayOptions {
  readonly defaultModel: string;
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

async function forwardTo(options: OpenAiUpstreamOptions, { path, body, signal }: UpstreamRequest): Promise<UpstreamAnswer> {
  const { base, apiKey } = options;
  const { answer } = await relay(options, signal, async (patience) => ({
    response: await patientFetch(`${base}${path.replace(/^\/v1/, '')}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'accept-encoding': 'identity',
        ...(apiKey === null ? {} : { authorization: `Bearer ${apiKey}` }),
      },
      body: new Uint8Array(body),
      redirect: 'error', // a redirect could carry key and prompt elsewhere
      signal: patience,
    }),
  }));
  return answer;
}

/** Longest list of models, bytes. */
const MAX_LIST_BYTES = 4 * 1024 * 1024;

/** Ids at `/models`, or the default one when none are listed. */
async function listModels({ name, base, apiKey, defaultModel }: OpenAiUpstreamOptions): Promise<readonly string[]> {
  try {
    const response = await fetch(`${base}/models`, {
      headers: apiKey === null ? {} : { authorization: `Bearer ${apiKey}` },
      redirect: 'error',
      signal: AbortSignal.timeout(5000),
    });
    const text = decodeUtf8(await readAtMost(response.body, { most: MAX_LIST_BYTES, what: name }));
    const { data } = parseLooseJson(text) as { readonly data?: readonly { readonly id?: unknown }[] };
    const ids = (data ?? []).flatMap(({ id }) => (typeof id === 'string' ? [id] : []));
    return ids.length > 0 ? ids : [defaultModel];
  } catch {
    return [defaultModel];
  }
}
