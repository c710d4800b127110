/** What is installed is read from the data folder; half an installation has nothing. */

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { installedPackages } from './installed-packages.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'assay-packages-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function put(path: string, text: string): Promise<void> {
  await mkdir(dirname(join(folder, path)), { recursive: true });
  await writeFile(join(folder, path), text);
}

test('nothing installed', async () => expect(await installedPackages(folder)).toEqual([]));

test('both lanes, each package once', async () => {
  await put('sandbox/native/cp311/manifest.json', '{"names":["numpy 2.2.5","pandas 3.1.1"],"sha256":"00"}');
  await put('sandbox/wheels/numpy-2.2.5-cp313-cp313-pyodide_2025_0_wasm32.whl', '');
  await put('sandbox/wheels/lock.json', '{}');
  expect(await installedPackages(folder)).toEqual(['numpy 2.2.5', 'pandas 3.1.1']);
});

test.each(['{', '[]', '{"names":3}'])('a manifest that is none: %s', async (text) => {
  await put('sandbox/native/cp311/manifest.json', text);
  expect(await installedPackages(folder)).toEqual([]);
});
