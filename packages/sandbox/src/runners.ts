/** The front ends that run inside the sandboxes: one for each language, the same in every lane. */

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** `packages/sandbox/runners`, next to `src` and `dist` alike. */
export const RUNNERS = fileURLToPath(new URL('../runners', import.meta.url));

/** Paths of the shared Python front end's modules, sorted. */
export function pythonFrontEnd(): readonly string[] {
  return filesBelow(join(RUNNERS, 'python', '_assay')).filter((path) => path.endsWith('.py'));
}

/** Paths of the shared JavaScript front end's modules, sorted. Guests import them. */
export function javascriptFrontEnd(): readonly string[] {
  return filesBelow(join(RUNNERS, 'javascript')).filter((path) => path.endsWith('.mjs'));
}

/** SHA-256 of every runner file by path below {@link RUNNERS}. */
export function digestRunners(): Readonly<Record<string, string>> {
  return Object.fromEntries(filesBelow(RUNNERS).map((path) => [relative(RUNNERS, path).replaceAll('\\', '/'), digest(path)]));
}

function filesBelow(directory: string): readonly string[] {
  return readdirSync(directory, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.includes('__pycache__'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

function digest(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}
