/**
 * The seccomp filter (classic BPF, seccomp(2)) under which every native sandbox runs: an allow-list with checks on the
 * arguments of clone, socket and ioctl. Emitted here, byte by byte, so that the filter needs no native tool and its
 * SHA-256 can stand in the environment manifest.
 *
 * Not checked here: paths and addresses. A filter sees numbers, not memory; file access is the mount namespace's or Landlock's
 * duty, and where signals could reach foreign processes the caller says so through `signals: false`.
 */

import { ALLOWED_SYSCALLS, AUDIT_ARCH, CLONE3, FIRST_UNKNOWN, type SyscallArchitecture } from './syscalls.ts';

/** What the filter leaves open. The defaults suit a process inside its own pid and network namespaces. */
export interface SeccompPolicy {
  readonly architecture: SyscallArchitecture;
  /** `families`: socket() for AF_UNIX, AF_INET and AF_INET6. `none`: no socket can be made (no network namespace around it). */
  readonly sockets: 'families' | 'none';
  /** `false` refuses kill and its kin: for lanes without a pid namespace and without Landlock's signal scope. */
  readonly signals: boolean;
  /** `false` refuses setsid and setpgid, so that one killpg reaches every descendant. */
  readonly sessions: boolean;
  /** `false` refuses what changes or watches a file by its path without opening it: Landlock does not look at that. */
  readonly metadata: boolean;
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
const EAFNOSUPPORT = errno(97);

/** Offsets in `struct seccomp_data`; arguments are 64 bits wide, of which the low word is at the lower address. */
const NUMBER = 0;
const ARCHITECTURE = 4;
const argument = (index: number): number => 16 + index * 8;

/** CLONE_NEWTIME | NEWNS | NEWCGROUP | NEWUTS | NEWIPC | NEWUSER | NEWPID | NEWNET. */
const CLONE_NEW_ANY = 0x80 | 0x00020000 | 0x02000000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000;
const X32_BIT = 0x40000000;
const TIOCSTI = 0x5412;
const TIOCLINUX = 0x541c;
const SOCKET_FAMILIES = [1, 2, 10] as const;
const SIGNAL_CALLS = ['kill', 'tkill', 'tgkill', 'rt_sigqueueinfo', 'rt_tgsigqueueinfo', 'pidfd_send_signal'] as const;
const SESSION_CALLS = ['setsid', 'setpgid'] as const;
const METADATA_CALLS = (
  'chmod fchmodat chown lchown fchownat utime utimes futimesat utimensat truncate setxattr lsetxattr removexattr lremovexattr ' +
  'inotify_init inotify_init1 inotify_add_watch'
).split(' ');
const SOCKET_CALLS = ['socket', 'connect', 'bind', 'listen', 'accept', 'accept4'] as const;

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
 * writeFileSync(path, seccompProgram({ architecture: 'x64', sockets: 'families', signals: true, sessions: true }));
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
  const checked = new Set(['clone', 'ioctl', 'socket']);
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
    ...section(number('clone'), [load(argument(0)), jump(JUMP_ANY_BIT, CLONE_NEW_ANY, 0, 1), give(EPERM), give(ALLOW)]),
    ...section(number('ioctl'), [
      load(argument(1)),
      jump(JUMP_EQUAL, TIOCSTI, 1, 0),
      jump(JUMP_EQUAL, TIOCLINUX, 0, 1),
      give(EPERM),
      give(ALLOW),
    ]),
    ...section(number('socket'), policy.sockets === 'none' ? [give(EAFNOSUPPORT)] : socketFamilies()),
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

function socketFamilies(): readonly Instruction[] {
  const checks = SOCKET_FAMILIES.map((family, index) => jump(JUMP_EQUAL, family, SOCKET_FAMILIES.length - index, 0));
  return [load(argument(0)), ...checks, give(EAFNOSUPPORT), give(ALLOW)];
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
