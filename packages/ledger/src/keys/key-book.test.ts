/** API keys: made once and kept as hashes, revoked for every agent, held to their quotas also at the same time (keys/port.ts). */

import { createHash } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { utf8 } from '@assay/encoding/bytes';
import { describe, expect, test } from 'vitest';
import { codeOf, ENGINES, NOW, start, type TestPlace } from '../../../../tests/crash/test-ledger.ts';
import { runSql } from '../../../../tests/postgres/server.ts';
import type { Clock } from '../clock.ts';
import type { Ledger } from '../port.ts';
import { POSTGRES_SCHEMA } from '../postgres/migrations.ts';
import { ROOM_TABLES } from '../rows/tables.ts';
import { SQLITE_SCHEMA } from '../sqlite/migrations.ts';
import { StateHash } from '../state-hash.ts';
import type { LogStore } from '../store.ts';
import { acknowledgeLoss } from '../upkeep/acknowledge-loss.ts';
import { backupStore, restoreStore } from '../upkeep/backup.ts';
import { checkLog } from '../upkeep/check-log.ts';
import { KeyBook, MOST_KEYS } from './key-book.ts';
import { KEY_FLOOR_FILE } from './key-floor.ts';
import { logKeysIn } from './log-keys.ts';
import type { ApiKey } from './port.ts';
import { KEYS_IN_STATE } from './tables.ts';

const DAY_MS = 86_400_000;
const TODAY = new Date(NOW).toISOString().slice(0, 10);

/** The keys as another agent of the store has them. */
function another(store: LogStore, clock: Clock = { now: () => NOW }, ledger: Ledger | null = null): KeyBook {
  const log = ledger === null ? () => Promise.reject(new Error('nothing to seal with')) : logKeysIn(ledger);
  return new KeyBook(store, clock, log);
}

const directoryOf = (at: TestPlace): string => (typeof at === 'string' ? at : at.directory);
const keptOf = (at: TestPlace) => (typeof at === 'string' ? { directory: at } : at);

async function runOn(at: TestPlace, sql: string): Promise<void> {
  if (typeof at !== 'string') return void (await runSql(at.databaseUrl, sql));
  const db = new DatabaseSync(join(at, 'log.db'));
  db.exec(sql);
  db.close();
}

