/**
 * Control groups for jobs: memory, number of processes, CPU time used, and a way to kill everything at once. Version 2 where
 * the unified hierarchy has the controllers, else version 1 (cgroups(7)), else none, and the caller's watchdog stands in.
 *
 * Not promised: that swap is off (it is, where the kernel accounts for it).
 */

import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

export interface GroupUsage {
  readonly memoryBytes: number;
  readonly peakBytes: number;
  /** `null` when this machine does not count CPU time by group. */
  readonly cpuMs: number | null;
  /** Processes the kernel killed for want of memory. */
  readonly oomKills: number;
}

/** One job's group. */
export interface JobGroup {
  /** Files to which a process writes `0` to move itself in; for launchers that join before they start anything. */
  readonly joinFiles: readonly string[];
  /** Both wait in the kernel rather than here: a move can take milliseconds on a busy machine. */
  limit(limits: { readonly memoryBytes: number; readonly processes: number }): Promise<void>;
  add(pid: number): Promise<void>;
  pids(): readonly number[];
  usage(): GroupUsage;
  /** Kills every member, again until none is left. */
  kill(): Promise<void>;
  remove(): void;
}

export interface GroupTree {
  readonly version: 1 | 2;
  create(name: string): JobGroup;
  /** Removes the tree; its groups must be empty. */
  close(): void;
}

interface Mount {
  readonly type: string;
  readonly path: string;
  readonly controllers: readonly string[];
}

const PREFIX = 'assay-';

/**
 * Makes a tree of this process's own, or gives `null` when no hierarchy can be written to. Trees of agents that died are removed.
 *
 * @example
 * const group = openGroupTree()?.create('job-1');
 * group?.limit({ memoryBytes: 512 << 20, processes: 64 });
 */
export function openGroupTree(): GroupTree | null {
  const mounts = readMounts();
  const attempts = [() => openUnified(mounts), () => openVersion1(mounts)];
  for (const attempt of attempts) {
    try {
      const tree = attempt();
      if (tree !== null) return tree;
    } catch {
      // Read-only or not delegated: the next hierarchy, else none.
    }
  }
  return null;
}

function readMounts(): readonly Mount[] {
  try {
    return readFileSync('/proc/self/mounts', 'utf8')
      .split('\n')
      .map((line) => line.split(' '))
      .filter((fields) => fields[2] === 'cgroup' || fields[2] === 'cgroup2')
      .map(([, path = '', type = '', options = '']) => ({ type, path, controllers: options.split(',') }));
  } catch {
    return [];
  }
}

/** This process's group in a hierarchy: `controllers` as /proc/self/cgroup writes them, empty for the unified one. */
function ownPath(controller: string): string {
  for (const line of readFileSync('/proc/self/cgroup', 'utf8').split('\n')) {
    const [, controllers = '', ...path] = line.split(':');
    if (controller === '' ? controllers === '' : controllers.split(',').includes(controller)) return path.join(':');
  }
  return '/';
}

function openUnified(mounts: readonly Mount[]): GroupTree | null {
  const mount = mounts.find((candidate) => candidate.type === 'cgroup2');
  if (mount === undefined) return null;
  const own = existing(mount.path, ownPath(''));
  const available = read(join(own, 'cgroup.controllers')).split(/\s+/);
  if (!available.includes('memory') || !available.includes('pids')) return null;
  const root = makeTree(own);
  try {
    delegate(own, root);
    write(join(root, 'cgroup.subtree_control'), '+memory +pids');
  } catch (error) {
    removeQuietly(root);
    throw error;
  }
  return { version: 2, create: (name) => new UnifiedGroup(join(root, name)), close: () => removeQuietly(root) };
}

/** Lets `own` pass its controllers down. A group with members may not (no internal processes), so they move to a leaf first. */
function delegate(own: string, root: string): void {
  const control = join(own, 'cgroup.subtree_control');
  const passed = read(control).split(/\s+/);
  if (passed.includes('memory') && passed.includes('pids')) return;
  try {
    write(control, '+memory +pids');
  } catch {
    const leaf = join(own, `${root.slice(own.length + 1)}-agent`);
    mkdirSync(leaf);
    for (const pid of read(join(own, 'cgroup.procs')).split('\n').filter(Boolean)) write(join(leaf, 'cgroup.procs'), pid);
    write(control, '+memory +pids');
  }
}

