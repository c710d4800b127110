/** A model whose tokens are counted for who asked. */

import type { Model, ModelReply } from '../ports/model.ts';
import { estimatedTokens } from './token-usage.ts';

/** @param spend - called with the tokens of each reply. */
export function meteredModel(model: Model, spend: (tokens: number) => void): Model {
  return {
    get provider() {
      return model.provider;
    },
    get model() {
      return model.model;
    },
    probe: () => model.probe(),
    complete: async (request) => {
      const reply = await model.complete(request);
      spend(tokensOf(reply));
      return reply;
    },
  };
}

/** Tokens as the provider counts them; where it counts none, as many as its bytes stand for. A recording costs nothing. */
function tokensOf({ usage, provenance, requestBytes, responseBytes }: ModelReply): number {
  if (provenance.kind === 'recorded') return 0;
  if (usage.totalTokens !== null) return usage.totalTokens;
  if (usage.promptTokens !== null && usage.completionTokens !== null) return usage.promptTokens + usage.completionTokens;
  return estimatedTokens(requestBytes.length + responseBytes.length);
}
