/** The platforms of the tutorial's `/talk` (seed 004), each called with the key that the client sent inside the channel. */

import type { ModelConfig } from '../../config.ts';
import type { Model } from '../../ports/model.ts';
import type { Platform } from '../../tasks/talk/talk.ts';
import { createOpenAiCompatible } from './openai-compatible.ts';
import { PROVIDERS } from './providers.ts';

/**
 * Where each platform is. When the operator set an address for one of them (`AI_PROVIDER` and `AI_API_BASE`), that one is used, so
 * that a gateway or a test server can stand in.
 */
export function platformModels(config: ModelConfig): (platform: Platform, model: string, apiKey: string) => Model {
  return (platform, model, apiKey) =>
    createOpenAiCompatible({
      provider: platform,
      base: config.provider === platform ? config.base : PROVIDERS[platform].base,
      apiKey,
      model,
      temperature: config.temperature,
      maxTokens: config.maxTokens,
      maxTokensName: PROVIDERS[platform].maxTokensName,
      timeoutMs: config.timeoutMs,
    });
}
