/** The disk watchdog counts every way to hold bytes, and what it cannot count is too much. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { DescriptorLook } from './descriptors.ts';
import { measureDisk } from './disk.ts';

const MIB = 1024 * 1024;
const roots: string[] = [];
const root = (): string => {
  const path = mkdtempSync(join(tmpdir(), 'assay-disk-'));
  roots.push(path);
  return path;
};
afterEach(() => {
  for (const path of roots.splice(0)) rmSync(path, { recursive: true, force: true });
});

describe('below the directory', () => {
  it('counts files in nested folders', () => {
    const place = root();
    mkdirSync(join(place, 'a/b'), { recursive: true });
    writeFileSync(join(place, 'a/b/file'), new Uint8Array(MIB));
    const { bytes, inodes } = measureDisk(place, 100);
    expect([bytes >= MIB, inodes]).toEqual([true, 3]);
  });

  it('counts clearly beyond the limit before it stops', () => {
    const place = root();
    for (let index = 0; index < 40; index += 1) writeFileSync(join(place, `f${index}`), '');
    expect(measureDisk(place, 10).inodes).toBeGreaterThan(11);
  });

  it('takes a tree that is too deep for one that is too large', () => {
    const place = root();
    mkdirSync(join(place, 'd/'.repeat(80)), { recursive: true });
    expect(measureDisk(place, 1_000).inodes).toBeGreaterThan(1_001);
  });

  it.skipIf(process.getuid?.() === 0)('takes a folder that cannot be listed for one that is too large', () => {
    const place = root();
    mkdirSync(join(place, 'closed'), { mode: 0o300 });
    expect(measureDisk(place, 1_000).inodes).toBeGreaterThan(1_001);
  });
});

describe('without a name', () => {
  it.each([
    ['open', 4, ['fd = os.open(path, os.O_RDWR | os.O_CREAT)', "os.write(fd, b'x' * (4 << 20))", 'os.unlink(path)']],
    [
      'mapped, and so as large as a file may be',
      32,
      [
        'fd = os.open(path, os.O_RDWR | os.O_CREAT)',
        'os.ftruncate(fd, 4 << 20)',
        'libc = ctypes.CDLL(None)',
        'libc.mmap(None, ctypes.c_size_t(4096), 3, 1, fd, ctypes.c_long(0))',
        'os.close(fd)',
        'os.unlink(path)',
      ],
    ],
  ])('counts a file that is %s', async (_, mebibytes, hold) => {
    const place = root();
    const before = ['import ctypes, os, time', `path = ${JSON.stringify(join(place, 'f'))}`];
    const code = [...before, ...hold, "print('held', flush=True)", 'time.sleep(60)'].join('\n');
    const child = spawn('python3', ['-c', code], { stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      await once(child.stdout, 'data');
      expect(measureDisk(place, 100).bytes).toBe(0);
      const { unlinked } = new DescriptorLook(place, 32 * MIB).look([{ pid: 1, task: `/proc/${child.pid}` }]);
      expect(unlinked).toEqual({ bytes: mebibytes * MIB, inodes: 1 });
    } finally {
      child.kill('SIGKILL');
    }
  });
});
