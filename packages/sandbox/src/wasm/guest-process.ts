/**
 * One throw-away deno process without permissions. It may read the runtime's own files, and nothing else: no writing, network,
 * environment, processes, foreign functions. The flags and the exact `DENO_DIR` are those of the measurements (web storage and
 * caches ignore permissions, and only an impossible `DENO_DIR` closes them).
 */

import { type ChildProcessByStdio, execFile, spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import { encodeFrame, type Frame, FrameReader } from '../frames.ts';
import { offerToOomKiller } from '../native/process-tree.ts';
import { type GuestConfig, MESSAGE } from './messages.ts';

const MIB = 1024 * 1024;
const STDERR_TAIL = 4096;
/** What the engine needs beside the job's own memory. */
export const BASE_MEMORY: Readonly<Record<'javascript' | 'python', number>> = { javascript: 128 * MIB, python: 256 * MIB };

/** No directory that a cache or temporary file could be made in, no driver that could be loaded, and the same zone everywhere. */
export const GUEST_ENVIRONMENT = {
  DENO_DIR: '/dev/null/x',
  DENO_NO_UPDATE_CHECK: '1',
  HOME: '/proc/assay-no-home',
  LANG: 'en_US.UTF-8',
  NO_COLOR: '1',
  SQLITE_TMPDIR: '/dev/null/x',
  TMPDIR: '/dev/null/x',
  TZ: 'UTC',
  VK_DRIVER_FILES: '/dev/null/x',
  XDG_CACHE_HOME: '/proc/assay-no-home',
  __EGL_VENDOR_LIBRARY_FILENAMES: '/dev/null/x',
} as const;
export const GUEST_FLAGS = [
  'run',
  '--no-prompt',
  '--no-remote',
  '--no-npm',
  '--no-config',
  '--cached-only',
  '--no-code-cache',
] as const;

/**
 * `predictable` makes the compiler and the collector work in the thread of the program, in an order that its own steps decide: how
 * deep a recursion goes would differ otherwise. Without code generation, text that user code compiles has no module loader.
 */
export const ENGINE_FLAGS = ['--predictable', '--disallow-code-generation-from-strings'] as const;

export interface GuestOptions {
  readonly deno: string;
  readonly script: string;
  readonly config: GuestConfig;
  /** Paths that may be read. */
  readonly reads: readonly string[];
  /** The job's memory; the process gets the engine's share on top. */
  readonly memoryBytes: number;
  readonly baseBytes: number;
}

export interface Usage {
  readonly rssBytes: number;
  readonly cpuMs: number;
}

/** How a guest ended. */
export interface GuestExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderrTail: string;
}

/** A running guest. Frames go to the party that listens; a broken frame kills it and shows as `protocolDefect`. */
export class GuestProcess {
  readonly pid: number;
  readonly ready: Promise<void>;
  readonly exited: Promise<GuestExit>;
  protocolDefect: string | null = null;
  /** False once this process used time or entropy that does not follow from the seed. */
  seeded = true;
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  #listener: (frame: Frame) => void = () => {};
  #dead = false;
  #closed = false;

