/** Starts cells that Landlock, seccomp and resource limits confine, without namespaces. */

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { chownSync, mkdirSync, openSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { ExecutionLimits } from '@assay/receipt';
import { PENDING_SIGNALS } from '../limits.ts';
import { addressSpaceOf } from '../native/address-space.ts';
import type { Cell, CellFactory, CellKind, CellUsage } from '../native/cell.ts';
import { cellCommand, type Layout } from '../native/layout.ts';
import { MemoryLook } from '../native/memory-look.ts';
import { Paced } from '../native/paced.ts';
import { killQuietly, offerToOomKiller, type ProcessUsage, readProcesses } from '../native/process-tree.ts';
import { waitUntilReady } from '../native/ready.ts';
import { pipesOf, StartedCell } from '../native/started-cell.ts';
import { UserIds } from '../native/user-ids.ts';
import { DescriptorLook } from './descriptors.ts';
import { type DiskUse, measureDisk } from './disk.ts';
import type { Place } from './place.ts';

const run = promisify(execFile);
const DISK_LOOK_MS = 200;
const DEVICES = ['/dev/null', '/dev/zero', '/dev/full', '/dev/urandom', '/dev/random'];

export interface LandlockOptions {
  readonly layout: Layout & { readonly python: NonNullable<Layout['python']> };
  readonly place: Place;
  readonly setpriv: string;
  readonly defaults: ExecutionLimits;
}

/** See {@link CellFactory}. */
export class LandlockCells implements CellFactory {
  readonly kinds: readonly CellKind[] = ['python', 'javascript'];
  readonly defaults: ExecutionLimits;
  readonly #options: LandlockOptions;
  readonly #userIds = new UserIds();
  #started = 0;

  constructor(options: LandlockOptions) {
    this.#options = options;
    this.defaults = options.defaults;
  }

  async start(kind: CellKind, limits: ExecutionLimits): Promise<Cell> {
    const { place } = this.#options;
    this.#started += 1;
    const root = join(place.directory, `job-${this.#started}`);
    mkdirSync(root, { mode: 0o700 });
    const uid = place.root ? this.#userIds.take() : null;
    if (uid !== null) chownSync(root, uid, uid);
    const [program = '', ...rest] = this.#command(kind, limits, root, uid);
    const child = spawn(program, rest, { env: {}, cwd: '/', stdio: ['pipe', 'pipe', 'pipe', 'pipe'], detached: true });
    offerToOomKiller(child.pid);
    const release = async (): Promise<void> => {
      await removeTree(root);
      if (uid !== null) this.#userIds.give(uid);
    };
    const cell = new LandlockCell({ kind, limits, child, root, release });
    try {
      await waitUntilReady(cell);
      cell.settle();
    } catch (error) {
      await cell.dispose();
      throw error;
    }
    return cell;
  }

  #command(kind: CellKind, limits: ExecutionLimits, root: string, uid: number | null): readonly string[] {
    const { layout, place, setpriv } = this.#options;
    const drop = [
      '--reuid',
      `${uid}`,
      '--regid',
      `${uid}`,
      '--clear-groups',
      '--inh-caps=-all',
      '--bounding-set=-all',
      '--no-new-privs',
    ];
    const { ASSAY_PACKAGES: packages } = layout.environment;
    const kept = [place.directory, ...(packages === undefined ? [] : [dirname(packages)])];
    const options = {
      root,
      read: [...layout.binds.map(({ source }) => source), place.runners, place.modules, place.node, '/etc/ld.so.cache'],
      devices: DEVICES,
      filter: place.filter,
      limits: {
        CORE: 0,
        NOFILE: limits.openFiles,
        FSIZE: limits.fileBytes,
        SIGPENDING: PENDING_SIGNALS,
        CPU: Math.ceil(limits.cpuMs / 1000),
        // Counted per user id: exactly for an id of its own, else on top of what the agent's user has now.
        // The cell's guard (landlock.py) is one more.
        NPROC: limits.processes + 1 + (uid === null ? tasksOf(process.getuid?.() ?? -1) : 0),
        // V8 reserves far more than it uses and cannot start under such a limit; the watchdog counts what is real.
        ...(kind === 'python' ? { AS: addressSpaceOf(limits) } : {}),
      },
      environment: {
        ...layout.environment,
        HOME: root,
        TMPDIR: root,
        ASSAY_ROOT: root,
        ASSAY_KEPT: kept.join(':'),
        NODE_PATH: place.modules,
      },
      command: cellCommand(kind, {
        ...{ python: layout.python.path, node: place.node, runners: place.runners },
        cell: join(place.runners, 'javascript', 'cell.cjs'),
      }),
    };
    const launcher = [layout.python.path, '-I', '-S', join(place.runners, 'landlock.py'), JSON.stringify(options)];
    return uid === null ? launcher : [setpriv, ...drop, ...launcher];
  }

  async close(): Promise<void> {}
}

