/** Which embedded model serves: the one that the operator names, or the first that was fetched. One is loaded at a time. */

import { basename, resolve } from 'node:path';
import type { ModelConfig } from '../../../config.ts';
import { catalogueModel, RECOMMENDED_MODEL } from './catalogue.ts';
import { createEmbeddedModel, type EmbeddedModel } from './embedded-model.ts';
import { listModels } from './fetched-models.ts';
import { modelFile } from './places.ts';
import type { Profile } from './profile.ts';

export interface EmbeddedModelsOptions {
  readonly dataDir: string;
  readonly config: Pick<ModelConfig, 'temperature' | 'maxTokens' | 'timeoutMs'>;
  /** Logs the profile of a model that was loaded; no prompt is answered before. */
  readonly onLoaded: (profile: Profile) => Promise<void>;
}

/** The model that runs inside the agent's own process. One is loaded at a time. */
export class EmbeddedModels {
  readonly #options: EmbeddedModelsOptions;
  #open: EmbeddedModel | null = null;

  constructor(options: EmbeddedModelsOptions) {
    this.#options = options;
  }

  /**
   * The model of that name: one of the catalogue, or the path of a GGUF file.
   * @throws {ServerError} `model/unknown-name`.
   */
  named(name: string): EmbeddedModel {
    if (name.endsWith('.gguf')) return this.#serve({ name: basename(name), file: resolve(name), sha256: null });
    const model = catalogueModel(name);
    return this.#serve({ name, file: modelFile(this.#options.dataDir, model), sha256: model.sha256 });
  }

  /** The first of the catalogue that was fetched; `null` when none was. */
  async fetched(): Promise<EmbeddedModel | null> {
    const listed = await listModels(this.#options.dataDir);
    const found = listed.find(({ fetched }) => fetched);
    return found === undefined ? null : this.named(found.model.name);
  }

  /** As {@link fetched}; without one the recommended model, whose use says how it is fetched. */
  async fetchedOrRecommended(): Promise<EmbeddedModel> {
    return (await this.fetched()) ?? this.named(RECOMMENDED_MODEL.name);
  }

  close(): Promise<void> {
    this.#open?.close();
    this.#open = null;
    return Promise.resolve();
  }

  #serve(wanted: { readonly name: string; readonly file: string; readonly sha256: string | null }): EmbeddedModel {
    if (this.#open?.model === wanted.name) return this.#open;
    this.#open?.close();
    const { dataDir, config, onLoaded } = this.#options;
    const { temperature, maxTokens, timeoutMs } = config;
    this.#open = createEmbeddedModel({ dataDir, temperature, maxTokens, timeoutMs, onLoaded, ...wanted });
    return this.#open;
  }
}
