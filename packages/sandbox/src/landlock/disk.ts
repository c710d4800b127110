/**
 * How much a job has written, counted by looking: without a file system of its own nothing else limits it. Counted are the files below
 * its directory and those that it unlinked and still holds, open or mapped. What cannot be counted (a folder that cannot be listed,
 * a tree too deep to walk) counts as too much, never as nothing.
 */

import { lstatSync, opendirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { MAPS_BYTES } from '../native/memory-look.ts';
import { namesIn, readStart } from '../native/proc-file.ts';
import type { ProcessUsage } from '../native/process-tree.ts';

/** Folders inside one another; paths longer than the kernel takes are refused by it. */
const MAX_DEPTH = 64;
const BLOCK_BYTES = 512;
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

/**
 * Files without a name that these processes hold, each counted once: open ones by their blocks. How large one is that is only mapped
 * cannot be seen, so it counts as the largest file that a job may write.
 */
export function measureUnlinked(root: string, processes: readonly Pick<ProcessUsage, 'task'>[], fileBytes: number): DiskUse {
  const held = new Map<string, number>();
  for (const { task } of processes) {
    for (const descriptor of namesIn(`${task}/fd`)) holdOpen(held, `${task}/fd/${descriptor}`);
    for (const inode of deletedMaps(root, task)) if (!held.has(inode)) held.set(inode, fileBytes);
  }
  return { bytes: [...held.values()].reduce((sum, each) => sum + each, 0), inodes: held.size };
}

function holdOpen(held: Map<string, number>, path: string): void {
  try {
    const found = statSync(path);
    if (found.isFile() && found.nlink === 0) held.set(`${found.ino}`, found.blocks * BLOCK_BYTES);
  } catch {
    // Closed meanwhile.
  }
}

/** Inodes of deleted files below `root` that are mapped (proc(5), maps). A longer list ends the process. */
function deletedMaps(root: string, task: string): readonly string[] {
  return readStart(`${task}/maps`, MAPS_BYTES)
    .split('\n')
    .filter((line) => line.endsWith(' (deleted)') && line.includes(` ${root}/`))
    .map((line) => line.split(/ +/)[4] ?? '');
}

const isGone = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOENT';
