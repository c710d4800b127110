/** A root filesystem as a list: what an archive needs and nothing that differs between two machines. Owner is root, times are one. */

import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

export interface Entry {
  /** Without a leading slash; folders without a closing one. */
  readonly path: string;
  readonly kind: 'file' | 'folder' | 'link';
  /** Permission bits. */
  readonly mode: number;
  /** Of a file. */
  readonly bytes: Uint8Array;
  /** Of a link. */
  readonly target: string;
}

const NOTHING = new Uint8Array(0);

export const file = (path: string, bytes: Uint8Array | string, mode = 0o644): Entry => ({
  ...{ path, kind: 'file', mode, target: '' },
  bytes: typeof bytes === 'string' ? new TextEncoder().encode(bytes) : bytes,
});
export const folder = (path: string, mode = 0o755): Entry => ({ path, kind: 'folder', mode, bytes: NOTHING, target: '' });
export const link = (path: string, target: string): Entry => ({ path, kind: 'link', mode: 0o777, bytes: NOTHING, target });

/** Every file below `directory` that `wanted` takes, as entries below `prefix`. Of permissions only "executable" is kept. */
export function entriesBelow(
  directory: string,
  prefix: string,
  wanted: (path: string) => boolean = () => true,
): readonly Entry[] {
  return readdirSync(directory)
    .filter((name) => wanted(`${prefix}/${name}`))
    .flatMap((name): readonly Entry[] => {
      const [source, path] = [join(directory, name), `${prefix}/${name}`];
      const { mode, ...stat } = lstatSync(source);
      if (lstatSync(source).isSymbolicLink()) return [link(path, readlinkSync(source))];
      if (lstatSync(source).isDirectory()) return entriesBelow(source, path, wanted);
      void stat;
      return [file(path, readFileSync(source), (mode & 0o111) === 0 ? 0o644 : 0o755)];
    });
}

/**
 * Sorted by the bytes of their paths, each once, with every folder on the way.
 * @throws Error for two entries of one path.
 */
export function arranged(entries: readonly Entry[]): readonly Entry[] {
  const all = new Map<string, Entry>();
  for (const entry of entries) {
    if (all.has(entry.path) && entry.kind !== 'folder')
      throw new Error(`expected one ${entry.path} in the image, got two; take one out`);
    all.set(entry.path, entry);
  }
  for (const { path } of entries) {
    const parts = path.split('/');
    for (let length = 1; length < parts.length; length += 1) {
      const parent = parts.slice(0, length).join('/');
      if (!all.has(parent)) all.set(parent, folder(parent));
    }
  }
  return [...all.values()].sort((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)));
}