describe.each(ENGINES)('on $engine', ({ place }) => {
  const started = async () => start(await place());

  test('a key is told once, and found by its hash', async () => {
    const { ledger, store } = await started();
    expect(await ledger.keys.any()).toBe(false);
    const { key, added } = await ledger.keys.add({ name: 'team-a', scopes: ['read', 'read'], quotas: { tasks: 3 } });
    expect(key).toMatch(/^assay_[\w-]{43}$/);
    expect(added).toEqual({
      name: 'team-a',
      access: createHash('sha256').update(key).digest('hex'),
      scopes: ['read'],
      quotas: { tasks: 3 },
      createdAt: NOW,
      revokedAt: null,
    });
    expect([await ledger.keys.any(), await ledger.keys.find(added.access)]).toEqual([true, added]);
    expect(await ledger.keys.find('0'.repeat(64))).toBeNull();
    const other = another(store);
    expect(await other.find(added.access)).toEqual(added);
    expect((await ledger.keys.add({ name: 'team-b' })).added.scopes).toEqual(['read', 'work', 'infer']);
    expect((await other.list()).map(({ name }) => name)).toEqual(['team-b', 'team-a']);
  });

  test('a revoked key is found no more, by other agents either, and its name is not given again', async () => {
    const { ledger, store } = await started();
    const { added } = await ledger.keys.add({ name: 'a' });
    const other = another(store);
    expect(await other.find(added.access)).not.toBeNull();
    expect(await ledger.keys.revoke('a')).toEqual({ ...added, revokedAt: NOW });
    expect(await ledger.keys.find(added.access)).toBeNull();
    await expect.poll(() => other.find(added.access), { timeout: 5_000 }).toBeNull();
    expect(await ledger.keys.revoke('a')).toMatchObject({ revokedAt: NOW });
    expect(await codeOf(ledger.keys.add({ name: 'a' }))).toBe('key/name-taken');
    expect(await ledger.keys.any()).toBe(true);
  });

  test('ledger/keys-in-table: an upgrade that would drop keys, and with them open the agent, is refused', async () => {
    const at = await place();
    await (await start(at)).close();
    const known = typeof at === 'string' ? SQLITE_SCHEMA : POSTGRES_SCHEMA;
    const version = known - ROOM_TABLES.length + ROOM_TABLES.indexOf(KEYS_IN_STATE);
    // What later steps of the schema made.
    await runOn(at, 'DROP INDEX jobs_task; DROP INDEX receipts_floor');
    await runOn(at, 'ALTER TABLE jobs DROP COLUMN task; ALTER TABLE head DROP COLUMN data_key');
    const table = 'CREATE TABLE api_keys (cursor INTEGER PRIMARY KEY, access TEXT, name TEXT, record TEXT)';
    const schema =
      typeof at === 'string' ? `PRAGMA user_version = ${version}` : `UPDATE meta SET value = '${version}' WHERE key = 'schema'`;
    await runOn(at, `${table}; INSERT INTO api_keys VALUES (1, 'ab', 'clients', 'x'); ${schema}`);
    for (const _ of [1, 2]) expect(await codeOf(start(at))).toBe('ledger/keys-in-table');
    await runOn(at, 'DELETE FROM api_keys');
    expect(await (await start(at)).ledger.keys.any()).toBe(false);
  });

  test('key/bad-name', async () => {
    const { ledger } = await started();
    for (const name of ['', 'A', '-a', 'a b', 'a'.repeat(65), 'a/b'])
      expect([name, await codeOf(ledger.keys.add({ name }))]).toEqual([name, 'key/bad-name']);
  });

  test('key/unknown', async () => {
    expect(await codeOf((await started()).ledger.keys.revoke('nothing'))).toBe('key/unknown');
  });

  test('a row that was changed, put in another place, or taken away makes no key good', async () => {
    const at = await place();
    const { ledger, store } = await start(at);
    const { added } = await ledger.keys.add({ name: 'good' });
    const other = (await ledger.keys.add({ name: 'other' })).added;
    for (const [sql, code] of [
      [
        `UPDATE state SET value = (SELECT value FROM state WHERE key = '${other.access}') WHERE key = '${added.access}'`,
        'ledger/corrupt',
      ],
      [`DELETE FROM state WHERE key = '${added.access}'`, 'ledger/corrupt'],
      ["DELETE FROM state WHERE collection = 'api-keys'", 'ledger/rolled-back'],
    ] as const) {
      await runOn(at, sql);
      expect([sql, await codeOf(another(store).find(other.access))]).toEqual([sql, code]);
    }
  });

  describe('rows that are put back', () => {
    const KEYS = ['state', 'key_usage'] as const;

    /** Copies the rows of a table, and what puts them back, as the operator of a database can. */
    async function copyOf(at: TestPlace): Promise<() => Promise<void>> {
      for (const table of KEYS) await runOn(at, `CREATE TABLE old_${table} AS SELECT * FROM ${table}`);
      return async () => {
        for (const table of KEYS) await runOn(at, `DELETE FROM ${table}; INSERT INTO ${table} SELECT * FROM old_${table}`);
      };
    }

    test('a revoked key stays revoked: for agents that run, that start, and that are new to the log', async () => {
      const at = await place();
      const first = await start(at);
      const { added } = await first.ledger.keys.add({ name: 'a' });
      const putBack = await copyOf(at);
      await first.ledger.keys.revoke('a');
      await putBack();
      await expect.poll(() => codeOf(first.ledger.keys.find(added.access)), { timeout: 5_000 }).toBe('ledger/rolled-back');
      expect(await codeOf(first.ledger.keys.add({ name: 'b' }))).toBe('ledger/rolled-back');
      await first.close();
      const again = await start(at);
      expect(await codeOf(again.ledger.keys.find(added.access))).toBe('ledger/rolled-back');
      expect(await codeOf(again.ledger.keys.any())).toBe('ledger/rolled-back');
      await again.close();
      rmSync(join(directoryOf(at), KEY_FLOOR_FILE));
      const fresh = await start(at);
      expect(await codeOf(fresh.ledger.keys.find(added.access))).toBe('ledger/rolled-back');
      expect((await checkLog(keptOf(at))).problems.map(({ what }) => what).join()).toMatch(
        /state api-keys is not that of generation 2/,
      );
    });

    test('a quota stays used, for an agent that runs and for one that starts', async () => {
      const at = await place();
      const first = await start(at);
      const { added } = await first.ledger.keys.add({ name: 'a', quotas: { tasks: 2, tokens: 100 } });
      const putBack = await copyOf(at);
      await first.ledger.keys.admit(added, { tasks: 2 });
      first.ledger.keys.spend(added.access, { tokens: 100 });
      expect((await first.ledger.keys.usage({ days: 1 }))[0]).toMatchObject({ tasks: 2, tokens: 100 });
      await putBack();
      expect(await first.ledger.keys.usage({ days: 1 })).toEqual([]);
      for (const cost of [{ tasks: 1 }, { tokens: 1 }])
        expect(await codeOf(first.ledger.keys.admit(added, cost))).toBe('key/quota-spent');
      await putBack();
      await first.close();
      const again = await start(at);
      expect(await codeOf(again.ledger.keys.admit(added, { tasks: 1 }))).toBe('key/quota-spent');
      await again.ledger.keys.admit(added, { requests: 1 });
      expect((await again.ledger.keys.usage({ days: 1 }))[0]).toMatchObject({ requests: 1, tasks: 2, tokens: 100 });
    });

    test('a floor that cannot be read stops every key', async () => {
      const at = await place();
      const first = await start(at);
      await first.ledger.keys.add({ name: 'a' });
      await first.close();
      for (const text of ['{', '{"v":2}', '{"v":1,"generation":"1","size":0,"used":{}}']) {
        writeFileSync(join(directoryOf(at), KEY_FLOOR_FILE), text, { mode: 0o600 });
        const again = await start(at);
        const { keys } = again.ledger;
        const quotas = { tasks: 1 };
        const works = [
          () => keys.find('a'),
          () => keys.any(),
          () => keys.add({ name: 'b' }),
          () => keys.admit({ access: 'a', name: 'a', quotas }, {}),
        ];
        for (const work of works) expect([text, await codeOf(work)]).toEqual([text, 'ledger/corrupt']);
        await again.close();
      }
    });

    test('keys that were lost with entries whose loss was acknowledged begin again from what is left', async () => {
      const at = await place();
      const first = await start(at);
      const { added } = await first.ledger.keys.add({ name: 'a' });
      await first.close();
      const out = join(directoryOf(at), 'backup');
      await backupStore(keptOf(at), out);
      const second = await start(at);
      await second.ledger.keys.revoke('a');
      await second.close();
      if (typeof at === 'string')
        for (const name of ['log.db', 'log.db-wal', 'log.db-shm']) rmSync(join(at, name), { force: true });
      else await runSql(at.databaseUrl, 'DROP SCHEMA assay CASCADE');
      await restoreStore(keptOf(at), out);
      expect(await codeOf(start(at))).toBe('ledger/rolled-back');
      await acknowledgeLoss(keptOf(at), { lost: 2, now: NOW });
      const third = await start(at);
      expect((await third.ledger.keys.find(added.access))?.name).toBe('a');
      await third.ledger.keys.revoke('a');
      expect(await third.ledger.keys.find(added.access)).toBeNull();
    });
  });

  test('agents that change keys at the same time change each once', async () => {
    const { ledger, store } = await start(await place());
    const other = another(store, undefined, ledger);
    const books = [ledger.keys, other];
    const names = Array.from({ length: 6 }, (_, i) => `k-${i}`);
    await Promise.all(names.map((name, i) => books[i % 2]!.add({ name })));
    expect((await ledger.keys.list()).map(({ name }) => name).sort()).toEqual(names);
    const codes = await Promise.all(books.map((book) => codeOf(book.add({ name: 'same' }))));
    expect(codes.sort()).toEqual(['key/name-taken', 'nothing thrown']);
    await Promise.all(books.map((book) => book.revoke('k-0')));
    expect((await other.list()).find(({ name }) => name === 'k-0')?.revokedAt).toBe(NOW);
  });

  describe('quotas', () => {
    const limited = (quotas: ApiKey['quotas']) => ({ access: 'a'.repeat(64), name: 'a', quotas });

    test('hold exactly, also for requests at the same time', async () => {
      const { ledger, store } = await started();
      const agents = [ledger.keys, another(store)];
      const key = limited({ requests: 20 });
      const codes = await Promise.all(
        Array.from({ length: 30 }, (_, i) => codeOf(agents[i % 2]!.admit(key, { requests: 1, bytes: 5 }))),
      );
      expect(codes.filter((code) => code === 'nothing thrown')).toHaveLength(20);
      expect(codes.filter((code) => code === 'key/quota-spent')).toHaveLength(10);
      expect(await ledger.keys.usage({ days: 1 })).toEqual([
        { access: key.access, day: TODAY, requests: 20, tasks: 0, tokens: 0, bytes: 100 },
      ]);
    });

    test('of what is known afterwards end the next use of it, and nothing else', async () => {
      const { ledger } = await started();
      const key = limited({ tokens: 100, bytes: 1_000 });
      await ledger.keys.admit(key, { requests: 1 }, ['tokens', 'bytes']);
      ledger.keys.spend(key.access, { tokens: 150, bytes: 10 });
      expect(await codeOf(ledger.keys.admit(key, { requests: 1 }, ['tokens']))).toBe('key/quota-spent');
      expect(await codeOf(ledger.keys.admit(key, { requests: 1 }, ['bytes']))).toBe('nothing thrown');
      expect(await codeOf(ledger.keys.admit(key, { requests: 1, bytes: 991 }, ['bytes']))).toBe('key/quota-spent');
    });

    test('begin again on the next day, and say when that is', async () => {
      const { store } = await started();
      let now = NOW;
      const keys = another(store, { now: () => now });
      const key = limited({ tasks: 1 });
      await keys.admit(key, { tasks: 1 });
      const error = await keys.admit(key, { tasks: 1 }).then(
        () => null,
        (cause: { details: { retryAfterSeconds: number } }) => cause,
      );
      expect(error?.details.retryAfterSeconds).toBe(Math.ceil((DAY_MS - (NOW % DAY_MS)) / 1000));
      now += DAY_MS;
      await keys.admit(key, { tasks: 1 });
      expect((await keys.usage({ days: 2 })).map(({ day, tasks }) => [day, tasks])).toEqual([
        [new Date(now).toISOString().slice(0, 10), 1],
        [TODAY, 1],
      ]);
      expect(await keys.usage({ days: 1, access: 'b'.repeat(64) })).toEqual([]);
    });

    test('of keys without any are counted as well, and written at the end', async () => {
      const at = await place();
      const first = await start(at);
      const key = limited({});
      await first.ledger.keys.admit(key, { requests: 1 });
      first.ledger.keys.spend(key.access, { tokens: 7 });
      await first.close();
      const second = await start(at);
      expect(await second.ledger.keys.usage({ days: 1 })).toMatchObject([{ requests: 1, tokens: 7 }]);
    });
  });
});

test('key/too-many', async () => {
  const { store } = await start(await ENGINES[0]!.place());
  const rows = Array.from({ length: MOST_KEYS }, (_, i) => {
    const access = i.toString(16).padStart(64, '0');
    const key = { name: `k-${i}`, access, scopes: [], quotas: {}, createdAt: NOW, revokedAt: null, added: i };
    return { key: access, version: 1, value: utf8(JSON.stringify(key)) };
  });
  const generation = { key: 'generation', version: MOST_KEYS, value: utf8(new StateHash(rows).text) };
  const full = { ...store, states: async () => [...rows, generation] };
  expect(await codeOf(another(full).add({ name: 'one-more' }))).toBe('key/too-many');
});
