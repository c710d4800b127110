/** Nothing in the data directory can be read by another user, whatever was there before the agent. */

import { chmodSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { codeOf, directory, run, start } from '../../../../tests/crash/test-ledger.ts';
import { openSqliteStore } from './store.ts';

const modeOf = (path: string): number => statSync(path).mode & 0o7777;

describe.skipIf(process.platform === 'win32')('the data directory', () => {
  it.each([0o755, 0o777, 0o750, 0o701])('of mode %i is closed, and so is every file in it', async (mode) => {
    const place = directory();
    writeFileSync(join(place, 'log.db'), '');
    writeFileSync(join(place, 'older.db-wal'), 'rows');
    chmodSync(join(place, 'log.db'), 0o644);
    chmodSync(join(place, 'older.db-wal'), 0o666);
    chmodSync(place, mode);
    const { ledger, close } = await start(place);
    await run(ledger, 'task');
    expect(modeOf(place)).toBe(0o700);
    const files = readdirSync(place);
    expect(files).toEqual(expect.arrayContaining(['log.db', 'log.db-wal', 'log.db-shm', 'lock.db', 'older.db-wal']));
    for (const name of files) expect([name, modeOf(join(place, name)) & 0o077]).toEqual([name, 0]);
    await close();
  });

  it('that many users share is refused, not closed to them', async () => {
    const place = directory();
    chmodSync(place, 0o1777);
    expect(await codeOf(openSqliteStore({ directory: place }))).toBe('ledger/directory-exposed');
    expect(modeOf(place)).toBe(0o1777);
  });

  it('keeps a key file that others could read refused, because closing it would hide that', async () => {
    const place = directory();
    writeFileSync(join(place, 'log-key.json'), '{}');
    chmodSync(join(place, 'log-key.json'), 0o644);
    expect(await codeOf(openSqliteStore({ directory: place }))).toBe('ledger/bad-key-file');
  });

  it('follows no link out of itself', async () => {
    const outside = directory();
    writeFileSync(join(outside, 'open.txt'), '');
    chmodSync(join(outside, 'open.txt'), 0o644);
    const place = directory();
    symlinkSync(join(outside, 'open.txt'), join(place, 'link'));
    mkdirSync(join(place, 'folder'), { mode: 0o755 });
    const { close } = await start(place);
    expect(modeOf(join(outside, 'open.txt'))).toBe(0o644);
    await close();
  });
});
