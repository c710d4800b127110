/**
 * The store for many agents: PostgreSQL behind {@link LogStore}. Entries go through the writer thread, as in the embedded store; reads and
 * operations of rooms use connections of their own.
 */

import { randomBytes } from 'node:crypto';
import { utf8 } from '@assay/encoding/bytes';
import { decodeHex } from '@assay/encoding/hex';
import { EMPTY_ROOT, logKeysDigest } from '@assay/receipt';
import type pg from 'pg';
import type { DataKey } from '../data-key.ts';
import { openDataKey, type PlatformSecret } from '../data-key-file.ts';
import { LedgerError } from '../errors.ts';
import { type LogKey, openLogKey } from '../log-key.ts';
import type { StateRow } from '../port.ts';
import type { Operation, Row } from '../rows/operation.ts';
import { makePrivateDirectory } from '../sqlite/private-files.ts';
import type { LogStore, StoredReceipt, StoredTask, StoredTile } from '../store.ts';
import { statePlace } from '../stored-pieces.ts';
import { WriterClient } from '../writer/writer-client.ts';
import { postgresBlob } from './blobs.ts';
import { BootLease } from './boot-lease.ts';
import { connect, databaseError, openPool } from './connection.ts';
import { beginUnderKey } from './key-in-force.ts';
import { readTiles } from './log-tree.ts';
import { migratePostgres } from './migrations.ts';

export interface PostgresStoreOptions {
  readonly url: string;
  /** Holds the log's key and the last published checkpoint; agents on one machine may share it. */
  readonly directory: string;
  readonly origin?: string | undefined;
  /** The platform's secret under which the file of the data key is sealed (data-key-file.ts); left out where there is none. */
  readonly platformSecret?: PlatformSecret | null | undefined;
}

/**
 * Opens the store after bringing its schema up to date and checking the log in it.
 * @throws {LedgerError} `ledger/unavailable`, `ledger/bad-database-url`, `ledger/schema-newer`, `ledger/other-log`, `ledger/corrupt`,
 * `ledger/rolled-back`, `ledger/forked`, and those of the log's key.
 */
export async function openPostgresStore({ url, directory, origin, platformSecret }: PostgresStoreOptions): Promise<LogStore> {
  makePrivateDirectory(directory);
  const boot = randomBytes(16).toString('hex');
  const client = await connect(url);
  let logKey: LogKey;
  let dataKey: DataKey;
  try {
    await migratePostgres(client);
    logKey = openLogKey(directory, origin);
    dataKey = openDataKey(directory, platformSecret);
    await claimLog(client, { logKey, dataKey, directory });
  } catch (cause) {
    throw databaseError(cause);
  } finally {
    await client.end().catch(() => undefined);
  }
  const writer = await WriterClient.start({
    directory,
    database: { engine: 'postgres', url },
    logKey,
    dataSecret: dataKey.secret,
    boot,
  });
  const pool = await openPool(url);
  try {
    const lease = await BootLease.take(pool, boot, dataKey.id);
    await assertSameKey(pool, dataKey); // a rotation that began before the lease was there
    return postgresStore(pool, { directory, writer, boot, logKey, dataKey, lease });
  } catch (cause) {
    await writer.close();
    await pool.end();
    throw databaseError(cause);
  }
}

interface Claim {
  readonly logKey: LogKey;
  readonly dataKey: DataKey;
  readonly directory: string;
}

/** The database belongs to the log of its first agent: every other one must have the same keys. */
async function claimLog(client: pg.Client, { logKey, dataKey, directory }: Claim): Promise<void> {
  const { origin, verifierKeys } = logKey;
  const own = JSON.stringify({ origin, keys: logKeysDigest(verifierKeys), dataKey: dataKey.id });
  await client.query("INSERT INTO meta VALUES ('log', $1) ON CONFLICT DO NOTHING", [own]);
  await client.query('INSERT INTO head (id, size, root) VALUES (1, 0, $1) ON CONFLICT DO NOTHING', [EMPTY_ROOT]);
  const { rows } = await client.query("SELECT value FROM meta WHERE key = 'log'");
  if (rows[0]?.value === own) {
    await client.query('UPDATE head SET data_key = $1 WHERE id = 1 AND data_key IS NULL', [dataKey.id]);
    return;
  }
  const there = JSON.parse(String(rows[0]?.value)) as { readonly origin: string; readonly dataKey?: string };
  if (there.dataKey !== undefined && there.dataKey === dataKey.previous?.id)
    throw new LedgerError(
      'ledger/other-log',
      'expected the data key of this database, got one that a rotation was to bring and that was cut off; run assay store rotate-key again',
    );
  throw new LedgerError(
    'ledger/other-log',
    `expected the keys of the log ${there.origin} in ${directory}, got others (log ${origin}); copy log-key.json and data-key.json from the data directory of an agent that uses this database, or use another database`,
  );
}

