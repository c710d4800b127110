/** What the processes below one process are and use, read from /proc. For lanes and machines without control groups. */

import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';

export interface ProcessUsage {
  readonly pid: number;
  readonly parent: number;
  /** Process group. */
  readonly group: number;
  readonly threads: number;
  readonly uid: number;
  readonly residentBytes: number;
  readonly cpuMs: number;
}

/** The kernel's clock tick in /proc, 100 a second on every Linux that Node runs on. */
const TICK_MS = 10;

/** Every process visible here. */
export function readProcesses(): readonly ProcessUsage[] {
  const found: ProcessUsage[] = [];
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const usage = readProcess(Number(name));
    if (usage !== null) found.push(usage);
  }
  return found;
}

function readProcess(pid: number): ProcessUsage | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name stands in brackets and can hold anything, brackets included; fields count from behind the last one.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return null;
    const status = readFileSync(`/proc/${pid}/status`, 'latin1');
    return {
      pid,
      parent: Number(fields[1]),
      group: Number(fields[2]),
      threads: Number(fields[17]),
      uid: Number(/^Uid:\s+(\d+)/m.exec(status)?.[1] ?? -1),
      residentBytes: Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024,
      cpuMs: (Number(fields[11]) + Number(fields[12])) * TICK_MS,
    };
  } catch {
    return null;
  }
}

/** `root` and everything below it, `root` first. */
export function descendants(root: number): readonly ProcessUsage[] {
  const children = existsSync(`/proc/${process.pid}/task/${process.pid}/children`) ? childrenByFile : childrenByScan();
  const found: ProcessUsage[] = [];
  const open = [root];
  for (let pid = open.shift(); pid !== undefined; pid = open.shift()) {
    const usage = readProcess(pid);
    if (usage === null) continue;
    found.push(usage);
    open.push(...children(pid));
  }
  return found;
}

/** Children as the kernel lists them, thread by thread (CONFIG_PROC_CHILDREN). */
export function childrenByFile(pid: number): readonly number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((task) =>
      readFileSync(`/proc/${pid}/task/${task}/children`, 'latin1').split(' ').filter(Boolean).map(Number),
    );
  } catch {
    return [];
  }
}

function childrenByScan(): (pid: number) => readonly number[] {
  const children = new Map<number, number[]>();
  for (const { pid, parent } of readProcesses()) children.set(parent, [...(children.get(parent) ?? []), pid]);
  return (pid) => children.get(pid) ?? [];
}

/**
 * Memory that the processes use together. Summing what each has resident counts pages that a fork shares many times over, so
 * above `bound` the kernel's proportional count decides; it is slow, and only asked for then.
 */
export function memoryOf(processes: readonly ProcessUsage[], bound: number): number {
  const resident = processes.reduce((sum, { residentBytes }) => sum + residentBytes, 0);
  if (resident <= bound) return resident;
  return processes.reduce((sum, usage) => sum + (proportionalBytes(usage.pid) ?? usage.residentBytes), 0);
}

function proportionalBytes(pid: number): number | null {
  try {
    const found = /^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1'));
    return found === null ? null : Number(found[1]) * 1024;
  } catch {
    return null;
  }
}

/** What a socket can hold in the kernel by default, both directions (net.core.wmem_default, rounded up). Larger ones are refused by seccomp. */
const SOCKET_BYTES = 256 * 1024;

/**
 * Kernel memory that the sockets of these processes can hold: it is in no process's count, so every socket is charged with all that
 * its buffers take. Sockets that a fork shares count once.
 */
export function socketBytesOf(processes: readonly ProcessUsage[]): number {
  const sockets = new Set<string>();
  for (const { pid } of processes) {
    for (const descriptor of namesIn(`/proc/${pid}/fd`)) {
      const link = targetOf(`/proc/${pid}/fd/${descriptor}`);
      if (link.startsWith('socket:')) sockets.add(link);
    }
  }
  return sockets.size * SOCKET_BYTES;
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function targetOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

/** SIGKILL that does not mind a process that is gone. */
export function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Gone already.
  }
}
