/**
 * The seccomp filter (classic BPF, seccomp(2)) under which every native sandbox runs: an allow-list with checks on the
 * arguments of those calls that do more than one thing (clone, fcntl, ioctl, prctl, sockets). Emitted here, byte by byte, so that the filter needs no native tool and its
 * SHA-256 can stand in the environment manifest.
 *
 * Not checked here: paths and addresses. A filter sees numbers, not memory; file access is the mount namespace's or Landlock's
 * duty, and where signals could reach foreign processes the caller says so through `signals: false`.
 */

import { ALLOWED_SYSCALLS, AUDIT_ARCH, CLONE3, FIRST_UNKNOWN, FLOCK, type SyscallArchitecture } from './syscalls.ts';

/** What the filter leaves open. The defaults suit a process inside its own pid and network namespaces. */
export interface SeccompPolicy {
  readonly architecture: SyscallArchitecture;
  /**
   * `families`: socket() for AF_UNIX, AF_INET and AF_INET6. `local`: for AF_UNIX alone, where no control group counts the buffers of
   * TCP, which grow. `none` (no network namespace around it): only connected stream pairs, and no call that could send to a name or
   * hand over a descriptor.
   */
  readonly sockets: 'families' | 'local' | 'none';
  /** `false` refuses kill and its kin: for lanes without a pid namespace and without Landlock's signal scope. */
  readonly signals: boolean;
  /** `false` refuses setsid and setpgid, so that one killpg reaches every descendant. */
  readonly sessions: boolean;
  /** `false` refuses what changes or watches a file without opening it for writing: Landlock does not look at that. */
  readonly metadata: boolean;
  /** `false` refuses limits and scheduling of another process by its number: for lanes without a pid namespace. */
  readonly others: boolean;
}

const LOAD = 0x20;
const JUMP_EQUAL = 0x15;
const JUMP_AT_LEAST = 0x35;
const JUMP_GREATER = 0x25;
const JUMP_ANY_BIT = 0x45;
const RETURN = 0x06;

const ALLOW = 0x7fff0000;
const KILL_PROCESS = 0x80000000;
const errno = (code: number): number => 0x00050000 | code;
const EPERM = errno(1);
const ENOSYS = errno(38);
const EINVAL = errno(22);
const EAFNOSUPPORT = errno(97);

/** Offsets in `struct seccomp_data`; arguments are 64 bits wide, of which the low word is at the lower address. */
const NUMBER = 0;
const ARCHITECTURE = 4;
const argument = (index: number): number => 16 + index * 8;

/** CLONE_NEWTIME | NEWNS | NEWCGROUP | NEWUTS | NEWIPC | NEWUSER | NEWPID | NEWNET. */
const CLONE_NEW_ANY = 0x80 | 0x00020000 | 0x02000000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000;
const CLONE_FILES = 0x400;
const CLONE_THREAD = 0x10000;
/** Flags of close_range without CLOSE_RANGE_UNSHARE. */
const CLOSE_RANGE_FLAGS = [0, 4];
const X32_BIT = 0x40000000;
/** TIOCSTI, TIOCLINUX (type into a terminal), FIOSETOWN, SIOCSPGRP (signals to a process by number), FS_IOC_SETFLAGS, FS_IOC_FSSETXATTR. */
const REFUSED_CONTROLS = [0x5412, 0x541c, 0x8901, 0x8902, 0x40086602, 0x401c5820];
/**
 * F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_GETLK, F_SETLK, F_SETLKW, F_DUPFD_CLOEXEC, F_GETPIPE_SZ. Left out: leases and
 * directory notes, through which cells that share read-only files could signal each other; locks that belong to no process, which
 * cannot be counted; owners of signals; larger pipes.
 */
