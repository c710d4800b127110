/**
 * The files of an installed engine, held against the digest that ships with the agent: npm's own list says what it installed, not what
 * lies there now. Left out are that list and the links in `.bin`, which nothing here runs. Files that change after this look are not
 * noticed (LIMITATIONS.md).
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { digestTree } from '@assay/sandbox';
import { ServerError } from '../../../errors.ts';

const leftOut = (path: string): boolean => path === '.package-lock.json' || /(?:^|\/)\.bin\//.test(path);

/**
 * Reads every file of the engine in `directory`. @throws {ServerError} `model/wrong-digest`.
 * @example await checkEngineFiles(engine.directory); // before its code runs
 */
export async function checkEngineFiles(directory: string): Promise<void> {
  const found = await digestTree(join(directory, 'node_modules'), leftOut);
  const wanted = shippedFilesDigest();
  if (found === wanted) return;
  const message = `expected the engine's files with digest ${wanted}, got ${found}; remove ${directory} and fetch again`;
  throw new ServerError('model/wrong-digest', message);
}

/** Lower-case hex, of the files that the shipped lock file installs on this platform. */
export function shippedFilesDigest(): string {
  const text = readFileSync(new URL('../../../../models/engine-files.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as Readonly<Record<string, string>>)[`${process.platform}-${process.arch}`] ?? 'none';
}
