/**
 * What the descriptors and mappings of a cell hold: sockets, whose buffers are in no process's count, and files without a name. Reading
 * them costs this thread time that the program decides, so each look takes the processes in turn for as long as it may.
 */

import { statSync } from 'node:fs';
import { MAPS_BYTES, SOCKET_BYTES } from '../native/memory-look.ts';
import { namesIn, readStart, targetOf } from '../native/proc-file.ts';
import type { ProcessUsage } from '../native/process-tree.ts';
import { BLOCK_BYTES, type DiskUse } from './disk.ts';

const LOOK_MS = 15;
const DELETED = ' (deleted)';

export interface Held {
  /** Most that the sockets can hold in the kernel. Those that a fork shares count once. */
  readonly socketBytes: number;
  readonly unlinked: DiskUse;
}

interface HeldByProcess {
  readonly sockets: ReadonlySet<string>;
  /** Bytes by inode. */
  readonly unlinked: ReadonlyMap<string, number>;
  readonly at: number;
}

/** Looks at one cell. */
export class DescriptorLook {
  readonly #root: string;
  readonly #fileBytes: number;
  #known: ReadonlyMap<number, HeldByProcess> = new Map();

  /** `fileBytes`: the largest file of the cell. */
  constructor(root: string, fileBytes: number) {
    this.#root = root;
    this.#fileBytes = fileBytes;
  }

  /** What these processes held when it was last their turn; those that were never looked at come first. */
  look(processes: readonly Pick<ProcessUsage, 'pid' | 'task'>[]): Held {
    const known = new Map(processes.map(({ pid }) => [pid, this.#known.get(pid)] as const));
    const until = performance.now() + LOOK_MS;
    for (const { pid, task } of [...processes].sort((a, b) => (known.get(a.pid)?.at ?? 0) - (known.get(b.pid)?.at ?? 0))) {
      known.set(pid, this.#lookAt(task));
      if (performance.now() > until) break;
    }
    const found = [...known].filter((entry): entry is [number, HeldByProcess] => entry[1] !== undefined);
    this.#known = new Map(found);
    const sockets = new Set(found.flatMap(([, held]) => [...held.sockets]));
    const unlinked = new Map(found.flatMap(([, held]) => [...held.unlinked]));
    const bytes = [...unlinked.values()].reduce((sum, each) => sum + each, 0);
    return { socketBytes: sockets.size * SOCKET_BYTES, unlinked: { bytes, inodes: unlinked.size } };
  }

  #lookAt(task: string): HeldByProcess {
    const sockets = new Set<string>();
    // How large a file is that is only mapped cannot be seen, so it counts as the largest that a job may write.
    const unlinked = new Map(this.#deletedMaps(task).map((inode) => [inode, this.#fileBytes]));
    for (const descriptor of namesIn(`${task}/fd`)) {
      const path = `${task}/fd/${descriptor}`;
      const target = targetOf(path);
      if (target.startsWith('socket:')) sockets.add(target);
      if (target.endsWith(DELETED)) holdOpen(unlinked, path);
    }
    return { sockets, unlinked, at: performance.now() };
  }

  /** Inodes of deleted files below the root that are mapped (proc(5), maps). A longer list ends the process. */
  #deletedMaps(task: string): readonly string[] {
    return readStart(`${task}/maps`, MAPS_BYTES)
      .split('\n')
      .filter((line) => line.endsWith(DELETED) && line.includes(` ${this.#root}/`))
      .map((line) => line.split(/ +/)[4] ?? '');
  }
}

function holdOpen(unlinked: Map<string, number>, path: string): void {
  try {
    const found = statSync(path);
    if (found.isFile() && found.nlink === 0) unlinked.set(`${found.ino}`, found.blocks * BLOCK_BYTES);
  } catch {
    // Closed meanwhile.
  }
}
