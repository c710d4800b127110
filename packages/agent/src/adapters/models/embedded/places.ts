/** Where models and their engine lie in the data directory. Only its owner can read it (mode 0700). */

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { CatalogueModel } from './catalogue.ts';

/** `<data directory>/models`. */
export function modelsDirectory(dataDir: string): string {
  return join(dataDir, 'models');
}

/** As {@link modelsDirectory}, made when it is not there. */
export async function makeModelsDirectory(dataDir: string): Promise<string> {
  const directory = modelsDirectory(dataDir);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  return directory;
}

/** The file of a fetched model. What is still being fetched ends in `.part`. */
export function modelFile(dataDir: string, { file }: Pick<CatalogueModel, 'file'>): string {
  return join(modelsDirectory(dataDir), file);
}
