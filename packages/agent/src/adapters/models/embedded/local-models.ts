/** The models of this agent's data directory, and the one fetch that may run into it. */

import { ServerError } from '../../../errors.ts';
import type { FetchProgress, LocalEngine, LocalModel, LocalModels } from '../../../ports/local-models.ts';
import { type CatalogueModel, catalogueModel, RECOMMENDED_MODEL } from './catalogue.ts';
import { ENGINE_VERSION, engineRefusal, findEngine } from './engine-package.ts';
import { fetchModel } from './fetch-model.ts';
import { listModels } from './fetched-models.ts';

export interface LocalModelsOptions {
  readonly dataDir: string;
  /** Called when a model has been fetched. */
  readonly onFetched: (model: CatalogueModel) => void;
  /** Told of errors that have no code. */
  readonly onUnexpected: (error: unknown) => void;
  readonly fetchModel?: typeof fetchModel | undefined;
}

/** See {@link LocalModels}. */
export function createLocalModels(options: LocalModelsOptions): LocalModels {
  return new DirectoryModels(options);
}

interface RunningFetch {
  readonly abort: AbortController;
  readonly ended: Promise<void>;
}

/** Half a per cent of the bytes is worth telling. */
function isNews(before: FetchProgress, { step, source, bytesDone, bytesTotal }: FetchProgress): boolean {
  const parts = (bytes: number): number => Math.floor((bytes * 200) / bytesTotal);
  return before.step !== step || before.source !== source || parts(before.bytesDone) !== parts(bytesDone);
}

class DirectoryModels implements LocalModels {
  readonly #options: LocalModelsOptions;
  readonly #waiting = new Set<() => void>();
  #running: RunningFetch | null = null;
  #newest: FetchProgress | null = null;

  constructor(options: LocalModelsOptions) {
    this.#options = options;
  }

  get newest(): FetchProgress | null {
    return this.#newest;
  }

  async engine(): Promise<LocalEngine> {
    const refusal = engineRefusal();
    const version = ENGINE_VERSION;
    if (refusal !== null) return { version, supported: false, installed: false, detail: refusal };
    const found = await findEngine(this.#options.dataDir).catch(() => null);
    const detail =
      found === null ? 'installed together with the first model' : `node-llama-cpp ${version} for ${found.platform}`;
    return { version, supported: true, installed: found !== null, detail };
  }

  async list(): Promise<readonly LocalModel[]> {
    const listed = await listModels(this.#options.dataDir);
    return listed.map(({ model: { name, title, bytes, sha256, licence, writes }, fetched }) => {
      return { name, title, bytes, sha256, licence, writes, recommended: name === RECOMMENDED_MODEL.name, fetched };
    });
  }

  fetch(name: string): FetchProgress {
    const model = catalogueModel(name);
    if (this.#running !== null)
      throw new ServerError('http/conflict', `${this.#newest?.name} is being fetched; wait for it, or cancel it`);
    const abort = new AbortController();
    const begun = {
      name,
      status: 'running',
      step: 'engine',
      bytesDone: 0,
      bytesTotal: model.bytes,
      source: null,
      error: null,
    } as const;
    this.#say(begun);
    this.#running = { abort, ended: this.#carryOut(model, begun, abort.signal) };
    return begun;
  }

  async cancel(): Promise<FetchProgress | null> {
    this.#running?.abort.abort();
    await this.#running?.ended;
    return this.#newest;
  }

  async *follow(signal: AbortSignal): AsyncGenerator<FetchProgress> {
    let told: FetchProgress | null = null;
    while (!signal.aborted) {
      const now = this.#newest;
      if (now !== null && now !== told) {
        told = now;
        yield now;
        if (now.status !== 'running') return;
        continue;
      }
      if (now === null) return;
      await this.#change(signal);
    }
  }

  async close(): Promise<void> {
    await this.cancel();
  }

  async #carryOut(model: CatalogueModel, begun: FetchProgress, signal: AbortSignal): Promise<void> {
    const { dataDir, onFetched, onUnexpected, fetchModel: fetch = fetchModel } = this.#options;
    let last = begun;
    try {
      await fetch(model, {
        dataDir,
        signal,
        onStanding: (standing) => {
          const before = last;
          last = { ...last, ...standing };
          if (isNews(before, last)) this.#say(last);
        },
      });
      this.#running = null;
      this.#say({ ...last, status: 'fetched', bytesDone: model.bytes });
      onFetched(model);
    } catch (error) {
      this.#running = null;
      if (signal.aborted) return this.#say({ ...last, status: 'cancelled' });
      if (!ServerError.is(error)) onUnexpected(error);
      const { code, message } = ServerError.is(error)
        ? error
        : { code: 'server/internal', message: 'the agent met an error it did not expect; its log says more' };
      this.#say({ ...last, status: 'failed', error: { code, message } });
    }
  }

  #say(progress: FetchProgress): void {
    this.#newest = progress;
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  #change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        signal.removeEventListener('abort', wake);
        this.#waiting.delete(wake);
        resolve();
      };
      this.#waiting.add(wake);
      signal.addEventListener('abort', wake, { once: true });
    });
  }
}
