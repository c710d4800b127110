/**
 * The fork server: one sandbox that has imported what is slow to import in Python and forks single-use cells into namespaces of
 * their own, Node among them (`runners/python/zygote.py`). Where it cannot run (no nested user namespaces), cells are started one by one instead.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { ExecutionLimits } from '@assay/receipt';
import { SandboxError } from '../errors.ts';
import { PENDING_SIGNALS } from '../limits.ts';
import { addressSpaceOf } from '../native/address-space.ts';
import type { Cell, CellEnd, CellKind } from '../native/cell.ts';
import type { GroupTree } from '../native/cgroup.ts';
import { cellCommand, INSIDE, type Layout, programsInside } from '../native/layout.ts';
import { childrenByFile, descendants, offerToOomKiller } from '../native/process-tree.ts';
import { waitUntilReady } from '../native/ready.ts';
import { type Launch, type LaunchPrograms, launchCommand, writeOptions } from './bubblewrap.ts';
import { groupLimits } from './grouped-cell.ts';
import type { Stage } from './stage.ts';
import { ZygoteCell } from './zygote-cell.ts';

const START_MS = 30_000;
const CELL_MS = 10_000;
/** Standard input, output, error, control. */
const CHANNELS = 4;
const CONTROL_CHANNEL = 3;
const OPTIONS_DESCRIPTOR = 3;
/** Tells a forked cell that it is in its control group, and may make that its root. */
const GO = Buffer.from([1]);
const TOKEN = /^([0-9a-f]{32}) ([0-3])$/;
/** The fork server's own needs; its cells have limits of their own. */
const OWN_LIMITS = { openFiles: 1024, processes: 4096, cpuMs: 3_600_000 };

export interface ZygoteOptions {
  readonly programs: LaunchPrograms;
  readonly layout: Layout;
  readonly stage: Stage;
  readonly groups: GroupTree | null;
  readonly limits: ExecutionLimits;
  readonly preload: readonly string[];
  readonly uid: number | null;
  /** Distinct for each fork server of this agent. */
  readonly name: string;
}

interface Expected {
  readonly links: Socket[];
  readonly complete: () => void;
  pid: number;
  end: CellEnd | null;
  readonly ended: (end: CellEnd) => void;
}

export class Zygote {
  readonly #options: ZygoteOptions;
  readonly #child: ChildProcess;
  readonly #server: Server;
  readonly #directory: string;
  readonly #expected = new Map<string, Expected>();
  readonly #cells = new Set<Cell>();
  #process = 0;
  #started = 0;
  /** Forks that were asked for and are not cells yet. */
  #forking = 0;
  /** Called when a cell was given back or a fork came to nothing. */
  #onLeave: () => void = () => {};
  /** False once the fork server has ended or was told to. */
  alive = true;