/** Node's own recursive removal overflows its stack on a tree some thousand deep. A folder can have been made without any rights. */
async function removeTree(root: string): Promise<void> {
  const options = { env: { PATH: '/usr/bin:/bin' } };
  await run('rm', ['-rf', '--', root], options).catch(async () => {
    await run('chmod', ['-R', 'u+rwX', '--', root], options);
    await run('rm', ['-rf', '--', root], options);
  });
}

/** Processes and threads of a user, as RLIMIT_NPROC counts them. */
function tasksOf(uid: number): number {
  return readProcesses()
    .filter((usage) => usage.uid === uid)
    .reduce((sum, { threads }) => sum + threads, 0);
}

interface LandlockCellOptions {
  readonly kind: CellKind;
  readonly limits: ExecutionLimits;
  readonly child: ChildProcess;
  readonly root: string;
  readonly release: () => Promise<void>;
}

class LandlockCell extends StartedCell {
  readonly #options: LandlockCellOptions;
  readonly #look = new MemoryLook();
  readonly #descriptors: DescriptorLook;
  readonly #disk = new Paced<DiskUse>(DISK_LOOK_MS);
  #peakBytes = 0;
  #cpuMs = 0;

  constructor(options: LandlockCellOptions) {
    super(options.kind, options.limits, pipesOf(options.child));
    this.#options = options;
    this.#descriptors = new DescriptorLook(options.root, options.limits.fileBytes);
  }

  admits(limits: ExecutionLimits): boolean {
    return Object.entries(this.limits).every(([name, value]) => {
      const free = name === 'wallMs' || name === 'outputBytes' || name === 'artifacts';
      return free || limits[name as keyof ExecutionLimits] === value;
    });
  }

  async admit(): Promise<void> {}

  /** Called when the cell is ready. */
  settle(): void {
    this.remember(this.#options.child.pid ?? 0);
  }

  protected members(): readonly number[] {
    return this.#members().map(({ pid }) => pid);
  }

  /** Every process of the cell: setsid and setpgid are refused, so none leaves the group. */
  #members(): readonly ProcessUsage[] {
    const group = this.#options.child.pid ?? -1;
    return readProcesses().filter((usage) => usage.group === group);
  }

  usage(): CellUsage {
    const members = this.#members();
    const { socketBytes, unlinked } = this.#descriptors.look(members);
    const memoryBytes = this.#look.processes(members, this.limits.memoryBytes) + socketBytes;
    this.#peakBytes = Math.max(this.#peakBytes, memoryBytes);
    this.#cpuMs = Math.max(
      this.#cpuMs,
      members.reduce((sum, { cpuMs }) => sum + cpuMs, 0),
    );
    const named = this.#disk.get(() => measureDisk(this.#options.root, this.limits.inodes));
    const processes = members.reduce((sum, { threads }) => sum + threads, 0);
    return {
      ...{ memoryBytes, peakBytes: this.#peakBytes, cpuMs: this.#cpuMs, oomKills: 0, processes },
      ...{ inodes: named.inodes + unlinked.inodes, diskBytes: named.bytes + unlinked.bytes },
      excess: this.#look.excess(members, false),
    };
  }

  openOutput(): number {
    return openSync(this.#options.root, 'r');
  }

  async kill(): Promise<void> {
    const group = this.#options.child.pid;
    if (group === undefined) return;
    for (let round = 0; round < 200; round += 1) {
      killQuietly(-group);
      const left = this.#members();
      if (left.length === 0) break;
      await delay(round < 5 ? 1 : 10);
    }
    await this.ended;
  }

  protected release(): Promise<void> {
    return this.#options.release();
  }
}
