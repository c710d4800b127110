/** What the processes below one process are and use, read from /proc. For lanes and machines without control groups. */

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { bytesOf } from './proc-file.ts';

export interface ProcessUsage {
  readonly pid: number;
  readonly parent: number;
  /** Process group. */
  readonly group: number;
  readonly threads: number;
  readonly uid: number;
  /** Folder in /proc of a thread that lives. The first thread can have ended, and then the folder of the process says nothing. */
  readonly task: string;
  /** In memory or in swap. */
  readonly residentBytes: number;
  /** Page tables and huge pages, which are not counted as resident. */
  readonly tableBytes: number;
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
    const fields = statFields(`/proc/${pid}`);
    const task = livingTask(pid, fields);
    if (task === null) return null;
    const status = readFileSync(`${task}/status`, 'latin1');
    return {
      pid,
      parent: Number(fields[1]),
      group: Number(fields[2]),
      threads: Number(fields[17]),
      uid: Number(/^Uid:\s+(\d+)/m.exec(status)?.[1] ?? -1),
      task,
      residentBytes: bytesOf(status, 'VmRSS') + bytesOf(status, 'VmSwap'),
      tableBytes: bytesOf(status, 'VmPTE') + bytesOf(status, 'HugetlbPages'),
      // Its own, in user and system mode, then the same of the children that it has waited for.
      cpuMs: fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) * TICK_MS,
    };
  } catch {
    return null;
  }
}

/** Fields of `stat` from the state on. The name before them stands in brackets and can hold anything, brackets included. */
function statFields(directory: string): readonly string[] {
  const stat = readFileSync(`${directory}/stat`, 'latin1');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

const ENDED = new Set(['Z', 'X']);

function livingTask(pid: number, fields: readonly string[]): string | null {
  if (!ENDED.has(fields[0] ?? '')) return `/proc/${pid}/task/${pid}`;
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    const directory = `/proc/${pid}/task/${task}`;
    if (task !== `${pid}` && !ENDED.has(statFields(directory)[0] ?? '')) return directory;
  }
  return null;
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

/** SIGKILL that does not mind a process that is gone. */
export function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Gone already.
  }
}

/** Has the kernel end this process and its children before the agent when memory runs out. */
export function offerToOomKiller(pid: number | undefined): void {
  try {
    writeFileSync(`/proc/${pid}/oom_score_adj`, '1000');
  } catch {
    // Gone already, or a system without it.
  }
}