  private constructor(options: ZygoteOptions, child: ChildProcess, server: Server, directory: string) {
    this.#options = options;
    this.#child = child;
    this.#server = server;
    this.#directory = directory;
    server.on('connection', (socket) => this.#greet(socket));
    child.once('exit', () => this.#lost());
    child.once('error', () => this.#lost());
  }

  /** The user that it runs as, taken from the sandbox's; `null` where it has none of its own. */
  get uid(): number | null {
    return this.#options.uid;
  }

  /** How many cells it has made. */
  get started(): number {
    return this.#started;
  }

  /**
   * Starts the fork server and waits until its imports are done.
   *
   * @throws {SandboxError} `sandbox/start-failed`.
   */
  static async open(options: ZygoteOptions): Promise<Zygote> {
    const directory = join(options.stage.directory, options.name);
    mkdirSync(directory, { mode: 0o700 });
    writeFileSync(join(directory, 'seccomp.bpf'), readFileSync(options.stage.filter), { mode: 0o644 });
    const path = join(directory, 'host.sock');
    const server = createServer({ pauseOnConnect: true });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(path, resolve);
    });
    if (options.uid !== null) for (const owned of [directory, path]) chownSync(owned, options.uid, options.uid);
    chmodSync(path, 0o600);
    const start = launch(options, directory);
    const [program = '', ...rest] = start.command;
    const child = spawn(program, rest, { env: {}, cwd: '/', stdio: ['pipe', 'pipe', 'pipe', 'pipe'] });
    offerToOomKiller(child.pid);
    writeOptions(child, OPTIONS_DESCRIPTOR, start.options);
    const zygote = new Zygote(options, child, server, directory);
    try {
      await zygote.#ready();
      return zygote;
    } catch (error) {
      await zygote.close();
      throw error;
    }
  }

  async #ready(): Promise<void> {
    let complaint = '';
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      if (complaint.length < 2_000) complaint += chunk.toString();
    });
    const lines = createInterface({ input: this.#child.stdout as NonNullable<ChildProcess['stdout']> });
    await new Promise<void>((resolve, reject) => {
      const fail = (what: string): void =>
        reject(
          new SandboxError(
            'sandbox/start-failed',
            `the Python fork server did not start: ${what}: ${complaint.trim().split('\n')[0]}; run assay doctor`,
          ),
        );
      const timer = setTimeout(() => fail(`no answer after ${START_MS} ms`), START_MS);
      this.#child.once('exit', (code) => fail(`it ended with ${code}`));
      lines.on('line', (line) => {
        if (line !== 'ready') return this.#hear(line);
        clearTimeout(timer);
        return resolve();
      });
    });
    this.#process = descendants(this.#child.pid ?? 0).at(-1)?.pid ?? 0;
  }

  /** `forked TOKEN PID` and `ended TOKEN CODE`, written by our own code before any foreign code runs in that process. */
  #hear(line: string): void {
    const [what, token = '', number = ''] = line.split(' ');
    const expected = this.#expected.get(token);
    if (expected === undefined) return;
    if (what === 'forked') {
      expected.pid = Number(number);
      if (expected.links.filter(Boolean).length === CHANNELS) expected.complete();
    } else if (what === 'ended') {
      this.#expected.delete(token);
      expected.ended({ exitCode: Number(number), signal: null });
    }
  }

  /** The first line of a connection names the cell and the channel; anything unexpected is cut off. */
  #greet(socket: Socket): void {
    socket.on('error', () => {});
    let head = Buffer.alloc(0);
    const read = (): void => {
      const part = socket.read() as Buffer | null;
      if (part === null) return;
      head = Buffer.concat([head, part]);
      const end = head.indexOf('\n');
      if (end === -1 && head.length < 64) return;
      socket.off('readable', read);
      const [, token = '', channel = ''] = TOKEN.exec(head.toString('latin1', 0, Math.max(end, 0))) ?? [];
      const expected = this.#expected.get(token);
      if (expected === undefined || expected.links[Number(channel)] !== undefined) {
        socket.destroy();
        return;
      }
      if (head.length > end + 1) socket.unshift(head.subarray(end + 1));
      expected.links[Number(channel)] = socket;
      if (expected.links.filter(Boolean).length === CHANNELS && expected.pid !== 0) expected.complete();
    };
    socket.on('readable', read);
  }

  /**
   * Forks one cell.
   *
   * @throws {SandboxError} `sandbox/start-failed`.
   */
  async fork(kind: CellKind): Promise<Cell> {
    if (!this.alive)
      throw new SandboxError(
        'sandbox/start-failed',
        'the fork server has ended and is being started again; send the job again',
      );
    const token = randomBytes(16).toString('hex');
    this.#started += 1;
    this.#forking += 1;
    const number = this.#started;
    const links: Socket[] = [];
    let ended: (end: CellEnd) => void = () => {};
    const end = new Promise<CellEnd>((resolve) => {
      ended = resolve;
    });
    try {
      const expected = await new Promise<Expected>((resolve, reject) => {
        const timer = setTimeout(
          () =>
            reject(
              new SandboxError('sandbox/start-failed', `expected a cell within ${CELL_MS} ms, got none; run assay doctor`),
            ),
          CELL_MS,
        );
        const complete = (): void => {
          clearTimeout(timer);
          resolve(entry);
        };
        const entry: Expected = { links, complete, pid: 0, end: null, ended };
        this.#expected.set(token, entry);
        void end.then(() =>
          reject(new SandboxError('sandbox/start-failed', 'the cell ended before it was ready; run assay doctor')),
        );
        this.#child.stdin?.write(`cell ${token} ${kind}\n`);
      });
      const [stdin, stdout, stderr, control] = links as [Socket, Socket, Socket, Socket];
      const process = this.#processOf(expected.pid);
      const group = this.#options.groups?.create(`${this.#options.name}-${number}`) ?? null;
      const cell: ZygoteCell = new ZygoteCell({
        pipes: { stdin, stdout, stderr, control, ended: end },
        ...{ kind, group, limits: this.#options.limits },
        process,
        forget: () => {
          this.#cells.delete(cell);
          this.#onLeave();
        },
      });
      this.#cells.add(cell);
      try {
        await group?.limit(groupLimits(this.#options.limits));
        await cell.join();
        links[CONTROL_CHANNEL]?.write(GO);
        await waitUntilReady({ control, stderr, ended: end });
        cell.settle();
      } catch (error) {
        await cell.dispose();
        throw error;
      }
      return cell;
    } catch (error) {
      for (const link of links) link?.destroy();
      throw error;
    } finally {
      this.#forking -= 1;
      this.#onLeave();
    }
  }

  /** The cell's process id on the host, from its id inside the fork server's namespace. */
  #processOf(pid: number): number | null {
    return childrenByFile(this.#process).find((child) => parentNamespacePid(child) === pid) ?? null;
  }

  #lost(): void {
    this.alive = false;
    for (const { ended } of this.#expected.values()) ended({ exitCode: null, signal: 'SIGKILL' });
    this.#expected.clear();
  }

  /** Takes no more forks; ends when its last cell was given back. A cell whose process has ended is not: its files may just be collected. */
  async retire(): Promise<void> {
    this.alive = false;
    while (this.#forking > 0 || this.#cells.size > 0) {
      await new Promise<void>((resolve) => {
        this.#onLeave = resolve;
      });
    }
    await this.close();
  }

  async close(): Promise<void> {
    this.alive = false;
    await Promise.all([...this.#cells].map((cell) => cell.dispose()));
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const gone = new Promise((resolve) => this.#child.once('exit', resolve));
      this.#child.kill('SIGKILL');
      await gone;
    }
    this.#lost();
    await new Promise((resolve) => this.#server.close(resolve));
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

function launch(options: ZygoteOptions, directory: string): Launch {
  const { programs, layout, stage, groups, limits, preload, uid } = options;
  const { diskBytes, inodes, openFiles, fileBytes, cpuMs, processes } = limits;
  const javascript = cellCommand('javascript', programsInside(layout.python));
  const counts = { inodes, openFiles, processes, pendingSignals: PENDING_SIGNALS };
  const fixed = { javascript, diskBytes, fileBytes, cpuMs, ...counts };
  return launchCommand({
    ...{ programs, layout, uid, joinFiles: [], scratch: null, filterDescriptor: null, nestedNamespaces: true },
    optionsDescriptor: OPTIONS_DESCRIPTOR,
    binds: stage.binds,
    limits: { ...limits, ...OWN_LIMITS, diskBytes: 65_536 },
    extraBinds: [{ source: directory, target: '/run/assay' }],
    environment: {
      ASSAY_ZYGOTE: JSON.stringify({ ...fixed, addressSpaceBytes: groups === null ? addressSpaceOf(limits) : null, preload }),
    },
    command: [layout.python?.path ?? '', '-s', '-S', join(INSIDE.runners, 'python', 'zygote.py')],
  });
}

/** A process's id in the namespace around its own: the last but one of `NSpid`. */
function parentNamespacePid(pid: number): number {
  try {
    return Number(/^NSpid:.*\s(\d+)\s+\d+$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? -1);
  } catch {
    return -1;
  }
}