const FILE_COMMANDS = [0, 1, 2, 3, 4, 5, 6, 7, 1030, 1032];
/** PR_SET_PDEATHSIG keeps a cell from outliving the agent; PR_SET_DUMPABLE would hide it from a watchdog that is no root. */
const REFUSED_PROCESS_CONTROLS = [1, 4];
const SOL_SOCKET = 1;
/** SO_SNDBUF, SO_RCVBUF and their FORCE forms: memory that is in no process's count. */
const BUFFER_OPTIONS = [7, 8, 32, 33];
/** SOCK_STREAM, with and without SOCK_NONBLOCK and SOCK_CLOEXEC. */
const STREAM_TYPES = [1, 0x801, 0x80001, 0x80801];
const OTHER_PROCESS_CALLS = [
  'prlimit64',
  'sched_setaffinity',
  'sched_setscheduler',
  'sched_setparam',
  'sched_setattr',
] as const;
const AF_UNIX = 1;
const SOCKET_FAMILIES = [AF_UNIX, 2, 10] as const;
const SIGNAL_CALLS = ['kill', 'tkill', 'tgkill', 'rt_sigqueueinfo', 'rt_tgsigqueueinfo', 'pidfd_send_signal'] as const;
const SESSION_CALLS = ['setsid', 'setpgid'] as const;
const METADATA_CALLS = (
  'chmod fchmod fchmodat chown fchown lchown fchownat utime utimes futimesat utimensat truncate setxattr lsetxattr fsetxattr removexattr ' +
  'lremovexattr fremovexattr'
).split(' ');
const SOCKET_CALLS = ['socket', 'connect', 'bind', 'listen', 'accept', 'accept4', 'sendmsg', 'sendmmsg'] as const;

interface Instruction {
  readonly code: number;
  readonly ifTrue: number;
  readonly ifFalse: number;
  readonly operand: number;
}

const load = (operand: number): Instruction => ({ code: LOAD, ifTrue: 0, ifFalse: 0, operand });
const jump = (code: number, operand: number, ifTrue: number, ifFalse: number): Instruction => ({
  code,
  ifTrue,
  ifFalse,
  operand,
});
const give = (operand: number): Instruction => ({ code: RETURN, ifTrue: 0, ifFalse: 0, operand });

/**
 * The filter as bytes: 8 per instruction, native byte order (little-endian on both processors), as `bwrap --seccomp FD` and
 * `prctl(PR_SET_SECCOMP)` take it.
 *
 * @example
 * writeFileSync(path, seccompProgram({ architecture: 'x64', sockets: 'families', signals: true, sessions: true,
 *   metadata: true, others: true }));
 */
export function seccompProgram(policy: SeccompPolicy): Uint8Array {
  const numbers = ALLOWED_SYSCALLS[policy.architecture];
  const number = (name: string): number => {
    const found = numbers.get(name);
    if (found === undefined) throw new RangeError(`expected a system call of the table, got ${name}`);
    return found;
  };
  const refused = new Set<string>([
    ...(policy.signals ? [] : SIGNAL_CALLS),
    ...(policy.sessions ? [] : SESSION_CALLS),
    ...(policy.metadata ? [] : METADATA_CALLS),
    ...(policy.sockets === 'none' ? SOCKET_CALLS : []),
  ]);
  const sections = [...checks(), ...(policy.sockets === 'none' ? pairChecks() : []), ...(policy.others ? [] : otherChecks())];
  const checked = new Set([...sections.map(([name]) => name), 'socket']);
  const open = [...numbers].filter(([name]) => !refused.has(name) && !checked.has(name)).map(([, value]) => value);

  const program: Instruction[] = [
    load(ARCHITECTURE),
    jump(JUMP_EQUAL, AUDIT_ARCH[policy.architecture], 1, 0),
    give(KILL_PROCESS),
    load(NUMBER),
    jump(JUMP_AT_LEAST, X32_BIT, 0, 1),
    give(KILL_PROCESS),
    jump(JUMP_EQUAL, CLONE3, 0, 1),
    give(ENOSYS),
    jump(JUMP_EQUAL, FLOCK[policy.architecture], 0, 1),
    give(ENOSYS),
    ...sections.flatMap(([name, body]) => section(number(name), body)),
    ...section(number('socket'), socketChecks(policy.sockets)),
  ];
  for (const [low, high] of ranges(open)) {
    program.push(jump(JUMP_AT_LEAST, low, 0, 2), jump(JUMP_GREATER, high, 1, 0), give(ALLOW));
  }
  program.push(jump(JUMP_AT_LEAST, FIRST_UNKNOWN, 0, 1), give(ENOSYS), give(EPERM));
  return assemble(program);
}

