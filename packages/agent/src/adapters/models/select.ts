/**
 * Chooses the model: the configured endpoint, or recorded answers when the operator chose none and nothing answers at the
 * default address. A chosen endpoint that is down is an error, never a silent recording.
 */

import type { ModelConfig } from '../../config.ts';
import type { Model } from '../../ports/model.ts';
import type { Upstream } from '../../ports/upstream.ts';
import { attestedUpstreamOf } from '../upstreams/attested.ts';
import { createOpenAiCompatible } from './openai-compatible.ts';
import { PROVIDERS } from './providers.ts';
import { createRecorded } from './recorded.ts';

/** How long one look at the default endpoint holds, milliseconds. */
const LOOK_AGAIN_MS = 10_000;

/**
 * The model as configured; never throws because an endpoint is down.
 * @param attested - the upstream its prompts go through when the provider has a TEE; made here unless given.
 */
export function createModel(
  config: ModelConfig,
  now: () => number = Date.now,
  attested: Upstream | null = attestedUpstreamOf(config, now),
): Model {
  if (config.provider === 'recorded') return createRecorded(config.recordedFile);
  const endpoint = createOpenAiCompatible({
    provider: config.provider,
    base: config.base,
    apiKey: config.apiKey,
    model: config.model,
    temperature: config.temperature,
    maxTokens: config.maxTokens,
    maxTokensName: PROVIDERS[config.provider].maxTokensName,
    timeoutMs: config.timeoutMs,
    ...(attested === null ? {} : { attested }),
  });
  return config.chosen ? endpoint : withRecordings(endpoint, createRecorded(config.recordedFile), now);
}

/** `endpoint` while it answers, `recorded` while it does not; asks again every {@link LOOK_AGAIN_MS}. */
function withRecordings(endpoint: Model, recorded: Model, now: () => number): Model {
  let lastLook = Number.NEGATIVE_INFINITY;
  let current = recorded;
  let detail = '';
  const look = async (): Promise<Model> => {
    if (now() - lastLook < LOOK_AGAIN_MS) return current;
    const { reachable, detail: seen } = await endpoint.probe();
    lastLook = now();
    current = reachable ? endpoint : recorded;
    detail = reachable ? seen : `${seen}, so answers are recorded and no model runs`;
    return current;
  };
  return {
    get provider() {
      return current.provider;
    },
    get model() {
      return current.model;
    },
    complete: async (request) => (await look()).complete(request),
    probe: async () => {
      await look();
      return { reachable: current === endpoint, detail };
    },
  };
}
