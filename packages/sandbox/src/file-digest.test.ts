import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { fileDigest } from './file-digest.ts';

it.each([0, 1, 256 * 1024 - 1, 256 * 1024, 256 * 1024 + 1, 3_000_000])('hashes a file of %i bytes', async (length) => {
  const directory = await mkdtemp(join(tmpdir(), 'assay-digest-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const bytes = Uint8Array.from({ length }, (_, index) => (index * 31 + (index >> 11)) & 0xff);
  await writeFile(join(directory, 'file'), bytes);
  expect(await fileDigest(join(directory, 'file'))).toBe(createHash('sha256').update(bytes).digest('hex'));
});

it('holds one piece of a large file, not the file', async () => {
  await fileDigest(process.execPath);
  const before = process.memoryUsage().arrayBuffers;
  const digest = fileDigest(process.execPath);
  let most = 0;
  const watch = setInterval(() => {
    most = Math.max(most, process.memoryUsage().arrayBuffers - before);
  }, 1);
  onTestFinished(() => clearInterval(watch));
  expect(await digest).toMatch(/^[0-9a-f]{64}$/);
  expect(most).toBeLessThan(8 * 1024 * 1024);
});

it('says which file cannot be read', async () => {
  await expect(fileDigest('/no/such/file')).rejects.toMatchObject({ code: 'ENOENT', path: '/no/such/file' });
});
