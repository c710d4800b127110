/** The directory of a finished image: only an older image, named by its own SHA256SUMS, is ever replaced. */

import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { ImageError } from './errors.ts';

/** Every image has these two, so its list of digests names both. */
const ALWAYS = ['provenance.json', 'rootfs.tar'];

/**
 * Refuses a directory that holds anything but an older image.
 * @throws {ImageError} `image/foreign-directory`.
 */
export function refuseForeign(directory: string): void {
  if (!existsSync(directory)) return;
  if (statSync(directory).isDirectory() && (readdirSync(directory).length === 0 || holdsImage(directory))) return;
  throw new ImageError(
    'image/foreign-directory',
    `expected a new or empty directory, or an older image with its SHA256SUMS, got ${JSON.stringify(directory)} with other content; choose another --out, or move it away`,
  );
}

/**
 * Writes the files next to `directory`, then puts them in its place.
 * @param files - Name below the directory → bytes.
 * @throws {ImageError} `image/foreign-directory`; the directory is then as it was.
 */
export function writeImage(directory: string, files: ReadonlyMap<string, Uint8Array>): void {
  refuseForeign(directory);
  const place = existsSync(directory) ? realpathSync(directory) : resolve(directory);
  const [fresh, old] = [`${place}.${process.pid}.new`, `${place}.${process.pid}.old`];
  try {
    for (const [name, bytes] of files) {
      mkdirSync(dirname(join(fresh, name)), { recursive: true });
      writeFileSync(join(fresh, name), bytes);
    }
    if (existsSync(place)) renameSync(place, old);
    renameSync(fresh, place);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
  rmSync(old, { recursive: true, force: true });
}

function holdsImage(directory: string): boolean {
  const path = join(directory, 'SHA256SUMS');
  if (!existsSync(path)) return false;
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
  const named = lines.map((line) => /^[0-9a-f]{64} {2}(\S.*)$/.exec(line)?.[1]);
  return !named.includes(undefined) && ALWAYS.every((name) => named.includes(name));
}
