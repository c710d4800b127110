/** A model file in an engine of its own, for those who compare models: it says how likely it finds tokens. */

import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { ServerError } from '../../../errors.ts';
import { checkEngineFiles } from './engine-files.ts';
import { EngineHandle } from './engine-handle.ts';
import type { KvType, LoadedFacts, Measurement, MeasureOrder } from './engine-messages.ts';
import { findEngine } from './engine-package.ts';
import { profileOf } from './profile.ts';
import { CONTEXT_TOKENS, memoryOf, PROFILE_BATCH_TOKENS } from './serving-profile.ts';

export interface ReferenceEngineOptions {
  /** Where the engine was installed by `assay model fetch`. */
  readonly dataDir: string;
  /** GGUF. */
  readonly file: string;
  /** Default: that of an agent. */
  readonly batchTokens?: number | undefined;
  readonly kvType?: KvType | undefined;
}

/** A model file, loaded to be the reference of a comparison. */
export interface ReferenceEngine {
  readonly facts: LoadedFacts;
  /** As an agent would write it (spec/model-profile.md), JCS; without meaning when other settings were given. */
  readonly profile: Uint8Array;
  /** @throws {ServerError} `model/prompt-too-long`, `model/engine-failed`; the signal's reason. */
  measure(order: MeasureOrder, signal: AbortSignal): Promise<Measurement>;
  close(): void;
}

/**
 * Loads a file as an agent does, with or without a chat template.
 * @throws {ServerError} `model/not-fetched`, `model/unloadable`, `model/wrong-digest`, `model/engine-failed`.
 * @example const engine = await openReferenceEngine({ dataDir: '.assay', file: 'model.gguf' });
 */
export async function openReferenceEngine(options: ReferenceEngineOptions): Promise<ReferenceEngine> {
  const { dataDir, file, batchTokens = PROFILE_BATCH_TOKENS, kvType } = options;
  const [engine, found] = await Promise.all([findEngine(dataDir), stat(file).catch(() => null)]);
  if (found === null || engine === null)
    throw new ServerError(
      'model/not-fetched',
      `expected ${found === null ? file : `an engine in ${dataDir}`}, got none; fetch it with assay model fetch smollm2-135m`,
    );
  await checkEngineFiles(engine.directory);
  const memoryBytes = memoryOf(found.size);
  const order = { engine: engine.directory, file, contextTokens: CONTEXT_TOKENS, batchTokens, kvType, withoutTemplate: true };
  const handle = await EngineHandle.start({ ...order, memoryBytes });
  const name = basename(file);
  const { bytes: profile } = await profileOf({ name, file: name, loaded: handle.facts, engine, batchTokens });
  return {
    facts: handle.facts,
    profile,
    measure: (asked, signal) => handle.measure(asked, signal),
    close: () => handle.close(),
  };
}
