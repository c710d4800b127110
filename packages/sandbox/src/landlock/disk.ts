/**
 * How much a job has written below its directory, counted by looking: without a file system of its own nothing else limits it. Files
 * that it unlinked and still holds are counted in `descriptors.ts`. What cannot be counted (a folder that cannot be listed,
 * a tree too deep to walk) counts as too much, never as nothing.
 */

import { lstatSync, opendirSync } from 'node:fs';
import { join } from 'node:path';

/** Folders inside one another; paths longer than the kernel takes are refused by it. */
const MAX_DEPTH = 64;
export const BLOCK_BYTES = 512;
/** Entries above the limit at which counting stops; a tree that cannot be counted counts as that many. */
const BEYOND = 8;

export interface DiskUse {
  /** Bytes in allocated blocks. */
  readonly bytes: number;
  /** Entries; above `most` also for a tree that cannot be counted. */
  readonly inodes: number;
}

/** What stands below `root`. Stops counting a little above `most` entries. */
export function measureDisk(root: string, most: number): DiskUse {
  let bytes = 0;
  let inodes = 0;
  const open: { readonly path: string; readonly depth: number }[] = [{ path: root, depth: 0 }];
  for (let next = open.pop(); next !== undefined && inodes < most + BEYOND; next = open.pop()) {
    const { path, depth } = next;
    if (depth > MAX_DEPTH) return { bytes, inodes: most + BEYOND };
    try {
      const directory = opendirSync(path);
      try {
        for (let entry = directory.readSync(); entry !== null && inodes < most + BEYOND; entry = directory.readSync()) {
          inodes += 1;
          const inner = join(path, entry.name);
          if (entry.isDirectory()) open.push({ path: inner, depth: depth + 1 });
          else bytes += allocated(inner);
        }
      } finally {
        directory.closeSync();
      }
    } catch (error) {
      if (!isGone(error)) return { bytes, inodes: most + BEYOND };
    }
  }
  return { bytes, inodes };
}

function allocated(path: string): number {
  try {
    return lstatSync(path).blocks * BLOCK_BYTES;
  } catch (error) {
    if (isGone(error)) return 0;
    throw error;
  }
}

const isGone = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOENT';
