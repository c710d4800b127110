/** Memory that is counted by looking: nothing a process does makes it invisible, and what a fork shares counts once. */

import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { DescriptorLook } from '../landlock/descriptors.ts';
import { isMachineShort, MemoryLook } from './memory-look.ts';
import { descendants, killQuietly } from './process-tree.ts';

const MIB = 1024 * 1024;
const here = process.platform === 'linux';
const children: ChildProcessByStdio<null, Readable, null>[] = [];
afterEach(() => {
  for (const { pid } of children.splice(0)) for (const one of descendants(pid ?? 0)) killQuietly(one.pid);
});

/** A program that has printed its first line. */
async function started(...lines: readonly string[]): Promise<number> {
  const child = spawn(
    'python3',
    ['-c', ['import ctypes, fcntl, os, socket, struct, tempfile, threading, time', ...lines].join('\n')],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  children.push(child);
  await once(child.stdout, 'data');
  return child.pid ?? 0;
}

describe.skipIf(!here)('memory of a cell', () => {
  it('shows a process whose first thread has ended, and its children', async () => {
    const pid = await started(
      'def take():',
      '  a = bytearray(40 << 20)',
      '  if os.fork() == 0: b = bytearray(30 << 20); print("ready", flush=True)',
      '  time.sleep(60)',
      'threading.Thread(target=take).start()',
      'ctypes.CDLL(None).syscall({"x86_64": 60, "aarch64": 93}[os.uname().machine], 0)',
    );
    const found = descendants(pid);
    expect(found.map(({ residentBytes }) => residentBytes > 30 * MIB)).toEqual([true, true]);
  });

  it('counts once what a fork shares, when the sum is above the bound', async () => {
    const pid = await started(
      'a = bytearray(60 << 20)',
      'for n in range(6):',
      '  if os.fork() == 0: time.sleep(60)',
      'print("ready", flush=True); time.sleep(60)',
    );
    const look = new MemoryLook();
    expect(look.processes(descendants(pid), 1_000 * MIB)).toBeGreaterThan(300 * MIB);
    look.processes(descendants(pid), 200 * MIB);
    await expect.poll(() => look.processes(descendants(pid), 200 * MIB)).toBeGreaterThan(60 * MIB);
    expect(look.processes(descendants(pid), 200 * MIB)).toBeLessThan(200 * MIB);
  });

  it('charges sockets, those of a thread behind an ended one too', async () => {
    const pid = await started(
      'keep = [socket.socketpair() for n in range(20)]',
      'def stay(): print("ready", flush=True); time.sleep(60)',
      'threading.Thread(target=stay).start()',
      'ctypes.CDLL(None).syscall({"x86_64": 60, "aarch64": 93}[os.uname().machine], 0)',
    );
    await delay(100);
    expect(new DescriptorLook('/tmp', MIB).look(descendants(pid)).socketBytes).toBeGreaterThanOrEqual(40 * 256 * 1024);
  });

  it.each([
    ['few locks', 10, undefined],
    ['many locks', 3_000, 'locks of files'],
  ])('ends a cell for %s', async (_title, count, why) => {
    const pid = await started(
      'f = tempfile.TemporaryFile()',
      `for n in range(${count}): fcntl.fcntl(f, fcntl.F_SETLK, struct.pack('hhqqi4x', fcntl.F_WRLCK, 0, n * 2, 1, 0))`,
      'print("ready", flush=True); time.sleep(60)',
    );
    const look = new MemoryLook();
    for (let n = 0; n < 8; n += 1) {
      look.excess(descendants(pid), true);
      await delay(100);
    }
    const found = look.excess(descendants(pid), true);
    if (why === undefined) expect(found).toBeUndefined();
    else expect(found).toContain(why);
  });
});

describe('a machine', () => {
  it.each<[string, number, number, boolean]>([
    ['large, with room', 64 * 1024, 8 * 1024, false],
    ['large, nearly full', 64 * 1024, 2 * 1024, true],
    ['small, with room', 512, 100, false],
    ['small, nearly full', 512, 50, true],
  ])('that is %s', (_title, total, available, short) => {
    expect(isMachineShort(`MemTotal: ${total * 1024} kB\nMemFree: 9 kB\nMemAvailable:  ${available * 1024} kB\n`)).toBe(short);
  });
});