class UnifiedGroup implements JobGroup {
  readonly joinFiles: readonly string[];
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
    this.joinFiles = [join(path, 'cgroup.procs')];
    mkdirSync(path);
    write(join(path, 'memory.oom.group'), '1');
    writeQuietly(join(path, 'memory.swap.max'), '0');
  }

  async limit(limits: { readonly memoryBytes: number; readonly processes: number }): Promise<void> {
    await writeFile(join(this.#path, 'memory.max'), String(limits.memoryBytes));
    await writeFile(join(this.#path, 'pids.max'), String(limits.processes));
  }

  async add(pid: number): Promise<void> {
    await writeFile(join(this.#path, 'cgroup.procs'), String(pid));
  }

  pids(): readonly number[] {
    return numbers(readQuietly(join(this.#path, 'cgroup.procs')));
  }

  usage(): GroupUsage {
    const cpu = /usage_usec (\d+)/.exec(readQuietly(join(this.#path, 'cpu.stat')))?.[1];
    const memoryBytes = Number(readQuietly(join(this.#path, 'memory.current')) || 0);
    return {
      memoryBytes,
      peakBytes: Number(readQuietly(join(this.#path, 'memory.peak')) || memoryBytes),
      cpuMs: cpu === undefined ? null : Number(cpu) / 1000,
      oomKills: Number(/oom_kill (\d+)/.exec(readQuietly(join(this.#path, 'memory.events')))?.[1] ?? 0),
    };
  }

  async kill(): Promise<void> {
    writeQuietly(join(this.#path, 'cgroup.kill'), '1');
    await killAll(this);
  }

  remove(): void {
    removeQuietly(this.#path);
  }
}

const VERSION1 = ['memory', 'pids', 'cpuacct'] as const;

function openVersion1(mounts: readonly Mount[]): GroupTree | null {
  const roots = new Map<string, string>();
  for (const controller of VERSION1) {
    const mount = mounts.find((candidate) => candidate.type === 'cgroup' && candidate.controllers.includes(controller));
    if (mount === undefined) continue;
    try {
      roots.set(controller, makeTree(existing(mount.path, ownPath(controller))));
    } catch (error) {
      if (controller !== 'cpuacct') throw error;
    }
  }
  const memory = roots.get('memory');
  const pids = roots.get('pids');
  if (memory === undefined || pids === undefined) return null;
  writeQuietly(join(memory, 'memory.use_hierarchy'), '1');
  const accounts = roots.get('cpuacct') ?? null;
  return {
    version: 1,
    create: (name) => new Version1Group(join(memory, name), join(pids, name), accounts === null ? null : join(accounts, name)),
    close: () => {
      for (const root of roots.values()) removeQuietly(root);
    },
  };
}

class Version1Group implements JobGroup {
  readonly joinFiles: readonly string[];
  readonly #memory: string;
  readonly #pids: string;
  readonly #accounts: string | null;
  readonly #swap: boolean;

  constructor(memory: string, pids: string, accounts: string | null) {
    this.#memory = memory;
    this.#pids = pids;
    this.#accounts = accounts;
    for (const path of this.#paths()) mkdirSync(path);
    this.joinFiles = this.#paths().map((path) => join(path, 'cgroup.procs'));
    this.#swap = existsSync(join(memory, 'memory.memsw.limit_in_bytes'));
    if (!this.#swap) writeQuietly(join(memory, 'memory.swappiness'), '0');
  }

  #paths(): readonly string[] {
    return this.#accounts === null ? [this.#memory, this.#pids] : [this.#memory, this.#pids, this.#accounts];
  }

  async limit(limits: { readonly memoryBytes: number; readonly processes: number }): Promise<void> {
    const bytes = String(limits.memoryBytes);
    const both = join(this.#memory, 'memory.memsw.limit_in_bytes');
    // What sockets of IP hold is counted apart from all other memory here.
    writeQuietly(join(this.#memory, 'memory.kmem.tcp.limit_in_bytes'), bytes);
    const swap = this.#swap ? () => writeFile(both, bytes).catch(() => undefined) : async () => undefined;
    await Promise.all([
      // The sum of memory and swap may never be below memory: raised first, or set again after.
      swap()
        .then(() => writeFile(join(this.#memory, 'memory.limit_in_bytes'), bytes))
        .then(swap),
      writeFile(join(this.#pids, 'pids.max'), String(limits.processes)),
    ]);
  }

  async add(pid: number): Promise<void> {
    await Promise.all(this.joinFiles.map((file) => writeFile(file, String(pid))));
  }

  pids(): readonly number[] {
    return numbers(readQuietly(join(this.#pids, 'cgroup.procs')));
  }

  usage(): GroupUsage {
    const cpu = this.#accounts === null ? '' : readQuietly(join(this.#accounts, 'cpuacct.usage'));
    return {
      memoryBytes: this.#number('memory.usage_in_bytes') + this.#number('memory.kmem.tcp.usage_in_bytes'),
      peakBytes: this.#number('memory.max_usage_in_bytes') + this.#number('memory.kmem.tcp.max_usage_in_bytes'),
      cpuMs: cpu === '' ? null : Number(cpu) / 1e6,
      oomKills: Number(/oom_kill (\d+)/.exec(readQuietly(join(this.#memory, 'memory.oom_control')))?.[1] ?? 0),
    };
  }

  #number(file: string): number {
    return Number(readQuietly(join(this.#memory, file)) || 0);
  }

  async kill(): Promise<void> {
    await killAll(this, () => writeQuietly(join(this.#pids, 'pids.max'), '0'));
  }

  remove(): void {
    for (const path of this.#paths()) removeQuietly(path);
  }
}

/** SIGKILL to every member until the group is empty. `before` stops new ones from being made. */
async function killAll(group: JobGroup, before: () => void = () => {}): Promise<void> {
  for (let round = 0; round < 200; round += 1) {
    const members = group.pids();
    if (members.length === 0) return;
    if (round === 0) before();
    for (const pid of members) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // Gone already.
      }
    }
    await delay(round < 5 ? 1 : 10);
  }
}

/** `assay-<pid>` below `parent`, or below the mount when this process's path is not visible in it (containers). */
function makeTree(parent: string): string {
  for (const name of readdirSync(parent)) {
    const pid = /^assay-(\d+)-\d+$/.exec(name)?.[1];
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) removeTree(join(parent, name));
  }
  const root = join(parent, `${PREFIX}${process.pid}-${nextTree()}`);
  mkdirSync(root);
  return root;
}

let trees = 0;
function nextTree(): number {
  trees += 1;
  return trees;
}

function removeTree(root: string): void {
  try {
    for (const entry of readdirSync(root, { withFileTypes: true })) {
      if (!entry.isDirectory()) continue;
      for (const pid of numbers(readQuietly(join(root, entry.name, 'cgroup.procs')))) process.kill(pid, 'SIGKILL');
      removeQuietly(join(root, entry.name));
    }
  } catch {
    // Whatever is left is empty or not ours.
  }
  removeQuietly(root);
}

function existing(mount: string, path: string): string {
  const whole = join(mount, path);
  return existsSync(whole) ? whole : mount;
}

function numbers(text: string): readonly number[] {
  return text.split('\n').filter(Boolean).map(Number);
}

function read(file: string): string {
  return readFileSync(file, 'utf8').trim();
}

function readQuietly(file: string): string {
  try {
    return read(file);
  } catch {
    return '';
  }
}

function write(file: string, text: string): void {
  writeFileSync(file, text);
}

function writeQuietly(file: string, text: string): void {
  try {
    write(file, text);
  } catch {
    // An optional control that this kernel does not have.
  }
}

function removeQuietly(path: string): void {
  try {
    rmdirSync(path);
  } catch {
    // Still busy or gone; the next start of an agent removes it.
  }
}
