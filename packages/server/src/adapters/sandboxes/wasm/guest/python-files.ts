/** A quota on Pyodide's in-memory file system, which has none. */

import type { Interpreter } from './python-interpreter.ts';

interface MemoryNode {
  readonly contents?: Uint8Array;
  readonly usedBytes?: number;
}

interface MemoryFileSystem {
  expandFileStorage(node: MemoryNode, capacity: number): void;
}

const ENOSPC = 51;

/** Refuses growth of files below `root` beyond `diskBytes` with ENOSPC. `full` turns true when that happened. */
export function limitDisk(python: Interpreter, root: string, limits: { readonly diskBytes: number }): { full: boolean } {
  const state = { full: false };
  const { FS } = python;
  const memory = FS.filesystems.MEMFS as MemoryFileSystem & { unlimited?: MemoryFileSystem['expandFileStorage'] };
  memory.unlimited ??= memory.expandFileStorage;
  const expand = memory.unlimited;
  let grown = usage(python, root);
  memory.expandFileStorage = (node, capacity) => {
    const more = Math.max(0, capacity - (node.usedBytes ?? 0));
    if (grown + more > limits.diskBytes) grown = usage(python, root);
    if (grown + more > limits.diskBytes) {
      state.full = true;
      throw new FS.ErrnoError(ENOSPC);
    }
    grown += more;
    expand.call(memory, node, capacity);
  };
  return state;
}

function usage(python: Interpreter, directory: string): number {
  let total = 0;
  const pending = [directory];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    for (const name of python.FS.readdir(next) as string[]) {
      if (name === '.' || name === '..') continue;
      const path = `${next}/${name}`;
      const { mode, size } = python.FS.lstat(path) as { mode: number; size: number };
      if ((mode & 0o170000) === 0o040000) pending.push(path);
      else total += size;
    }
  }
  return total;
}
