/**
 * The command line that puts a cell into its sandbox, in the order that matters (research: each step was broken when it came
 * later): join the control group → resource limits → drop root to a user id of its own → new namespaces and an own minimal root
 * → seccomp. The environment of the first program is empty, so that nothing of the agent's can be read from /proc/1/environ.
 */

import type { ChildProcess } from 'node:child_process';
import type { Writable } from 'node:stream';
import type { ExecutionLimits } from '@assay/receipt';
import { PENDING_SIGNALS } from '../limits.ts';
import type { Bind, Layout } from '../native/layout.ts';

export interface LaunchPrograms {
  readonly sh: string;
  readonly bwrap: string;
  readonly prlimit: string;
  readonly setpriv: string;
}

export interface LaunchOptions {
  readonly programs: LaunchPrograms;
  readonly layout: Layout;
  readonly binds: readonly Bind[];
  readonly limits: ExecutionLimits;
  /** Files to which the launcher writes `0` first; empty without control groups. */
  readonly joinFiles: readonly string[];
  /** User id to drop to, or `null` when the agent is no root and keeps its own. */
  readonly uid: number | null;
  /** Host directory to show as /tmp, or `null` for a tmpfs inside the sandbox. */
  readonly scratch: string | null;
  /** Descriptor on which bwrap reads the seccomp filter; `null` leaves the filter to a later stage (the zygote's children). */
  readonly filterDescriptor: number | null;
  /** Descriptor on which bwrap reads its options: on its command line every process inside could read them, with host paths. */
  readonly optionsDescriptor: number;
  /** Allow further user namespaces inside. Only for the zygote, which gives the right up before any foreign code runs. */
  readonly nestedNamespaces?: boolean;
  readonly environment?: Readonly<Record<string, string>>;
  readonly extraBinds?: readonly Bind[];
  /** Most virtual memory of one process, where no control group counts the real one; `null` for V8, which reserves far more. */
  readonly addressSpaceBytes?: number | null;
  readonly command: readonly string[];
}

/** Processes of the launcher itself that the group's count includes: bwrap outside and its process 1 inside. */
export const LAUNCHER_PROCESSES = 2;

export interface Launch {
  /** Program and arguments, ready for `spawn(..., { env: {}, cwd: '/' })`. */
  readonly command: readonly string[];
  /** What to write to the options descriptor, to its end. */
  readonly options: string;
}

/** See the head of this file. */
export function launchCommand(options: LaunchOptions): Launch {
  return {
    command: [
      ...joinGroups(options),
      ...resourceLimits(options),
      ...dropRoot(options),
      ...[options.programs.bwrap, '--args', String(options.optionsDescriptor), '--'],
      ...innerLimits(options),
      ...options.command,
    ],
    options: bubblewrap(options)
      .map((option) => `${option}\0`)
      .join(''),
  };
}

/** Hands a started launcher its options. One that ends early says why on standard error. */
export function writeOptions(child: ChildProcess, descriptor: number, options: string): void {
  const pipe = child.stdio[descriptor] as Writable;
  pipe.on('error', () => {});
  pipe.end(options);
}

function joinGroups({ programs, joinFiles }: LaunchOptions): readonly string[] {
  if (joinFiles.length === 0) return [];
  const script = 'n=$1; shift; while [ "$n" -gt 0 ]; do echo 0 > "$1" || exit 71; shift; n=$((n-1)); done; exec "$@"';
  return [programs.sh, '-c', script, 'join', String(joinFiles.length), ...joinFiles];
}

function resourceLimits({ programs, limits, uid }: LaunchOptions): readonly string[] {
  return [
    programs.prlimit,
    '--core=0',
    `--nofile=${limits.openFiles}`,
    `--fsize=${limits.fileBytes}`,
    `--cpu=${Math.ceil(limits.cpuMs / 1000)}`,
    // Counted per user id: only meaningful for an id that no other job has.
    ...(uid === null ? [] : [`--nproc=${limits.processes + LAUNCHER_PROCESSES}`]),
    '--',
  ];
}

function dropRoot({ programs, uid }: LaunchOptions): readonly string[] {
  if (uid === null) return [];
  const id = String(uid);
  return [
    programs.setpriv,
    '--reuid',
    id,
    '--regid',
    id,
    '--clear-groups',
    '--inh-caps=-all',
    '--bounding-set=-all',
    '--no-new-privs',
  ];
}

/**
 * Without an own user id the number of processes is counted inside the new user namespace, where it starts at nothing. What makes namespaces
 * for cells passes its bound of signals on to all of them together, so it keeps the usual one, and each cell sets its own (zygote.py).
 */
function innerLimits(options: LaunchOptions): readonly string[] {
  const { programs, limits, uid, addressSpaceBytes } = options;
  const space = addressSpaceBytes === undefined || addressSpaceBytes === null ? [] : [`--as=${addressSpaceBytes}`];
  const processes = uid === null ? [`--nproc=${limits.processes + LAUNCHER_PROCESSES}`] : [];
  const signals = options.nestedNamespaces === true ? [] : [`--sigpending=${PENDING_SIGNALS}`];
  const all = [...space, ...processes, ...signals];
  return all.length === 0 ? [] : [programs.prlimit, ...all, '--'];
}

function bubblewrap(options: LaunchOptions): readonly string[] {
  const { layout, binds, limits, scratch, filterDescriptor } = options;
  const environment = { ...layout.environment, ...options.environment };
  return [
    ...['--unshare-user', '--unshare-ipc', '--unshare-pid', '--unshare-net', '--unshare-uts', '--unshare-cgroup-try'],
    ...(options.nestedNamespaces === true ? [] : ['--disable-userns']),
    ...['--die-with-parent', '--new-session', '--cap-drop', 'ALL', '--clearenv'],
    ...Object.entries(environment).flatMap(([name, value]) => ['--setenv', name, value]),
    ...['--hostname', 'sandbox', '--uid', '1000', '--gid', '1000'],
    ...[...binds, ...(options.extraBinds ?? [])].flatMap(({ source, target }) => ['--ro-bind', source, target]),
    ...layout.links.flatMap(([target, name]) => ['--symlink', target, name]),
    ...['--proc', '/proc', '--dev', '/dev'],
    ...(scratch === null
      ? ['--size', String(Math.max(4096, limits.diskBytes)), '--tmpfs', '/tmp']
      : ['--bind', scratch, '/tmp']),
    ...['--size', '65536', '--tmpfs', '/dev/shm', '--remount-ro', '/dev', '--remount-ro', '/', '--chdir', '/tmp'],
    // The fork server writes the user maps of its cells there; they get one of their own.
    ...(options.nestedNamespaces === true ? [] : ['--remount-ro', '/proc']),
    ...(filterDescriptor === null ? [] : ['--seccomp', String(filterDescriptor)]),
  ];
}
