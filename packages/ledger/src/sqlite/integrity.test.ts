/** A database that was cut, overwritten or given programs is refused at start, before anything in it is believed. */

import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, openSync, statSync, truncateSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { codeOf, directory, open, start } from '../../../../tests/crash/test-ledger.ts';

/** A stopped agent's data directory with receipts and payloads over many pages. */
async function filled(): Promise<string> {
  const place = directory();
  const { ledger, close } = await start(place);
  for (let i = 0; i < 20; i += 1) {
    const draft = open(ledger, `task-${i}`);
    draft.payload('answer', 'application/octet-stream', randomBytes(20_000));
    await ledger.seal(draft);
  }
  await close();
  return place;
}

const overwrite = (path: string, at: number, bytes: Uint8Array): void => {
  const file = openSync(path, 'r+');
  writeSync(file, bytes, 0, bytes.length, at);
  closeSync(file);
};

describe('a start', () => {
  it.each<[string, (file: string) => void]>([
    ['half', (file) => truncateSync(file, Math.floor(statSync(file).size / 2 / 4096) * 4096)],
    ['all but its last page', (file) => truncateSync(file, statSync(file).size - 4096)],
    ['all but its last byte', (file) => truncateSync(file, statSync(file).size - 1)],
    ['its first page', (file) => truncateSync(file, 4096)],
  ])('refuses a database cut to %s', async (_, cut) => {
    const place = await filled();
    cut(join(place, 'log.db'));
    expect(await codeOf(start(place))).toBe('ledger/corrupt');
  });

  it('refuses a database with an overwritten page or header', async () => {
    const place = await filled();
    const file = join(place, 'log.db');
    overwrite(file, 3 * 4096, randomBytes(4096));
    expect(await codeOf(start(place))).toBe('ledger/corrupt');
    overwrite(file, 0, randomBytes(100));
    expect(await codeOf(start(place))).toBe('ledger/corrupt');
  });

  it.each([
    'CREATE TRIGGER t AFTER INSERT ON receipts BEGIN UPDATE receipts SET access = NULL; END',
    'CREATE VIEW v AS SELECT * FROM receipts',
  ])('refuses a schema with programs: %s', async (sql) => {
    const place = await filled();
    const db = new DatabaseSync(join(place, 'log.db'));
    db.exec(sql);
    db.close();
    expect(await codeOf(start(place))).toBe('ledger/corrupt');
  });

  it('after a calm stop finds all rows in the database file itself', async () => {
    const place = await filled();
    const wal = join(place, 'log.db-wal');
    expect(existsSync(wal) ? statSync(wal).size : 0).toBe(0);
    const { ledger, close } = await start(place);
    expect(await ledger.list({ limit: 100 })).toHaveLength(20);
    await close();
  });
});
