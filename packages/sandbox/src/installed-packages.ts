/** Which Python packages a data folder has for its sandbox, whether or not a running agent took them up. */

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { wheelDirectory } from './wasm/wheels.ts';

/**
 * Names with versions, of every lane. Their digests are checked when a lane opens with them, not here.
 * @example await installedPackages('/var/lib/assay') // ['numpy 2.4.6', 'pandas 3.1.1', …]
 */
export async function installedPackages(directory: string): Promise<readonly string[]> {
  const images = join(directory, 'sandbox', 'native');
  const tags = await readdir(images).catch(() => []);
  const native = await Promise.all(tags.map((tag) => namesIn(join(images, tag, 'manifest.json'))));
  const wheels = await readdir(wheelDirectory(directory)).catch(() => []);
  const wasm = wheels.flatMap((file) => /^([^-]+)-([^-]+)-.*\.whl$/.exec(file)?.slice(1, 3).join(' ') ?? []);
  return [...new Set([...native.flat(), ...wasm])];
}

async function namesIn(manifest: string): Promise<readonly string[]> {
  try {
    const { names } = JSON.parse(await readFile(manifest, 'utf8')) as { readonly names?: unknown };
    return Array.isArray(names) ? names.map(String) : [];
  } catch {
    return []; // half an installation has none
  }
}
