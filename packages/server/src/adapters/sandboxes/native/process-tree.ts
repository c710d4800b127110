/** What the processes below one process are and use, read from /proc. For lanes and machines without control groups. */

import { readdirSync, readFileSync } from 'node:fs';

export interface ProcessUsage {
  readonly pid: number;
  readonly parent: number;
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
      uid: Number(/^Uid:\s+(\d+)/m.exec(status)?.[1] ?? -1),
      residentBytes: Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024,
      cpuMs: (Number(fields[11]) + Number(fields[12])) * TICK_MS,
    };
  } catch {
    return null;
  }
}

/** `root` and everything below it, `root` first. */
export function descendants(root: number, processes: readonly ProcessUsage[] = readProcesses()): readonly ProcessUsage[] {
  const children = new Map<number, ProcessUsage[]>();
  for (const usage of processes) children.set(usage.parent, [...(children.get(usage.parent) ?? []), usage]);
  const found = processes.filter((usage) => usage.pid === root);
  for (let at = 0; at < found.length; at += 1) found.push(...(children.get(found[at]?.pid ?? -1) ?? []));
  return found;
}

/** SIGKILL that does not mind a process that is gone. */
export function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Gone already.
  }
}