async function assertSameKey(pool: pg.Pool, dataKey: DataKey): Promise<void> {
  const { rows } = await pool.query("SELECT value FROM meta WHERE key = 'log'");
  if ((JSON.parse(String(rows[0]?.value)) as { readonly dataKey?: string }).dataKey === dataKey.id) return;
  throw new LedgerError(
    'ledger/other-log',
    'expected the data key of this database, got an older one from before a rotation; copy data-key.json from the directory in which assay store rotate-key ran',
  );
}

const RECEIPTS = 'SELECT r.idx, r.body, r.salt, r.access, e.leaf FROM receipts r JOIN entries e ON e.idx = r.idx WHERE';
const TASKS = `SELECT r.cursor, r.receipt_id, r.task_id, r.task, r.started_at, r.access, r.sealed_at, r.idx,
  (r.idx IS NULL AND EXISTS (SELECT 1 FROM boots b WHERE b.boot = r.boot AND b.alive_until > (extract(epoch FROM clock_timestamp()) * 1000)::bigint)) AS current
  FROM receipts r WHERE`;

/** Tasks of the key in `$3` and of none, each from its own end of the index. */
const TASKS_OF = `SELECT * FROM (${TASKS} r.access = $3 AND r.cursor < $1 ORDER BY r.cursor DESC LIMIT $2) own
  UNION ALL SELECT * FROM (${TASKS} r.access IS NULL AND r.cursor < $1 ORDER BY r.cursor DESC LIMIT $2) open ORDER BY cursor DESC LIMIT $2`;

interface Parts {
  readonly directory: string;
  readonly writer: WriterClient;
  readonly boot: string;
  readonly logKey: LogKey;
  readonly dataKey: DataKey;
  readonly lease: BootLease;
}

