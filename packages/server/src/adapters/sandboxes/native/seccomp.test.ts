import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type SeccompPolicy, seccompProgram } from './seccomp.ts';
import { ALLOWED_SYSCALLS, AUDIT_ARCH, FIRST_UNKNOWN, type SyscallArchitecture } from './syscalls.ts';

const KILL = 0x80000000;
const ALLOW = 0x7fff0000;
const EPERM = 0x00050001;
const ENOSYS = 0x00050026;
const EAFNOSUPPORT = 0x00050061;

/** Runs the program as the kernel would: returns the filter's verdict for one system call. */
function verdict(program: Uint8Array, call: { arch: number; number: number; args?: readonly number[] }): number {
  const view = new DataView(program.buffer, program.byteOffset, program.byteLength);
  const word = (offset: number): number => {
    if (offset === 0) return call.number >>> 0;
    if (offset === 4) return call.arch >>> 0;
    return (call.args?.[(offset - 16) / 8] ?? 0) >>> 0;
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
      const wanted = open.has(call) ? ALLOW : call === 435 || call >= FIRST_UNKNOWN ? ENOSYS : EPERM;
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

  it('refuses to push characters into a terminal', () => {
    expect(verdict(program, { arch, number: number('ioctl'), args: [0, 0x5412] })).toBe(EPERM);
    expect(verdict(program, { arch, number: number('ioctl'), args: [0, 0x541c] })).toBe(EPERM);
    expect(verdict(program, { arch, number: number('ioctl'), args: [0, 0x5401] })).toBe(ALLOW);
  });

  it('closes sockets, signals and sessions where no namespace stands behind them', () => {
    const bare = seccompProgram(policy({ architecture, sockets: 'none', signals: false, sessions: false, metadata: false }));
    expect(verdict(bare, { arch, number: number('socket'), args: [1] })).toBe(EAFNOSUPPORT);
    for (const name of ['connect', 'bind', 'kill', 'tgkill', 'setsid', 'setpgid', 'fchmodat', 'utimensat', 'truncate']) {
      expect(verdict(bare, { arch, number: number(name) }), name).toBe(EPERM);
    }
    expect(verdict(bare, { arch, number: number('socketpair'), args: [1] })).toBe(ALLOW);
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

  it.each(['ptrace', 'mount', 'bpf', 'io_uring_setup', 'keyctl', 'unshare', 'setns', 'userfaultfd', 'memfd_create', 'mknod'])(
    'never lists %s',
    (name) => {
      for (const table of Object.values(ALLOWED_SYSCALLS)) expect(table.has(name)).toBe(false);
    },
  );
});
