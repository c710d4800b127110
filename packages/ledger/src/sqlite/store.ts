/**
 * The embedded store: node:sqlite behind {@link LogStore}. Writes go to the writer thread; reads are made here, on a connection of
 * their own that sees committed rows only.
 */

import { randomBytes } from 'node:crypto';
import type { DatabaseSync, SQLOutputValue } from 'node:sqlite';
import { utf8 } from '@assay/encoding/bytes';
import { decodeHex } from '@assay/encoding/hex';
import type { DataKey } from '../data-key.ts';
import { openDataKey, type PlatformSecret } from '../data-key-file.ts';
import { LedgerError } from '../errors.ts';
import { type LogKey, openLogKey } from '../log-key.ts';
import type { StateRow } from '../port.ts';
import type { LogStore, StoredReceipt, StoredReport, StoredSuccession, StoredTask, StoredTile } from '../store.ts';
import { statePlace } from '../stored-pieces.ts';
import { WriterClient } from '../writer/writer-client.ts';
import { blobReader } from './blobs.ts';
import { openReader } from './database.ts';
import { lockDirectory } from './directory-lock.ts';
import { tileReader } from './recovery.ts';
import { SqliteRows } from './rows.ts';

export interface SqliteStoreOptions {
  /** Made with mode 0700 when it is not there. One agent at a time. */
  readonly directory: string;
  /** Name of the log, fixed on the first start. */
  readonly origin?: string | undefined;
  /** The platform's secret under which the file of the data key is sealed (data-key-file.ts); left out where there is none. */
  readonly platformSecret?: PlatformSecret | null | undefined;
  /** Largest size of the database in bytes; default: none. */
  readonly maxBytes?: number | undefined;
}

type Row = Readonly<Record<string, SQLOutputValue>>;

/**
 * Opens the store after checking the log in it.
 * @throws {LedgerError} `ledger/in-use`, `ledger/bad-key-file`, `ledger/origin-changed`, `ledger/corrupt`, `ledger/rolled-back`,
 * `ledger/forked`, `ledger/runtime-too-old`, `ledger/unavailable`.
 * @example const store = await openSqliteStore({ directory: '.assay' })
 */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<LogStore> {
  const { directory, maxBytes, platformSecret } = options;
  const unlock = lockDirectory(directory);
  try {
    const logKey = openLogKey(directory, options.origin);
    const dataKey = openDataKey(directory, platformSecret);
    const boot = randomBytes(16).toString('hex');
    const writer = await WriterClient.start({
      directory,
      database: { engine: 'sqlite', maxBytes },
      logKey,
      dataSecret: dataKey.secret,
      boot,
    });
    const db = openReader({ directory });
    return sqliteStore(db, { directory, writer, boot, logKey, dataKey, unlock });
  } catch (cause) {
    unlock();
    throw LedgerError.is(cause)
      ? cause
      : new LedgerError('ledger/unavailable', `the data directory ${directory} cannot be used: ${String(cause)}`, { cause });
  }
}

interface Parts {
  readonly directory: string;
  readonly writer: WriterClient;
  readonly boot: string;
  readonly logKey: LogKey;
  readonly dataKey: DataKey;
  readonly unlock: () => void;
}

function sqliteStore(db: DatabaseSync, { directory, writer, boot, logKey, dataKey, unlock }: Parts): LogStore {
  const sql = prepare(db);
  const payload = blobReader(db, dataKey);
  const tile = tileReader(db);
  const rows = new SqliteRows(db);
  const task = (row: Row): StoredTask => ({
    cursor: row.cursor as number,
    receiptId: row.receipt_id as string,
    taskId: row.task_id as string,
    task: row.task as string,
    startedAt: row.started_at as number,
    sealedAt: row.sealed_at as number | null,
    index: row.idx as number | null,
    current: row.boot === boot,
    access: row.access as string | null,
  });
  return {
    name: 'embedded SQLite',
    directory,
    origin: logKey.origin,
    verifierKeys: logKey.verifierKeys,
    shared: false,
    dataKey,
    start: (row) => writer.start(row),
    discard: (receiptId) => writer.discard(receiptId),
    seal: (entry) => writer.seal(entry),
    logReport: (entry) => writer.report(entry),
    logSuccession: (entry) => writer.succession(entry),
    publish: (time) => writer.ask({ kind: 'publish', time }),
    change: (operation, args) => writer.rows(operation.name, args),
    read: async (operation) => rows.run(operation),
    hasNonce: async (nonce) => sql.nonce.get(decodeHex(nonce)) !== undefined,
    receipt: async (receiptId) => receipt(sql.receipt.get(receiptId)),
    receiptByChat: async (chatId) => receipt(sql.receiptByChat.get(chatId)),
    async report(keysetDigest, beforeIndex) {
      const row = sql.report.get(keysetDigest, beforeIndex);
      return row === undefined ? null : report(row, sql.collateral.all(row.idx as number));
    },
    succession: async (keysetDigest) => succession(sql.succession.get(keysetDigest)),
    payload: async (hash) => payload(hash),
    session: async (hash) => (sql.session.get(hash) === undefined ? null : payload(hash)),
    async tasks({ limit, before = Number.MAX_SAFE_INTEGER, access }) {
      const found =
        access === undefined ? sql.tasks.all(before, limit) : sql.tasksOf.all(access, before, limit, before, limit, limit);
      return found.map(task);
    },
    async task(taskId, access) {
      const row = access === undefined ? sql.task.get(taskId) : sql.taskOf.get(taskId, access);
      return row === undefined ? null : task(row);
    },
    state: async (collection, key) => state(collection, sql.state.get(collection, key), dataKey),
    states: async (collection) => sql.states.all(collection).map((row) => state(collection, row, dataKey) as StateRow),
    size: async () => (sql.size.get()?.size as number | undefined) ?? 0,
    async tiles(places) {
      const found = places.map(({ level, index }) => ({ level, index, hashes: tile(level, index) }));
      return found.filter((each): each is StoredTile => each.hashes !== null);
    },
    entries: async (from, to) => sql.entries.all(from, to).map((row) => utf8(row.leaf as string)),
    async close() {
      await writer.close();
      db.close();
      unlock();
    },
  };
}

