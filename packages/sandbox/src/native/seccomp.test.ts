import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type SeccompPolicy, seccompProgram } from './seccomp.ts';
import { ALLOWED_SYSCALLS, AUDIT_ARCH, FIRST_UNKNOWN, FLOCK, type SyscallArchitecture } from './syscalls.ts';

const KILL = 0x80000000;
const ALLOW = 0x7fff0000;
const EPERM = 0x00050001;
const EINVAL = 0x00050016;
const ENOSYS = 0x00050026;
const EAFNOSUPPORT = 0x00050061;

/** Runs the program as the kernel would: returns the filter's verdict for one system call. */
function verdict(program: Uint8Array, call: { arch: number; number: number; args?: readonly number[] }): number {
  const view = new DataView(program.buffer, program.byteOffset, program.byteLength);
  const word = (offset: number): number => {
    if (offset === 0) return call.number >>> 0;
    if (offset === 4) return call.arch >>> 0;
    return (offset - 16) % 8 === 0 ? (call.args?.[(offset - 16) / 8] ?? 0) >>> 0 : 0;
  };
  let accumulator = 0;
  for (let at = 0; at * 8 < program.length; at += 1) {
    const operand = view.getUint32(at * 8 + 4, true);
    const take = (condition: boolean) => {
      at += view.getUint8(at * 8 + (condition ? 2 : 3));
    };
    switch (view.getUint16(at * 8, true)) {
      case 0x20:
        accumulator = word(operand);
        break;
      case 0x15:
        take(accumulator === operand);
        break;
      case 0x25:
        take(accumulator > operand);
        break;
      case 0x35:
        take(accumulator >= operand);
        break;
      case 0x45:
        take((accumulator & operand) !== 0);
        break;
      case 0x06:
        return operand;
      default:
        throw new Error('unknown instruction');
    }
  }
  throw new Error('fell off the end');
}

const policy = (changes: Partial<SeccompPolicy> = {}): SeccompPolicy => ({
  architecture: 'x64',
  sockets: 'families',
  signals: true,
  sessions: true,
  metadata: true,
  others: true,
  ...changes,
});

