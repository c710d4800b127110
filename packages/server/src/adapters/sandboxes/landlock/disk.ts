/**
 * How much a job has written, counted by looking: without a file system of its own nothing else limits it. Counted are the files below
 * its directory and those that it unlinked and still holds, open or mapped. What cannot be counted (a folder that cannot be listed,
 * a tree too deep to walk) counts as too much, never as nothing.
 */

import { lstatSync, opendirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

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

/** Files without a name that these processes hold, each counted once: open ones by their blocks, mapped ones by their length. */
export function measureUnlinked(root: string, processes: readonly number[]): DiskUse {
  const held = new Map<string, number>();
  for (const pid of processes) {
    for (const descriptor of namesIn(`/proc/${pid}/fd`)) {
      try {
        const found = statSync(`/proc/${pid}/fd/${descriptor}`);
        if (found.isFile() && found.nlink === 0) held.set(`${found.ino}`, found.blocks * BLOCK_BYTES);
      } catch {
        // Closed meanwhile.
      }
    }
    for (const { inode, bytes } of deletedMaps(root, pid)) if (!held.has(inode)) held.set(inode, bytes);
  }
  return { bytes: [...held.values()].reduce((sum, each) => sum + each, 0), inodes: held.size };
}

/** Mappings of deleted files below `root` (proc(5), maps). */
function deletedMaps(root: string, pid: number): readonly { readonly inode: string; readonly bytes: number }[] {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/maps`, 'latin1');
  } catch {
    return [];
  }
  return text.split('\n').flatMap((line) => {
    if (!line.endsWith(' (deleted)') || !line.includes(` ${root}/`)) return [];
    const [range = '', , , , inode = ''] = line.split(/ +/);
    const [from = '0', to = '0'] = range.split('-');
    return [{ inode, bytes: Number.parseInt(to, 16) - Number.parseInt(from, 16) }];
  });
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

const isGone = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOENT';
