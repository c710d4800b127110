import { appendFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { digestTree, type InstalledImage, imageRoot, readInstalledImage, verifyImage } from './image.ts';

let directory: string;
let root: string;
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'assay-image-'));
  root = imageRoot(directory, 'cp311');
  mkdirSync(join(root, 'packages/numpy'), { recursive: true });
  mkdirSync(join(root, 'matplotlib'));
  writeFileSync(join(root, 'packages/numpy/__init__.py'), 'x = 1\n');
  writeFileSync(join(root, 'matplotlib/matplotlibrc'), 'backend: Agg\n');
  writeFileSync(join(root, 'manifest.json'), JSON.stringify({ names: ['numpy 2.4.6'], sha256: await digestTree(root) }));
});
afterEach(() => rmSync(directory, { recursive: true }));

const image = (): InstalledImage => {
  const found = readInstalledImage(directory, 'cp311');
  if (found === null) throw new Error('no image');
  return found;
};

describe('installed image', () => {
  it('is found for its interpreter only, and verifies', async () => {
    expect(image().names).toEqual(['numpy 2.4.6']);
    expect(readInstalledImage(directory, 'cp312')).toBeNull();
    await verifyImage(image());
  });

  it.each<[string, () => void]>([
    ['a changed file', () => appendFileSync(join(root, 'packages/numpy/__init__.py'), '#')],
    ['an added file', () => writeFileSync(join(root, 'packages/evil.py'), '')],
    ['a removed file', () => rmSync(join(root, 'matplotlib/matplotlibrc'))],
    ['a renamed file', () => renameSync(join(root, 'packages/numpy/__init__.py'), join(root, 'packages/numpy/__main__.py'))],
    ['a link in place of a file', () => symlinkSync('/etc/passwd', join(root, 'packages/link.py'))],
  ])('is refused after %s', async (_title, tamper) => {
    tamper();
    await expect(verifyImage(image())).rejects.toMatchObject({ code: 'sandbox/tampered' });
  });
});
