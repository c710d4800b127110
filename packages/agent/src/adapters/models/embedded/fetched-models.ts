/** Which models of the catalogue are in the data directory, and how one of them goes away. */

import { stat, unlink } from 'node:fs/promises';
import { ServerError } from '../../../errors.ts';
import { CATALOGUE, type CatalogueModel, catalogueModel } from './catalogue.ts';
import { removePart } from './part-file.ts';
import { modelFile } from './places.ts';

/** A model of the catalogue, and whether its file is here. */
export interface ListedModel {
  readonly model: CatalogueModel;
  readonly path: string;
  /** The file is there in its length. Its digest is checked when it is fetched and when it is loaded. */
  readonly fetched: boolean;
}

/**
 * Every model of the catalogue, in its order.
 * @example for (const { model } of await listModels('/var/lib/assay')) console.log(model.name)
 */
export async function listModels(dataDir: string): Promise<readonly ListedModel[]> {
  return Promise.all(
    CATALOGUE.map(async (model) => {
      const path = modelFile(dataDir, model);
      const found = await stat(path).catch(() => null);
      return { model, path, fetched: found?.isFile() === true && found.size === model.bytes };
    }),
  );
}

/**
 * Removes a fetched model, or what is left of a broken fetch. An agent that has it loaded goes on with it until it stops.
 * @throws {ServerError} `model/unknown-name`, `model/not-fetched`.
 * @example await removeModel('/var/lib/assay', name)
 */
export async function removeModel(dataDir: string, name: string): Promise<void> {
  const path = modelFile(dataDir, catalogueModel(name));
  await removePart(path);
  await unlink(path).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'ENOENT') throw cause;
    throw new ServerError('model/not-fetched', `${name} is not in ${path}; assay model list shows what is`, { cause });
  });
}
