/** Chooses who serves `/v1/…`: the configured endpoint, or the agent's own model: one that runs here, or recorded demos. */

import type { ModelConfig } from '../../config.ts';
import type { Model } from '../../ports/model.ts';
import type { Upstream } from '../../ports/upstream.ts';
import { PROVIDERS } from '../models/providers.ts';
import { attestedUpstreamOf } from './attested.ts';
import { createModelUpstream } from './model-upstream.ts';
import { createOpenAiUpstream } from './openai-upstream.ts';

/**
 * @param model - the agent's own model, which knows whether the endpoint answers.
 * @param attested - the upstream that the model goes through as well, so that both share its verifications.
 */
export function createUpstream(
  config: ModelConfig,
  model: Model,
  now: () => number,
  attested: Upstream | null = attestedUpstreamOf(config, now),
): Upstream {
  if (attested !== null) return attested;
  const own = createModelUpstream(model, now);
  if (config.provider === 'recorded' || config.provider === 'embedded') return own;
  const endpoint = createOpenAiUpstream({
    name: config.provider,
    base: config.base,
    apiKey: config.apiKey,
    defaultModel: config.model,
    timeoutMs: config.timeoutMs,
  });
  return config.chosen ? endpoint : eitherOf(endpoint, own, model);
}

/** OpenRouter under a key that is not the agent's own; where the agent's own endpoint is OpenRouter's, at its address. */
export function openRouterOf(config: ModelConfig): (apiKey: string) => Upstream {
  const base = config.provider === 'openrouter' ? config.base : PROVIDERS.openrouter.base;
  return (apiKey) =>
    createOpenAiUpstream({ name: 'openrouter', base, apiKey, defaultModel: config.model, timeoutMs: config.timeoutMs });
}

/** The endpoint while the agent's model is there, the model itself when it runs here or is recorded; a chosen endpoint never gets here. */
function eitherOf(endpoint: Upstream, own: Upstream, model: Model): Upstream {
  const current = async (): Promise<Upstream> => {
    await model.probe();
    return model.provider === endpoint.name ? endpoint : own;
  };
  return {
    get name() {
      return model.provider;
    },
    get defaultModel() {
      return model.model;
    },
    attestable: false,
    standing: async (name) => (await current()).standing(name),
    forward: async (request, standing) => (await current()).forward(request, standing),
    sessions: () => [],
    models: async () => (await current()).models(),
  };
}
