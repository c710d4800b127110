/** Quotas on Pyodide's in-memory file system, which has none: bytes together, bytes a file, entries, depth. */

import type { FileSystem } from './python-interpreter.ts';

interface MemoryNode {
  readonly contents?: Uint8Array;
  readonly usedBytes?: number;
  readonly parent?: MemoryNode;
}

interface MemoryFileSystem {
  expandFileStorage(node: MemoryNode, size: number): void;
  resizeFileStorage(node: MemoryNode, size: number): void;
  createNode(parent: MemoryNode | null, ...rest: readonly unknown[]): MemoryNode;
}

export interface DiskLimits {
  readonly diskBytes: number;
  readonly fileBytes: number;
  readonly inodes: number;
}

// Numbers of wasi_snapshot_preview1, which this file system reports.
const EFBIG = 22;
const ENAMETOOLONG = 37;
const ENOSPC = 51;
const MAX_DEPTH = 256;

let original: MemoryFileSystem | null = null;

/** Refuses what goes beyond the limits below `root`. `full` turns true when the disk was full. */
export function limitDisk(FS: FileSystem, root: string, limits: DiskLimits): { full: boolean } {
  const state = { full: false };
  const memory = FS.filesystems.MEMFS as MemoryFileSystem;
  original ??= {
    expandFileStorage: memory.expandFileStorage,
    resizeFileStorage: memory.resizeFileStorage,
    createNode: memory.createNode,
  };
  const { expandFileStorage, resizeFileStorage, createNode } = original;
  let used = usage(FS, root);
  const noRoom = (): Error => {
    state.full = true;
    return new FS.ErrnoError(ENOSPC);
  };
  const reserve = (node: MemoryNode, size: number): void => {
    if (size > limits.fileBytes) throw new FS.ErrnoError(EFBIG);
    const more = Math.max(0, size - (node.usedBytes ?? 0));
    if (used.bytes + more > limits.diskBytes) used = usage(FS, root);
    if (used.bytes + more > limits.diskBytes) throw noRoom();
    used.bytes += more;
  };
  memory.expandFileStorage = (node, size) => {
    reserve(node, size);
    expandFileStorage.call(memory, node, size);
  };
  memory.resizeFileStorage = (node, size) => {
    reserve(node, size);
    resizeFileStorage.call(memory, node, size);
  };
  memory.createNode = (parent, ...rest) => {
    if (depthOf(parent) > MAX_DEPTH) throw new FS.ErrnoError(ENAMETOOLONG);
    if (used.entries >= limits.inodes) used = usage(FS, root);
    if (used.entries >= limits.inodes) throw noRoom();
    used.entries += 1;
    return createNode.call(memory, parent, ...rest);
  };
  return state;
}

function depthOf(node: MemoryNode | null): number {
  let depth = 0;
  for (let at = node; at?.parent !== undefined && at.parent !== at && depth <= MAX_DEPTH; at = at.parent) depth += 1;
  return depth;
}

function usage(FS: FileSystem, directory: string): { bytes: number; entries: number } {
  const total = { bytes: 0, entries: 0 };
  const pending = [directory];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    for (const name of FS.readdir(next) as string[]) {
      if (name === '.' || name === '..') continue;
      const path = `${next}/${name}`;
      const { mode, size } = FS.lstat(path) as { mode: number; size: number };
      total.entries += 1;
      if ((mode & 0o170000) === 0o040000) pending.push(path);
      else total.bytes += size;
    }
  }
  return total;
}
