/**
 * Chooses the model: the one that the operator named. When none is named: a model that was fetched into the data directory, else Ollama
 * while it answers at its default address, else recorded demos. A named model that is down is an error, never a recording.
 */

import { type ModelConfig, UNNAMED_MODEL } from '../../config.ts';
import type { Model } from '../../ports/model.ts';
import type { Upstream } from '../../ports/upstream.ts';
import { attestedUpstreamOf } from '../upstreams/attested.ts';
import { RECOMMENDED_MODEL } from './embedded/catalogue.ts';
import type { EmbeddedModels } from './embedded/embedded-models.ts';
import { createOpenAiCompatible } from './openai-compatible.ts';
import { PROVIDERS } from './providers.ts';
import { createRecorded, HOW_TO_CONNECT } from './recorded.ts';

/** How long one look at the default endpoint holds, milliseconds. */
const LOOK_AGAIN_MS = 10_000;

export interface ModelOptions {
  /** Models of the data directory. */
  readonly embedded: EmbeddedModels;
  readonly now?: (() => number) | undefined;
  /** The upstream its prompts go through when the provider has a TEE; made here unless given. */
  readonly attested?: Upstream | null | undefined;
}

/**
 * The model as configured; never throws because an endpoint is down.
 * @throws {ServerError} `model/unknown-name`, `config/unreadable` for a transcript.
 * @example const model = createModel(parseConfig(process.env).model, { embedded })
 */
export function createModel(config: ModelConfig, options: ModelOptions): Model {
  const { embedded, now = Date.now } = options;
  const { provider } = config;
  if (provider === 'recorded') return createRecorded(config.recordedFile);
  if (provider === 'embedded') return embeddedModel(config.model, embedded);
  const attested = options.attested === undefined ? attestedUpstreamOf(config, now) : options.attested;
  const endpoint = createOpenAiCompatible({
    provider,
    base: config.base,
    apiKey: config.apiKey,
    model: config.model,
    temperature: config.temperature,
    maxTokens: config.maxTokens,
    maxTokensName: PROVIDERS[provider].maxTokensName,
    timeoutMs: config.timeoutMs,
    ...(attested === null ? {} : { attested }),
  });
  return config.chosen
    ? endpoint
    : firstThatAnswers({ embedded, endpoint, recorded: createRecorded(config.recordedFile), now });
}

function embeddedModel(name: string, embedded: EmbeddedModels): Model {
  if (name !== UNNAMED_MODEL) return embedded.named(name);
  let current = embedded.named(RECOMMENDED_MODEL.name);
  const look = async (): Promise<Model> => {
    current = await embedded.fetchedOrRecommended();
    return current;
  };
  return switching(() => current, { look, probe: async () => (await look()).probe() });
}

interface Candidates {
  readonly embedded: EmbeddedModels;
  readonly endpoint: Model;
  readonly recorded: Model;
  readonly now: () => number;
}

/** Asks the endpoint again every {@link LOOK_AGAIN_MS}. */
function firstThatAnswers({ embedded, endpoint, recorded, now }: Candidates): Model {
  let lastLook = Number.NEGATIVE_INFINITY;
  let seen = { reachable: false, detail: '' };
  let current = recorded;
  const look = async (): Promise<Model> => {
    const fetched = await embedded.fetched();
    if (fetched === null && now() - lastLook >= LOOK_AGAIN_MS) {
      seen = await endpoint.probe();
      lastLook = now();
    }
    current = fetched ?? (seen.reachable ? endpoint : recorded);
    return current;
  };
  const probe = async () => {
    const found = await look();
    if (found === endpoint) return seen;
    if (found !== recorded) return found.probe();
    return {
      reachable: false,
      detail: `no model is connected (${seen.detail}); only recorded demos are answered. To connect one, ${HOW_TO_CONNECT}`,
    };
  };
  return switching(() => current, { look, probe });
}

/** A model that may be another one each time it is looked for. */
function switching(
  current: () => Model,
  { look, probe }: { readonly look: () => Promise<Model>; readonly probe: Model['probe'] },
): Model {
  return {
    get provider() {
      return current().provider;
    },
    get model() {
      return current().model;
    },
    get demos() {
      return current().demos;
    },
    complete: async (request) => (await look()).complete(request),
    serving: look,
    probe,
  };
}
