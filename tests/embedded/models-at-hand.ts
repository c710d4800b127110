/** Where tests find an engine and models: fetched once into a folder that all of them share, never by the tests. */

import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** `.ci/run` fetches into it. */
export const SHARED =
  process.env.ASSAY_TEST_MODELS ?? new URL('../../node_modules/.cache/assay-models', import.meta.url).pathname;

export const SMOLLM2 = { name: 'smollm2-135m', file: 'SmolLM2-135M-Instruct.Q4_1.gguf' } as const;

/** The folder of the engine, or `null`. */
export const engineFolder = (): string => join(SHARED, 'models', 'engine-3.22.1');

/** Whether a model and the engine are there; says loudly what is left out when they are not. */
export function isAtHand({ name, file }: { readonly name: string; readonly file: string }): boolean {
  const there = existsSync(join(SHARED, 'models', file)) && existsSync(join(engineFolder(), 'node_modules'));
  if (!there)
    console.warn(
      `LEFT OUT: no engine or no ${name} in ${SHARED}; bring them with ASSAY_DATA_DIR=${SHARED} npx assay model fetch ${name}`,
    );
  return there;
}

/** A data directory with the engine and these files in it, and what removes it. */
export function directoryWith(files: readonly string[]): { readonly directory: string; readonly remove: () => void } {
  const directory = mkdtempSync(join(tmpdir(), 'assay-embedded-'));
  mkdirSync(join(directory, 'models'), { mode: 0o700 });
  symlinkSync(engineFolder(), join(directory, 'models', 'engine-3.22.1'));
  for (const file of files) symlinkSync(join(SHARED, 'models', file), join(directory, 'models', file));
  return { directory, remove: () => rmSync(directory, { recursive: true, force: true }) };
}
