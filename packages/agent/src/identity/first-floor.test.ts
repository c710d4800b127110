/** Agents that start together on a fresh data directory agree on one first floor, whichever wrote first. */

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makePrivateDirectory } from '@assay/ledger';
import { expectRefusal } from '@assay/testing';
import { expect, onTestFinished, test, vi } from 'vitest';
import { VERSION_FLOOR_FILE, VersionFloor } from './version-floor.ts';

// As it is, and replaced once, to begin another agent between the look and the write of the first.
vi.mock('@assay/ledger', { spy: true });

const begin = (directory: string, version: string): void =>
  new VersionFloor({ directory, version, floor: null }).refuseBelowDirectory();

function directoryWhereAnotherBegins(version: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'assay-first-floor-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  vi.mocked(makePrivateDirectory).mockImplementationOnce(() => begin(directory, version));
  return directory;
}

const fileIn = (directory: string): unknown => JSON.parse(readFileSync(join(directory, VERSION_FLOOR_FILE), 'utf8'));

test('an older agent is refused by the floor of a newer one that was faster', async () => {
  const directory = directoryWhereAnotherBegins('2.0.0');
  await expectRefusal(async () => begin(directory, '1.0.0'), 'version/below-floor', ['2.0.0', 'run a newer one']);
  expect(fileIn(directory)).toEqual({ v: 1, floor: '2.0.0' });
});

test('a newer agent leaves the floor of an older one that was faster', () => {
  const directory = directoryWhereAnotherBegins('1.0.0');
  begin(directory, '2.0.0');
  expect(fileIn(directory)).toEqual({ v: 1, floor: '1.0.0' });
});