function receipt(row: Row | undefined): StoredReceipt | null {
  if (row === undefined) return null;
  return {
    index: row.idx as number,
    body: row.body as string,
    salt: row.salt as Uint8Array,
    leaf: row.leaf as string,
    access: row.access as string | null,
  };
}

function report(row: Row, files: readonly Row[]): StoredReport {
  return {
    index: row.idx as number,
    report: row.report as string,
    nonce: row.nonce as string | null,
    salt: row.salt as Uint8Array,
    leaf: row.leaf as string,
    collateral: files.map((file) => ({
      name: file.name as string,
      mediaType: file.media_type as string,
      bytes: file.bytes as Uint8Array,
    })),
  };
}

function succession(row: Row | undefined): StoredSuccession | null {
  if (row === undefined) return null;
  return { index: row.idx as number, leaf: row.leaf as string, successor: row.successor as string };
}

function state(collection: string, row: Row | undefined, dataKey: DataKey): StateRow | null {
  if (row === undefined) return null;
  const { key, version, value, sealed } = row as { key: string; version: number; value: Uint8Array; sealed: number };
  return { key, version, value: sealed === 1 ? dataKey.open(statePlace(collection, key, version), value) : value };
}

function prepare(db: DatabaseSync) {
  const receipts = 'SELECT r.idx, r.body, r.salt, r.access, e.leaf FROM receipts r JOIN entries e ON e.idx = r.idx WHERE';
  const tasks = 'SELECT cursor, receipt_id, task_id, task, boot, started_at, access, sealed_at, idx FROM receipts WHERE';
  return {
    nonce: db.prepare('SELECT 1 FROM nonces WHERE nonce = ?'),
    receipt: db.prepare(`${receipts} r.receipt_id = ?`),
    receiptByChat: db.prepare(`${receipts} r.chat_id = ? ORDER BY r.idx DESC LIMIT 1`),
    report: db.prepare(
      'SELECT r.*, e.leaf FROM reports r JOIN entries e ON e.idx = r.idx WHERE r.keyset_digest = ? AND r.idx < ? ORDER BY r.idx DESC LIMIT 1',
    ),
    collateral: db.prepare(
      'SELECT c.name, c.media_type, b.bytes FROM collateral c JOIN blobs b ON b.hash = c.hash WHERE c.idx = ? ORDER BY c.ord',
    ),
    succession: db.prepare(
      'SELECT s.idx, s.successor, e.leaf FROM successions s JOIN entries e ON e.idx = s.idx WHERE s.keyset_digest = ?',
    ),
    session: db.prepare('SELECT 1 FROM sessions WHERE hash = ?'),
    tasks: db.prepare(`${tasks} cursor < ? ORDER BY cursor DESC LIMIT ?`),
    // Of one key and of none, each from its own end of the index.
    tasksOf: db.prepare(
      `SELECT * FROM (${tasks} access = ? AND cursor < ? ORDER BY cursor DESC LIMIT ?)
       UNION ALL SELECT * FROM (${tasks} access IS NULL AND cursor < ? ORDER BY cursor DESC LIMIT ?) ORDER BY cursor DESC LIMIT ?`,
    ),
    task: db.prepare(`${tasks} task_id = ? ORDER BY cursor DESC LIMIT 1`),
    taskOf: db.prepare(`${tasks} task_id = ? AND (access IS NULL OR access = ?) ORDER BY cursor DESC LIMIT 1`),
    state: db.prepare('SELECT key, version, value, sealed FROM state WHERE collection = ? AND key = ?'),
    states: db.prepare('SELECT key, version, value, sealed FROM state WHERE collection = ? ORDER BY key'),
    size: db.prepare('SELECT size FROM head WHERE id = 1'),
    entries: db.prepare('SELECT leaf FROM entries WHERE idx >= ? AND idx < ? ORDER BY idx'),
  };
}
