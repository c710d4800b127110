/** A model file in an engine of its own, for those who compare models: it says how likely it finds tokens. */

import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { unlessAborted } from '@assay/encoding/abortable';
import { ServerError } from '../../../errors.ts';
import { checkEngineFiles } from './engine-files.ts';
import { EngineHandle } from './engine-handle.ts';
import type { KvType, LoadedFacts, Measurement, MeasureOrder } from './engine-messages.ts';
import { findEngine } from './engine-package.ts';
import { EngineStarts } from './engine-starts.ts';
import { profileOf } from './profile.ts';
import { CONTEXT_TOKENS, memoryOf, PROFILE_BATCH_TOKENS } from './serving-profile.ts';

/** A comparison has time: on a machine that is busy with other work a model that loads in seconds has taken minutes. */
const LOAD_MS = 600_000;

export interface ReferenceEngineOptions {
  /** Where the engine was installed by `assay model fetch`. */
  readonly dataDir: string;
  /** GGUF. */
  readonly file: string;
  /** Default: that of an agent. */
  readonly batchTokens?: number | undefined;
  readonly kvType?: KvType | undefined;
  /** Ends loading, and with it the process. An engine that is open ends with {@link ReferenceEngine.close}. */
  readonly signal?: AbortSignal | undefined;
}

/** A model file, loaded to be the reference of a comparison. */
export interface ReferenceEngine {
  readonly facts: LoadedFacts;
  /** As an agent would write it (spec/model-profile.md), JCS; without meaning when other settings were given. */
  readonly profile: Uint8Array;
  /**
   * A process that ended is started again, once an order: each begins with an empty context, so that the same order gives the same bits. A start
   * that failed is tried again with the next order. An order that is aborted rejects at once; the process goes on with it until {@link close}.
   * @throws {ServerError} `model/prompt-too-long`, `model/engine-failed`, `model/wrong-digest` for a file that changed since; the signal's reason.
   */
  measure(order: MeasureOrder, signal: AbortSignal): Promise<Measurement>;
  close(): void;
}

/**
 * Loads a file as an agent does, with or without a chat template.
 * @throws {ServerError} `model/not-fetched`, `model/unloadable`, `model/wrong-digest`, `model/engine-failed`; the signal's reason.
 * @example const engine = await openReferenceEngine({ dataDir: '.assay', file: 'model.gguf' });
 */
export async function openReferenceEngine(options: ReferenceEngineOptions): Promise<ReferenceEngine> {
  const { dataDir, file, batchTokens = PROFILE_BATCH_TOKENS, kvType, signal } = options;
  const [engine, found] = await Promise.all([findEngine(dataDir), stat(file).catch(() => null)]);
  if (found === null || engine === null)
    throw new ServerError(
      'model/not-fetched',
      `expected ${found === null ? file : `an engine in ${dataDir}`}, got none; fetch it with assay model fetch smollm2-135m`,
    );
  await checkEngineFiles(engine.directory);
  signal?.throwIfAborted();
  const order = { engine: engine.directory, file, contextTokens: CONTEXT_TOKENS, batchTokens, kvType, withoutTemplate: true };
  const limits = { memoryBytes: memoryOf(found.size), loadMs: LOAD_MS };
  let wanted: string | null = null;
  const starts = new EngineStarts(async (ending) => {
    const handle = await EngineHandle.start({ ...order, ...limits, signal: ending });
    wanted ??= handle.facts.sha256;
    if (handle.facts.sha256 === wanted) return { handle };
    handle.close();
    throw new ServerError(
      'model/wrong-digest',
      `expected ${file} with SHA-256 ${wanted} when its engine was started again, got ${handle.facts.sha256}; leave the file alone, and start again`,
    );
  });
  const load = async (): Promise<Pick<ReferenceEngine, 'facts' | 'profile'>> => {
    const { facts } = (await starts.current()).handle;
    const name = basename(file);
    const { bytes: profile } = await profileOf({ name, file: name, loaded: facts, engine, batchTokens });
    return { facts, profile };
  };
  const loaded = await unlessAborted(load(), signal).catch((error: unknown) => {
    starts.close();
    throw error;
  });
  const measure = async (asked: MeasureOrder, until: AbortSignal): Promise<Measurement> => {
    const { handle } = await starts.current();
    try {
      return await handle.measure(asked, until);
    } catch (error) {
      if (handle.ended === null || until.aborted) throw error;
      const next = await starts.current();
      return next.handle.measure(asked, until);
    }
  };
  return {
    ...loaded,
    measure: (asked, until) => unlessAborted(measure(asked, until), until),
    close: () => starts.close(),
  };
}
