/** Where an image is written: a directory with other content is never touched, an older image is replaced as a whole. */

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expectAdvice, expectRefusal } from '@assay/testing';
import { expect, it, onTestFinished, test } from 'vitest';
import { refuseForeign, writeImage } from '../../image/destination.ts';

const ROOT = new URL('../../', import.meta.url).pathname;
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const line = (name: string): string => `${'ab'.repeat(32)}  ${name}\n`;
const SUMS = line('oci/index.json') + line('provenance.json') + line('rootfs.tar');

function place(): string {
  const folder = mkdtempSync(join(tmpdir(), 'assay-out-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

test('an older image is replaced, and nothing of it stays', () => {
  const folder = place();
  const out = join(folder, 'deep/image');
  writeImage(
    out,
    new Map([
      ['SHA256SUMS', bytes(SUMS)],
      ['oci/old', bytes('old')],
    ]),
  );
  writeImage(
    out,
    new Map([
      ['SHA256SUMS', bytes(SUMS)],
      ['rootfs.tar', bytes('new')],
    ]),
  );
  expect(readdirSync(out).sort()).toEqual(['SHA256SUMS', 'rootfs.tar']);
  expect(readFileSync(join(out, 'rootfs.tar'), 'utf8')).toBe('new');
  expect(readdirSync(join(folder, 'deep'))).toEqual(['image']);
});

test('a new or empty directory is taken', () => {
  const folder = place();
  refuseForeign(join(folder, 'new'));
  refuseForeign(folder);
});

it.each<[string, Readonly<Record<string, string>>]>([
  ['files of a user', { 'thesis.txt': 'years of work' }],
  ['digests of something else', { SHA256SUMS: line('debian.iso'), 'debian.iso': '' }],
  ['a text that is no list of digests', { SHA256SUMS: `${SUMS}and more` }],
  ['an empty list of digests', { SHA256SUMS: '' }],
])('a directory with %s is refused and stays as it is', async (_name, files) => {
  const folder = place();
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const write = (): void => writeImage(folder, new Map([['rootfs.tar', bytes('new')]]));
  await expectRefusal(write, 'image/foreign-directory', [folder, '--out']);
  for (const [name, text] of Object.entries(files)) expect(readFileSync(join(folder, name), 'utf8')).toBe(text);
  expect(readdirSync(folder)).toHaveLength(Object.keys(files).length);
});

test('a file is refused', async () => {
  const path = join(place(), 'file');
  writeFileSync(path, '');
  await expectRefusal(() => refuseForeign(path), 'image/foreign-directory', [path]);
});

test('the build refuses before it begins', () => {
  const folder = place();
  writeFileSync(join(folder, 'thesis.txt'), 'years of work');
  const begun = performance.now();
  const { status, stderr } = spawnSync(
    process.execPath,
    ['--conditions=@assay/source', join(ROOT, 'image/build.ts'), '--out', folder, '--cache', join(folder, 'cache')],
    { encoding: 'utf8', timeout: 50_000 },
  );
  expect([status, stderr]).toEqual([1, expect.stringContaining('image/foreign-directory')]);
  const [, fault = '', advice = ''] =
    /error: (expected a new or empty directory.*) \[image\/foreign-directory\]\nhint: (.*)$/m.exec(stderr) ?? [];
  expectAdvice(`${fault}; ${advice}`, [folder]);
  expect(readdirSync(folder), `after ${performance.now() - begun} ms`).toEqual(['thesis.txt']);
});

it('make clean of deploy/nitro removes an image, and refuses another directory', () => {
  const folder = place();
  const [programs, out] = [join(folder, 'programs'), join(folder, 'out')];
  for (const each of [programs, out]) mkdirSync(each);
  writeFileSync(join(programs, 'gvforwarder'), '');
  writeFileSync(join(programs, 'mine'), '');
  writeFileSync(join(out, 'thesis.txt'), '');
  const clean = () =>
    spawnSync('make', ['-C', join(ROOT, 'deploy/nitro'), 'clean', `OUT=${out}`, `PROGRAMS=${programs}`], { encoding: 'utf8' });
  const refused = clean();
  expect(refused.status).not.toBe(0);
  expect(refused.stderr).toContain('image/foreign-directory');
  expect([readdirSync(out), readdirSync(programs)]).toEqual([['thesis.txt'], ['gvforwarder', 'mine']]);
  writeFileSync(join(out, 'SHA256SUMS'), SUMS);
  expect(clean().status).toBe(0);
  expect([existsSync(out), readdirSync(programs)]).toEqual([false, ['mine']]);
});
