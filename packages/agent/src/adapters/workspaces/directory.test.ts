import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createWorkspaces } from './directory.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function open(limits = { files: 3, bytes: 100, workspaces: 2 }) {
  const directory = mkdtempSync(join(tmpdir(), 'assay-workspaces-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return { directory, workspaces: createWorkspaces(directory, limits), again: () => createWorkspaces(directory, limits) };
}

test('what is written is read, also after a restart, and replaced whole', async () => {
  const { workspaces, again, directory } = open();
  await workspaces.write('a', [{ path: '/tmp/x/ü.csv', bytes: bytes('1') }]);
  await workspaces.write('a', [{ path: '/tmp/x/ü.csv', bytes: bytes('22') }]);
  expect(await again().read('a', '/tmp/x/ü.csv')).toEqual(bytes('22'));
  expect(await again().list('a')).toMatchObject([{ path: '/tmp/x/ü.csv', bytes: 2 }]);
  expect(readdirSync(join(directory, 'a'))).toHaveLength(2); // the index and one file: the old bytes are gone
});

test('workspaces are apart', async () => {
  const { workspaces } = open();
  await workspaces.write('a', [{ path: '/tmp/x', bytes: bytes('1') }]);
  await expect(workspaces.read('b', '/tmp/x')).rejects.toMatchObject({ code: 'workspace/not-found' });
});

test.each(['/etc/passwd', '/tmp/../x', 'x', '/tmp/', '/tmp/a\0b', '/tmp/a\nb', '/tmp/./a', '/tmp//a'])(
  'refuses the path %j',
  async (path) => {
    const { workspaces, directory } = open();
    await expect(workspaces.write('a', [{ path, bytes: bytes('1') }])).rejects.toMatchObject({ code: 'workspace/bad-path' });
    await expect(workspaces.read('a', path)).rejects.toMatchObject({ code: 'workspace/bad-path' });
    expect(readdirSync(directory)).toEqual([]);
  },
);

test.each(['..', '../a', 'A', '', 'a/b', '.hidden', 'x'.repeat(65)])('refuses the name %j', async (name) => {
  const { workspaces } = open();
  await expect(workspaces.list(name)).rejects.toMatchObject({ code: 'workspace/bad-path' });
});

test.each([
  { name: 'too many files', files: ['1', '2', '3', '4'] },
  { name: 'too many bytes', files: ['x'.repeat(101)] },
])('full: $name, and nothing of it is kept', async ({ files }) => {
  const { workspaces } = open();
  const all = files.map((text, index) => ({ path: `/tmp/${index}`, bytes: bytes(text) }));
  await expect(workspaces.write('a', all)).rejects.toMatchObject({ code: 'workspace/full' });
  expect(await workspaces.list('a')).toEqual([]);
});

test('full: too many workspaces', async () => {
  const { workspaces } = open();
  for (const name of ['a', 'b']) await workspaces.write(name, [{ path: '/tmp/x', bytes: bytes('1') }]);
  await expect(workspaces.write('c', [{ path: '/tmp/x', bytes: bytes('1') }])).rejects.toMatchObject({
    code: 'workspace/full',
  });
  await workspaces.write('a', [{ path: '/tmp/y', bytes: bytes('2') }]);
});

test('writes at the same time do not lose each other', async () => {
  const { workspaces } = open();
  await Promise.all(['1', '2', '3'].map((name) => workspaces.write('a', [{ path: `/tmp/${name}`, bytes: bytes(name) }])));
  expect((await workspaces.list('a')).map(({ path }) => path)).toEqual(['/tmp/1', '/tmp/2', '/tmp/3']);
});

test('bytes that were changed on disk are not given out', async () => {
  const { workspaces, directory } = open();
  await workspaces.write('a', [{ path: '/tmp/x', bytes: bytes('1') }]);
  const [file] = readdirSync(join(directory, 'a')).filter((name) => name !== 'index.json');
  expect(readFileSync(join(directory, 'a', file ?? ''), 'utf8')).toBe('1');
  writeFileSync(join(directory, 'a', file ?? ''), '2');
  await expect(workspaces.read('a', '/tmp/x')).rejects.toMatchObject({
    code: 'workspace/not-found',
    message: expect.stringContaining('changed on disk'),
  });
});
