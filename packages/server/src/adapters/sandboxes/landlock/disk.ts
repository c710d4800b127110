/** How much a job has written, counted by looking: without a file system of its own nothing else limits it. */

import { lstatSync, opendirSync } from 'node:fs';
import { join } from 'node:path';

const MAX_DEPTH = 64;

/** Bytes in allocated blocks and number of entries below `root`. Stops counting a little above `most` entries. */
export function measureDisk(root: string, most: number): { readonly bytes: number; readonly inodes: number } {
  let bytes = 0;
  let inodes = 0;
  const open: { readonly path: string; readonly depth: number }[] = [{ path: root, depth: 0 }];
  for (let next = open.pop(); next !== undefined && inodes <= most + 8; next = open.pop()) {
    const { path, depth } = next;
    try {
      const directory = opendirSync(path);
      try {
        for (let entry = directory.readSync(); entry !== null && inodes <= most + 8; entry = directory.readSync()) {
          inodes += 1;
          const inner = join(path, entry.name);
          if (entry.isDirectory() && depth < MAX_DEPTH) open.push({ path: inner, depth: depth + 1 });
          else bytes += lstatSync(inner).blocks * 512;
        }
      } finally {
        directory.closeSync();
      }
    } catch {
      // Gone meanwhile, or closed to us: what cannot be seen cannot be collected either.
    }
  }
  return { bytes, inodes };
}
