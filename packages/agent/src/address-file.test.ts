/** The address an agent leaves: readable by its user alone, taken away at the end, and never another agent's. */

import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ADDRESS_FILE, leaveAddress } from './address-file.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'assay-address-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const left = (): Promise<string> => readFile(join(folder, ADDRESS_FILE), 'utf8');

test.each([
  ['http://127.0.0.1:8000', 'http://127.0.0.1:8000'],
  ['http://0.0.0.0:8000', 'http://127.0.0.1:8000'],
  ['https://[::]:8000', 'https://[::1]:8000'],
])('of %s', async (url, expected) => {
  const forget = await leaveAddress(folder, url);
  expect(JSON.parse(await left())).toEqual({ url: expected });
  expect((await stat(join(folder, ADDRESS_FILE))).mode & 0o777).toBe(0o600);
  await forget();
  expect(await readdir(folder)).toEqual([]);
});

test('of a later agent stays when the earlier one ends', async () => {
  const forgetFirst = await leaveAddress(folder, 'http://127.0.0.1:1');
  const forgetSecond = await leaveAddress(folder, 'http://127.0.0.1:2');
  await forgetFirst();
  expect(await left()).toContain('127.0.0.1:2');
  await forgetSecond();
  await forgetSecond();
  expect(await readdir(folder)).toEqual([]);
});

test('is not left where nothing can be written, and the agent starts all the same', async () => {
  const forget = await leaveAddress(join(folder, 'absent'), 'http://127.0.0.1:1');
  await forget();
  expect(await readdir(folder)).toEqual([]);
});
