/**
 * Memory of a cell, counted by looking: for lanes and machines without control groups, and for what the kernel counts in none.
 *
 * Not counted: pages of shared memory that no process has mapped in, and pipes. For those there is `isMachineShort`.
 */

import { readFileSync } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { bytesOf, hides, readStart, targetOf } from './proc-file.ts';
import type { ProcessUsage } from './process-tree.ts';

/** What a socket can hold in the kernel, both directions (net.core.wmem_default, rounded up). Larger buffers are refused by seccomp. */
export const SOCKET_BYTES = 256 * 1024;
/** Locks of files that one cell may hold, and how much of the kernel's list is read to count them: some 60 bytes a lock. */
const MAX_LOCKS = 1_000;
const LOCKS_BYTES = 128 * 1024;
/** Length of the list of mappings from which on a process has too many: some 10,000 of them. */
export const MAPS_BYTES = 512 * 1024;
/** Processes whose mappings are counted at one look, drawn by lot. */
const MAPS_PROCESSES = 2;
const SLOW_LOOK_MS = 200;
/** Below this part of its memory, and below this much, a machine is short. */
const SHORT_PART = 0.05;
const SHORT_BYTES = 64 * 1024 * 1024;

const SHORT = 'the machine is nearly out of memory, so programs in the sandbox are ended; run fewer at a time';
const HIDDEN =
  'the program started one that cannot be read, so what it uses cannot be counted; start only programs that can be read';
const LOCKS = `the program holds more than ${MAX_LOCKS} locks of files; hold fewer`;
const MAPPINGS = 'a process of the program has too many mappings of memory; make fewer and larger ones';

/** Counts for one cell. */
export class MemoryLook {
  /** The last proportional count; `null` while the processes cannot have more than their bound. */
  #proportional: number | null = null;
  #counting = false;
  #slow: { at: number; found: string | undefined; busy: boolean } = { at: 0, found: undefined, busy: false };

  /**
   * What the processes use together, page tables included. Summing what each has resident counts pages that a fork shares many times
   * over, so above `bound` the kernel's proportional count decides. It is slow, so it is read outside this thread and comes a look later.
   */
  processes(processes: readonly ProcessUsage[], bound: number): number {
    const tables = processes.reduce((sum, { tableBytes }) => sum + tableBytes, 0);
    const resident = processes.reduce((sum, { residentBytes }) => sum + residentBytes, 0);
    if (tables + resident <= bound) {
      this.#proportional = null;
      return tables + resident;
    }
    if (!this.#counting) void this.#count(processes);
    return tables + (this.#proportional ?? 0);
  }

  async #count(processes: readonly ProcessUsage[]): Promise<void> {
    this.#counting = true;
    const counted = await Promise.all(processes.map(proportionalBytes));
    this.#proportional = counted.reduce((sum, bytes) => sum + bytes, 0);
    this.#counting = false;
  }

  /** Why the cell has to end, beyond what has a number in its limits. `counted`: a control group counts its memory. */
  excess(processes: readonly { readonly pid: number; readonly task: string }[], counted: boolean): string | undefined {
    if (!counted && isMachineShort()) return SHORT;
    if (!counted && processes.some(({ task }) => hides(task))) return HIDDEN;
    const slow = this.#slow;
    if (!slow.busy && performance.now() - slow.at > SLOW_LOOK_MS) void this.#lookSlowly(processes, counted);
    return slow.found;
  }

  /** Reads that can take long, outside this thread. */
  async #lookSlowly(processes: readonly { readonly pid: number; readonly task: string }[], counted: boolean): Promise<void> {
    const slow = this.#slow;
    slow.busy = true;
    const pids = new Set(processes.map(({ pid }) => pid));
    const locks = lockOwners(await readPart('/proc/locks', LOCKS_BYTES)).filter((owner) => pids.has(owner));
    if (locks.length > MAX_LOCKS) slow.found = LOCKS;
    for (const { task } of counted ? [] : drawn(processes, MAPS_PROCESSES)) {
      if ((await readPart(`${task}/maps`, MAPS_BYTES)).length === MAPS_BYTES) slow.found = MAPPINGS;
    }
    slow.at = performance.now();
    slow.busy = false;
  }
}

/** A process that has ended uses nothing. */
async function proportionalBytes({ task }: ProcessUsage): Promise<number> {
  const rollup = await readFile(`${task}/smaps_rollup`, 'latin1').catch(() => '');
  return bytesOf(rollup, 'Pss') + bytesOf(rollup, 'SwapPss');
}

/** Process ids in a part of the kernel's list of locks (proc(5), locks). */
function lockOwners(list: string): readonly number[] {
  return list
    .split('\n')
    .map((line) => Number(line.split(/\s+/)[4]))
    .filter((owner) => owner > 0);
}

async function readPart(file: string, most: number): Promise<string> {
  const handle = await open(file, 'r').catch(() => null);
  if (handle === null) return '';
  try {
    const bytes = Buffer.allocUnsafe(most);
    let length = 0;
    for (let read = -1; read !== 0 && length < most; length += read) {
      read = (await handle.read(bytes, length, most - length, null)).bytesRead;
    }
    return bytes.toString('latin1', 0, length);
  } catch {
    return '';
  } finally {
    await handle.close();
  }
}

function drawn<T>(from: readonly T[], count: number): readonly T[] {
  const start = Math.floor(Math.random() * from.length);
  return [...from.slice(start), ...from.slice(0, start)].slice(0, count);
}

/**
 * Kernel memory that the sockets of processes in a network namespace of their own can hold: it is in no process's count, so every
 * socket is charged with all that its buffers take. The kernel counts them: also those in no process's table, because they are on
 * their way to another process or wait to be accepted.
 */
export function namespaceSocketBytesOf(processes: readonly ProcessUsage[]): number {
  const own = targetOf('/proc/self/ns/net');
  for (const { task } of [...processes].reverse()) {
    const namespace = targetOf(`${task}/ns/net`);
    if (namespace === '' || namespace === own) continue;
    const used = /^sockets: used (\d+)/m.exec(readStart(`${task}/net/sockstat`, 4096))?.[1];
    if (used !== undefined) return Number(used) * SOCKET_BYTES;
  }
  return 0;
}

/** True when the machine is nearly out of memory. */
export function isMachineShort(meminfo = readFileSync('/proc/meminfo', 'latin1')): boolean {
  return bytesOf(meminfo, 'MemAvailable') < Math.max(SHORT_BYTES, bytesOf(meminfo, 'MemTotal') * SHORT_PART);
}