function postgresStore(pool: pg.Pool, { directory, writer, logKey, dataKey, lease }: Parts): LogStore {
  const all = async (text: string, ...values: readonly unknown[]) => {
    try {
      return (await pool.query(text, [...values])).rows;
    } catch (cause) {
      throw databaseError(cause);
    }
  };
  const one = async (text: string, ...values: readonly unknown[]) => (await all(text, ...values))[0] ?? null;
  const payload: LogStore['payload'] = (hash) => postgresBlob(one, dataKey, hash);
  return {
    name: 'PostgreSQL',
    directory,
    origin: logKey.origin,
    verifierKeys: logKey.verifierKeys,
    shared: true,
    dataKey,
    start: (row) => writer.start(row),
    discard: (receiptId) => writer.discard(receiptId),
    seal: (entry) => writer.seal(entry),
    logReport: (entry) => writer.report(entry),
    logSuccession: (entry) => writer.succession(entry),
    publish: (time) => writer.ask({ kind: 'publish', time }),
    change: (operation, args) => inTransaction(pool, operation.steps(args), (client) => beginUnderKey(client, dataKey.id)),
    read: (operation) => inTransaction(pool, operation, (client) => client.query('BEGIN')),
    hasNonce: async (nonce) => (await one('SELECT 1 FROM nonces WHERE nonce = $1', decodeHex(nonce))) !== null,
    receipt: async (receiptId) => receipt(await one(`${RECEIPTS} r.receipt_id = $1`, receiptId)),
    receiptByChat: async (chatId) => receipt(await one(`${RECEIPTS} r.chat_id = $1 ORDER BY r.idx DESC LIMIT 1`, chatId)),
    async report(keysetDigest, beforeIndex) {
      const row = await one(
        'SELECT r.*, e.leaf FROM reports r JOIN entries e ON e.idx = r.idx WHERE r.keyset_digest = $1 AND r.idx < $2 ORDER BY r.idx DESC LIMIT 1',
        keysetDigest,
        beforeIndex,
      );
      if (row === null) return null;
      const files = await all(
        'SELECT c.name, c.media_type, b.bytes FROM collateral c JOIN blobs b ON b.hash = c.hash WHERE c.idx = $1 ORDER BY c.ord',
        row.idx,
      );
      const { idx: index, report, nonce, salt, leaf } = row;
      const collateral = files.map(({ name, media_type: mediaType, bytes }) => ({ name, mediaType, bytes }));
      return { index, report, nonce, salt, leaf, collateral };
    },
    async succession(keysetDigest) {
      const row = await one(
        'SELECT s.idx, s.successor, e.leaf FROM successions s JOIN entries e ON e.idx = s.idx WHERE s.keyset_digest = $1',
        keysetDigest,
      );
      return row === null ? null : { index: row.idx, leaf: row.leaf, successor: row.successor };
    },
    payload,
    session: async (hash) => ((await one('SELECT 1 FROM sessions WHERE hash = $1', hash)) === null ? null : payload(hash)),
    async tasks({ limit, before = Number.MAX_SAFE_INTEGER, access }) {
      const rows =
        access === undefined
          ? await all(`${TASKS} r.cursor < $1 ORDER BY r.cursor DESC LIMIT $2`, before, limit)
          : await all(TASKS_OF, before, limit, access);
      return rows.map(task);
    },
    async task(taskId, access) {
      const row =
        access === undefined
          ? await one(`${TASKS} r.task_id = $1 ORDER BY r.cursor DESC LIMIT 1`, taskId)
          : await one(
              `${TASKS} r.task_id = $1 AND (r.access IS NULL OR r.access = $2::text) ORDER BY r.cursor DESC LIMIT 1`,
              taskId,
              access,
            );
      return row === null ? null : task(row);
    },
    async state(collection, key) {
      const row = await one('SELECT key, version, value FROM state WHERE collection = $1 AND key = $2', collection, key);
      return row === null ? null : state(collection, row, dataKey);
    },
    async states(collection) {
      const rows = await all(
        'SELECT key, version, value FROM state WHERE collection = $1 ORDER BY key COLLATE "C"',
        collection,
      );
      return rows.map((row) => state(collection, row, dataKey));
    },
    size: async () => (await one('SELECT size FROM head WHERE id = 1'))?.size ?? 0,
    async tiles(places) {
      const found = await readTiles(pool, places).catch((cause: unknown) => {
        throw databaseError(cause);
      });
      return places.flatMap(({ level, index }): StoredTile[] => {
        const hashes = found.get(`${level}/${index}`);
        return hashes === undefined ? [] : [{ level, index, hashes }];
      });
    },
    entries: async (from, to) =>
      (await all('SELECT leaf FROM entries WHERE idx >= $1 AND idx < $2 ORDER BY idx', from, to)).map(({ leaf }) => utf8(leaf)),
    async close() {
      await writer.close();
      await lease.end();
      await pool.end();
    },
  };
}

/** Runs an operation of a room in a transaction of its own. */
async function inTransaction<Result>(
  pool: pg.Pool,
  operation: Operation<Result>,
  begin: (client: pg.PoolClient) => Promise<unknown>,
): Promise<Result> {
  let client: pg.PoolClient;
  try {
    client = await pool.connect();
  } catch (cause) {
    throw databaseError(cause);
  }
  try {
    await begin(client);
    let step = operation.next();
    while (step.done !== true) {
      const { rows } = await client.query(step.value.text, [...step.value.values]);
      step = operation.next(rows as readonly Row[]);
    }
    await client.query('COMMIT');
    client.release();
    return step.value;
  } catch (cause) {
    const rolledBack = await client.query('ROLLBACK').then(
      () => true,
      () => false,
    );
    client.release(!rolledBack);
    throw databaseError(cause);
  }
}

// biome-ignore lint/suspicious/noExplicitAny: rows of the statements above, whose columns stand beside their use
type Found = any;

function receipt(row: Found): StoredReceipt | null {
  return row === null ? null : { index: row.idx, body: row.body, salt: row.salt, leaf: row.leaf, access: row.access };
}

function state(collection: string, { key, version, value }: Found, dataKey: DataKey): StateRow {
  return { key, version, value: dataKey.open(statePlace(collection, key, version), value) };
}

function task(row: Found): StoredTask {
  return {
    cursor: row.cursor,
    receiptId: row.receipt_id,
    taskId: row.task_id,
    task: row.task,
    startedAt: row.started_at,
    sealedAt: row.sealed_at,
    index: row.idx,
    current: row.current,
    access: row.access,
  };
}