describe.each(['x64', 'arm64'] as const)('seccomp filter for %s', (architecture: SyscallArchitecture) => {
  const arch = AUDIT_ARCH[architecture];
  const program = seccompProgram(policy({ architecture }));
  const number = (name: string) => ALLOWED_SYSCALLS[architecture].get(name) as number;

  it('allows exactly the table', () => {
    const open = new Set(ALLOWED_SYSCALLS[architecture].values());
    for (let call = 0; call < 600; call += 1) {
      const got = verdict(program, { arch, number: call, args: [2] });
      const wanted = open.has(call)
        ? ALLOW
        : [435, FLOCK[architecture]].includes(call) || call >= FIRST_UNKNOWN
          ? ENOSYS
          : EPERM;
      expect(got, `call ${call}`).toBe(wanted);
    }
  });

  it('kills foreign architectures and the x32 numbers', () => {
    expect(verdict(program, { arch: 0x40000003, number: 1 })).toBe(KILL);
    expect(verdict(program, { arch, number: 0x40000000 + 59 })).toBe(KILL);
  });

  it('refuses every new namespace through clone', () => {
    for (const bit of [0x80, 0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000]) {
      expect(verdict(program, { arch, number: number('clone'), args: [bit | 17] })).toBe(EPERM);
    }
    expect(verdict(program, { arch, number: number('clone'), args: [0x3d0f00] })).toBe(ALLOW);
  });

  it('opens only unix and internet sockets', () => {
    for (let family = 0; family < 50; family += 1) {
      const wanted = [1, 2, 10].includes(family) ? ALLOW : EAFNOSUPPORT;
      expect(verdict(program, { arch, number: number('socket'), args: [family] }), `family ${family}`).toBe(wanted);
    }
  });

  it('opens only unix sockets where the buffers of others are counted nowhere', () => {
    const local = seccompProgram(policy({ architecture, sockets: 'local' }));
    for (let family = 0; family < 50; family += 1) {
      const wanted = family === 1 ? ALLOW : EAFNOSUPPORT;
      expect(verdict(local, { arch, number: number('socket'), args: [family] }), `family ${family}`).toBe(wanted);
    }
  });

  it.each<[string, string, readonly number[], number]>([
    ['characters pushed into a terminal', 'ioctl', [0, 0x5412], EPERM],
    ['characters pushed into a console', 'ioctl', [0, 0x541c], EPERM],
    ['signals to a process by ioctl', 'ioctl', [0, 0x8901], EPERM],
    ['flags of a file', 'ioctl', [0, 0x40086602], EPERM],
    ['the size of a terminal', 'ioctl', [0, 0x5413], ALLOW],
    ['signals to a process by fcntl', 'fcntl', [0, 8], EINVAL],
    ['a test for a lock', 'fcntl', [0, 5], ALLOW],
    ['a test for a lock that belongs to no process', 'fcntl', [0, 36], EINVAL],
    ['a lock that belongs to no process', 'fcntl', [0, 37], EINVAL],
    ['waiting for one', 'fcntl', [0, 38], EINVAL],
    ['a lease', 'fcntl', [0, 1024], EINVAL],
    ['notes on a directory', 'fcntl', [0, 1026], EINVAL],
    ['a larger pipe', 'fcntl', [0, 1031], EINVAL],
    ['a lock for a database', 'fcntl', [0, 6], ALLOW],
    ['a duplicate', 'fcntl', [0, 1030], ALLOW],
    ['a thread with descriptors of its own', 'clone', [0x3d0b00], EPERM],
    ['a process with descriptors of its own', 'clone', [0x4111], ALLOW],
    ['descriptors of its own by close_range', 'close_range', [3, 9, 2], EINVAL],
    ['closing on exec by close_range', 'close_range', [3, 9, 4], ALLOW],
    ['another end with the parent', 'prctl', [1], EPERM],
    ['hiding from /proc', 'prctl', [4], EPERM],
    ['a name', 'prctl', [15], ALLOW],
    ['a larger send buffer', 'setsockopt', [0, 1, 7], EPERM],
    ['a forced receive buffer', 'setsockopt', [0, 1, 33], EPERM],
    ['an address that is used again', 'setsockopt', [0, 1, 2], ALLOW],
    ['an option of TCP with the same number', 'setsockopt', [0, 6, 7], ALLOW],
  ])('looks at arguments: %s (%s)', (_title, name, args, wanted) => {
    expect(verdict(program, { arch, number: number(name), args })).toBe(wanted);
  });

  it.each<[string, string, readonly number[], number]>([
    ['a datagram pair', 'socketpair', [1, 2], EAFNOSUPPORT],
    ['a pair of packets', 'socketpair', [1, 5], EAFNOSUPPORT],
    ['a stream pair', 'socketpair', [1, 0x80801], ALLOW],
    ['a message to a name', 'sendto', [0, 0, 0, 0, 0x1000], EPERM],
    ['a message without one', 'sendto', [0, 0, 0, 0, 0], ALLOW],
    ['a message with descriptors', 'sendmsg', [], EPERM],
    ['many messages', 'sendmmsg', [], EPERM],
    ["another process's limits", 'prlimit64', [4711], EPERM],
    ['own limits', 'prlimit64', [0], ALLOW],
    ["another process's processors", 'sched_setaffinity', [4711], EPERM],
    ["another process's priority", 'setpriority', [0, 4711], EPERM],
    ["a user's priority", 'setpriority', [2, 0], EPERM],
    ['own priority', 'setpriority', [0, 0], ALLOW],
    ['the mode of an open file', 'fchmod', [], EPERM],
  ])('without namespaces looks further: %s (%s)', (_title, name, args, wanted) => {
    const bare = { architecture, sockets: 'none', metadata: false, others: false } as const;
    expect(verdict(seccompProgram(policy(bare)), { arch, number: number(name), args })).toBe(wanted);
  });

  it('closes sockets, signals and sessions where no namespace stands behind them', () => {
    const bare = seccompProgram(policy({ architecture, sockets: 'none', signals: false, sessions: false, metadata: false }));
    expect(verdict(bare, { arch, number: number('socket'), args: [1] })).toBe(EAFNOSUPPORT);
    for (const name of ['connect', 'bind', 'kill', 'tgkill', 'setsid', 'setpgid', 'fchmodat', 'utimensat', 'truncate']) {
      expect(verdict(bare, { arch, number: number(name) }), name).toBe(EPERM);
    }
    expect(verdict(bare, { arch, number: number('socketpair'), args: [1, 1] })).toBe(ALLOW);
  });
});

describe('system call table', () => {
  const header = '/usr/include/x86_64-linux-gnu/asm/unistd_64.h';
  it.skipIf(!existsSync(header))('agrees with the kernel header of this machine', () => {
    const known = new Map(
      [...readFileSync(header, 'utf8').matchAll(/#define __NR_(\w+) (\d+)/g)].map(([, name, value]) => [name, Number(value)]),
    );
    for (const [name, value] of ALLOWED_SYSCALLS.x64) expect(known.get(name), name).toBe(value);
  });

  it.each([
    'ptrace',
    'mount',
    'bpf',
    'io_uring_setup',
    'keyctl',
    'unshare',
    'setns',
    'userfaultfd',
    'memfd_create',
    'mknod',
    'flock',
    'inotify_init1',
  ])('never lists %s', (name) => {
    for (const table of Object.values(ALLOWED_SYSCALLS)) expect(table.has(name)).toBe(false);
  });
});