/** `body` runs when the call has this number; the accumulator still holds the number when it has not. */
function section(number: number, body: readonly Instruction[]): readonly Instruction[] {
  return [jump(JUMP_EQUAL, number, 0, body.length), ...body];
}

type Check = readonly [name: string, body: readonly Instruction[]];

/** What holds in every lane. */
function checks(): readonly Check[] {
  return [
    // A thread with a table of descriptors of its own would hide what is in it from those who count.
    [
      'clone',
      [
        ...[load(argument(0)), jump(JUMP_ANY_BIT, CLONE_NEW_ANY, 3, 0), jump(JUMP_ANY_BIT, CLONE_THREAD, 0, 1)],
        ...[jump(JUMP_ANY_BIT, CLONE_FILES, 0, 1), give(ALLOW), give(EPERM)],
      ],
    ],
    ['close_range', only(2, CLOSE_RANGE_FLAGS, EINVAL)],
    ['ioctl', not(1, REFUSED_CONTROLS)],
    ['fcntl', only(1, FILE_COMMANDS, EINVAL)],
    ['prctl', not(0, REFUSED_PROCESS_CONTROLS)],
    ['setsockopt', [load(argument(1)), jump(JUMP_EQUAL, SOL_SOCKET, 1, 0), give(ALLOW), ...not(2, BUFFER_OPTIONS)]],
  ];
}

function socketChecks(sockets: SeccompPolicy['sockets']): readonly Instruction[] {
  if (sockets === 'none') return [give(EAFNOSUPPORT)];
  return only(0, sockets === 'local' ? [AF_UNIX] : SOCKET_FAMILIES, EAFNOSUPPORT);
}

/** Stream pairs only, and no address: a datagram end could write to every socket of the host that has a name. */
function pairChecks(): readonly Check[] {
  const address = argument(4);
  const unnamed = [
    ...[load(address), jump(JUMP_EQUAL, 0, 0, 3), load(address + 4), jump(JUMP_EQUAL, 0, 0, 1)],
    ...[give(ALLOW), give(EPERM)],
  ];
  return [
    ['socketpair', only(1, STREAM_TYPES, EAFNOSUPPORT)],
    ['sendto', unnamed],
  ];
}

/** The caller itself is process 0; `setpriority` takes its process as second argument, and sorts of processes as first. */
function otherChecks(): readonly Check[] {
  const own = OTHER_PROCESS_CALLS.map((name): Check => [name, only(0, [0], EPERM)]);
  return [...own, ['setpriority', [load(argument(0)), jump(JUMP_EQUAL, 0, 1, 0), give(EPERM), ...only(1, [0], EPERM)]]];
}

/** Allows the call when the argument (its low word) is one of these. */
function only(index: number, values: readonly number[], refusal: number): readonly Instruction[] {
  const found = values.map((value, at) => jump(JUMP_EQUAL, value, values.length - at, 0));
  return [load(argument(index)), ...found, give(refusal), give(ALLOW)];
}

/** Refuses the call when the argument (its low word) is one of these. */
function not(index: number, values: readonly number[]): readonly Instruction[] {
  const found = values.map((value, at) => jump(JUMP_EQUAL, value, values.length - at, 0));
  return [load(argument(index)), ...found, give(ALLOW), give(EPERM)];
}

/** Closed ranges that cover exactly the given numbers, ascending. */
function ranges(numbers: readonly number[]): readonly (readonly [number, number])[] {
  const found: [number, number][] = [];
  for (const value of [...numbers].sort((a, b) => a - b)) {
    const last = found.at(-1);
    if (last && value === last[1] + 1) last[1] = value;
    else found.push([value, value]);
  }
  return found;
}

function assemble(program: readonly Instruction[]): Uint8Array {
  const bytes = new Uint8Array(program.length * 8);
  const view = new DataView(bytes.buffer);
  program.forEach(({ code, ifTrue, ifFalse, operand }, index) => {
    view.setUint16(index * 8, code, true);
    view.setUint8(index * 8 + 2, ifTrue);
    view.setUint8(index * 8 + 3, ifFalse);
    view.setUint32(index * 8 + 4, operand >>> 0, true);
  });
  return bytes;
}