  constructor(options: GuestOptions) {
    const [command, args] = commandLine(options);
    this.#child = spawn(command, args, {
      cwd: '/',
      env: { ...GUEST_ENVIRONMENT },
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true,
    });
    this.pid = this.#child.pid ?? 0;
    offerToOomKiller(this.#child.pid);
    this.#child.stdin.on('error', () => {});
    let tail = '';
    this.#child.stderr.on('data', (chunk: Buffer) => {
      tail = (tail + chunk.toString('utf8')).slice(-STDERR_TAIL);
    });
    let isReady: () => void = () => {};
    let isNot: (error: Error) => void = () => {};
    this.ready = new Promise((resolve, reject) => {
      isReady = resolve;
      isNot = reject;
    });
    this.ready.catch(() => {});
    const reader = new FrameReader();
    this.#child.stdout.on('data', (chunk: Buffer) => {
      if (this.#dead) return;
      try {
        for (const frame of reader.push(chunk)) {
          if (frame.type === MESSAGE.ready) isReady();
          else if (!this.#dead) this.#listener(frame);
        }
      } catch (error) {
        this.protocolDefect = (error as Error).message;
        this.kill();
      }
    });
    this.exited = new Promise((resolve) => {
      const ended = (code: number | null, signal: NodeJS.Signals | null): void => {
        this.#dead = true;
        this.#closed = true;
        isNot(new Error(`the sandboxed process ended before it was ready (${signal ?? code}): ${lastWords(tail)}`));
        resolve({ code, signal, stderrTail: tail });
      };
      this.#child.on('error', (error) => {
        tail += error.message;
        ended(null, null);
      });
      this.#child.on('close', ended);
    });
  }

  get alive(): boolean {
    return !this.#dead;
  }

  /** Receives every frame but `ready` from now on. */
  listen(listener: (frame: Frame) => void): void {
    this.#listener = listener;
  }

  send(type: number, head: Readonly<Record<string, unknown>> | null, body?: Uint8Array): void {
    if (!this.#dead) this.#child.stdin.write(encodeFrame(type, head, body));
  }

  /** Ends the process and everything in its group, at once. */
  kill(): void {
    this.#dead = true;
    // Once it is gone its number may belong to another process.
    if (this.pid === 0 || this.#closed) return;
    try {
      process.kill(-this.pid, 'SIGKILL');
    } catch {
      this.#child.kill('SIGKILL');
    }
  }

  /** Stops every thread of it until {@link resume}: it computes nothing and takes no memory. Windows knows no such signal. */
  pause(): void {
    this.#signal('SIGSTOP');
  }

  resume(): void {
    this.#signal('SIGCONT');
  }

  #signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    if (this.pid === 0 || this.#closed || process.platform === 'win32') return;
    try {
      process.kill(-this.pid, signal);
    } catch {
      // It is gone, which shows when it is asked next.
    }
  }

  /** Memory and processor time so far; `null` when the process is gone. */
  async usage(): Promise<Usage | null> {
    if (process.platform === 'linux') return linuxUsage(this.pid);
    return await psUsage(this.pid);
  }

  /** Lets the event loop end while this guest only waits. */
  unref(): void {
    this.#child.unref();
    for (const stream of [this.#child.stdin, this.#child.stdout, this.#child.stderr])
      (stream as unknown as { unref?(): void }).unref?.();
  }

  ref(): void {
    this.#child.ref();
    for (const stream of [this.#child.stdin, this.#child.stdout, this.#child.stderr])
      (stream as unknown as { ref?(): void }).ref?.();
  }
}

/** The line of a process's standard error that says most. */
export function lastWords(tail: string): string {
  const lines = tail.trim().split('\n');
  const line = lines.find((text) => /^error\b|^[A-Za-z]*Error\b|panicked|Fatal/.test(text)) ?? lines.at(-1) ?? '';
  return line.slice(0, 300);
}

/** Kernel limits behind those of deno itself: no core file, few descriptors, no file writes, no way out of memory or time. */
function commandLine(options: GuestOptions): [string, string[]] {
  const heap = Math.max(64, Math.floor(options.memoryBytes / MIB));
  const deno = [
    options.deno,
    ...GUEST_FLAGS,
    `--v8-flags=${[...ENGINE_FLAGS, `--max-old-space-size=${heap}`].join(',')}`,
    // An empty list would mean everything.
    ...(options.reads.length === 0
      ? []
      : [`--allow-read=${options.reads.map((path) => path.replaceAll(',', ',,')).join(',')}`]),
    options.script,
    JSON.stringify(options.config),
  ];
  const wrapped = [...wrappers(options.memoryBytes + options.baseBytes), ...deno];
  return [wrapped[0] ?? '', wrapped.slice(1)];
}

function wrappers(memoryBytes: number): string[] {
  if (process.platform !== 'linux') return [];
  const wrapped: string[] = [];
  if (existsSync('/usr/bin/prlimit')) {
    wrapped.push(
      '/usr/bin/prlimit',
      '--core=0',
      '--nofile=256',
      '--fsize=0',
      '--cpu=330',
      `--data=${memoryBytes + 1024 * MIB}`,
      '--',
    );
  }
  wrapped.push(...emptyNamespaces());
  if (existsSync('/usr/bin/setpriv')) {
    wrapped.push('/usr/bin/setpriv', '--no-new-privs', '--pdeathsig=KILL');
    if (process.getuid?.() === 0) wrapped.push('--bounding-set=-all', '--inh-caps=-all');
    wrapped.push('--');
  }
  return wrapped;
}

const UNSHARE = ['/usr/bin/unshare', '--user', '--map-current-user', '--net', '--ipc', '--uts', '--'];
let namespacesWork: boolean | null = null;

/** A second wall where the kernel allows it: a network without interfaces, and no objects shared with other processes. */
function emptyNamespaces(): readonly string[] {
  namespacesWork ??=
    existsSync(UNSHARE[0] ?? '') && spawnSync(UNSHARE[0] ?? '', [...UNSHARE.slice(1), '/bin/true']).status === 0;
  return namespacesWork ? UNSHARE : [];
}

const TICKS_PER_MS = 0.1;

function linuxUsage(pid: number): Usage | null {
  try {
    const [, pages = '0'] = readFileSync(`/proc/${pid}/statm`, 'latin1').split(' ');
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { rssBytes: Number(pages) * 4096, cpuMs: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_MS };
  } catch {
    return null;
  }
}

function psUsage(pid: number): Promise<Usage | null> {
  return new Promise((resolve) => {
    execFile('ps', ['-o', 'rss=,time=', '-p', String(pid)], (error, text) => {
      const match = /^\s*(\d+)\s+(?:(\d+):)?(\d+):([\d.]+)/.exec(text ?? '');
      if (error !== null || match === null) resolve(null);
      else {
        const seconds = Number(match[2] ?? 0) * 3600 + Number(match[3]) * 60 + Number(match[4]);
        resolve({ rssBytes: Number(match[1]) * 1024, cpuMs: seconds * 1000 });
      }
    });
  });
}
