/**
 * The one writer of the embedded database: one list of requests is one transaction, committed before its head is signed. Runs in the
 * writer thread (writer/thread.ts).
 */

import type { DatabaseSync } from 'node:sqlite';
import { EMPTY_ROOT, logKeysDigest } from '@assay/receipt';
import { DataKey } from '../data-key.ts';
import { LedgerError } from '../errors.ts';
import { operationNamed } from '../rows/rooms.ts';
import { Sequencer } from '../sequencer.ts';
import type { PublishedHead } from '../store.ts';
import type { GrowingTree } from '../tree.ts';
import { assertContinues, readKeptCheckpoint } from '../writer/kept-checkpoint.ts';
import { answerOf, LogHead } from '../writer/log-head.ts';
import { type PlannedBatch, planBatch, questionsOf } from '../writer/plan-batch.ts';
import type { Answer, LogRequest, RowsRequest, WriteRequest, WriterSetup, WrittenError } from '../writer/protocol.ts';
import type { LogWriter } from '../writer/thread.ts';
import { BatchWriter } from './batch-writer.ts';
import { openWriter, sqliteCode } from './database.ts';
import { flushWal } from './integrity.ts';
import { loadTree, replicaId } from './recovery.ts';
import { SqliteRows } from './rows.ts';

const SQLITE_BUSY = 5;
const SQLITE_CORRUPT = 11;
const SQLITE_FULL = 13;
const SQLITE_NOT_A_DATABASE = 26;

/**
 * Opens the database for writing and checks the log in it.
 * @throws {LedgerError} `ledger/corrupt`, `ledger/rolled-back`, `ledger/forked`, `ledger/runtime-too-old`, `ledger/unavailable`.
 */
export async function openSqliteWriter(setup: WriterSetup): Promise<LogWriter> {
  const { directory, database, logKey } = setup;
  let db: DatabaseSync | null = null;
  try {
    db = openWriter({ directory, maxBytes: database.engine === 'sqlite' ? database.maxBytes : undefined });
    const tree = loadTree(db);
    const signed = await readKeptCheckpoint(directory, logKey);
    if (signed !== null) assertContinues(tree, signed);
    return new SqliteWriter(db, tree, setup);
  } catch (cause) {
    db?.close();
    throw LedgerError.is(cause) ? cause : openingError(cause);
  }
}

class SqliteWriter implements LogWriter {
  readonly #db: DatabaseSync;
  readonly #sequencer: Sequencer;
  readonly #batch: BatchWriter;
  readonly #rows: SqliteRows;
  readonly #head: LogHead;
  #tree: GrowingTree;
  #broken: WrittenError | null = null;

  constructor(db: DatabaseSync, tree: GrowingTree, { directory, logKey, dataSecret, boot }: WriterSetup) {
    this.#db = db;
    this.#tree = tree;
    db.prepare('INSERT INTO head (id, size, root) VALUES (1, 0, ?) ON CONFLICT DO NOTHING').run(EMPTY_ROOT);
    const name = { origin: logKey.origin, logKeys: logKeysDigest(logKey.verifierKeys), replica: replicaId(db), boot };
    this.#sequencer = new Sequencer(name);
    this.#batch = new BatchWriter(db, boot, new DataKey(dataSecret));
    this.#rows = new SqliteRows(db);
    this.#head = new LogHead(directory, logKey);
    this.#head.sign(tree);
  }

  get checkpoint(): string {
    return this.#head.checkpoint;
  }

  write(requests: readonly WriteRequest[]): readonly Answer[] {
    const broken = this.#broken;
    if (broken !== null) return requests.map(({ id }) => ({ id, error: broken }));
    const log: LogRequest[] = [];
    const rows: RowsRequest[] = [];
    for (const request of requests) {
      if (request.kind === 'rows') rows.push(request);
      else log.push(request);
      if ('entry' in request) this.#head.saw(request.entry.time);
    }
    this.#sequencer.expire(this.#head.lastTime);
    const before = this.#tree.size;
    let batch: PlannedBatch;
    let answers: readonly Answer[];
    try {
      this.#db.exec('BEGIN IMMEDIATE');
      batch = planBatch(log, this.#batch.answer(questionsOf(log)), { sequencer: this.#sequencer, tree: this.#tree });
      this.#batch.write(batch, this.#tree, before);
      answers = rows.map((request) => this.#operate(request));
      this.#db.exec('COMMIT');
      this.#sequencer.commit();
    } catch (cause) {
      const error = this.#undo(cause);
      return requests.map(({ id }) => ({ id, error }));
    }
    if (this.#tree.size > before) this.#head.sign(this.#tree);
    return [...batch.outcomes.map((outcome) => answerOf(outcome, this.#tree)), ...answers];
  }

  publish(time: number): PublishedHead {
    return this.#head.publish(this.#tree, time);
  }

  close(): void {
    if (this.#broken === null) this.#head.close(this.#tree);
    flushWal(this.#db);
    this.#db.close();
  }

  /** One operation of a room. What it refuses is undone alone. */
  #operate({ id, operation, args }: RowsRequest): Answer {
    this.#db.exec('SAVEPOINT operation');
    try {
      const value = this.#rows.run(operationNamed(operation).steps(args));
      this.#db.exec('RELEASE operation');
      return { id, value };
    } catch (cause) {
      if (!LedgerError.is(cause)) throw cause;
      this.#db.exec('ROLLBACK TO operation; RELEASE operation');
      return { id, error: { code: cause.code, message: cause.message } };
    }
  }

  /** Back to what is committed. A full disk and a lock may pass; after any other failure of the database nothing more is written. */
  #undo(cause: unknown): WrittenError {
    const passing = passingError(cause);
    const detail = cause instanceof Error ? cause.message : String(cause);
    const error: WrittenError = passing ?? {
      code: 'ledger/unavailable',
      message: `the database failed (${detail}), nothing more is sealed; check the disk and start the agent again`,
    };
    try {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
      this.#sequencer.rollback();
      this.#tree = loadTree(this.#db);
    } catch {
      this.#broken = error;
    }
    if (passing === null) this.#broken = error;
    return error;
  }
}

/** What passes without a new start; `null` for other failures. */
function passingError(cause: unknown): WrittenError | null {
  switch (sqliteCode(cause)) {
    case SQLITE_FULL:
      return {
        code: 'ledger/full',
        message:
          'the disk or the quota of the data directory is full, nothing was sealed; free space and send the request again',
      };
    case SQLITE_BUSY:
      return {
        code: 'ledger/busy',
        message: 'another program holds the lock of the database, nothing was sealed; end it, or send the request again',
      };
    default:
      return null;
  }
}

/** Why the database could not be opened, when SQLite itself says so. */
function openingError(cause: unknown): LedgerError {
  const damaged = [SQLITE_CORRUPT, SQLITE_NOT_A_DATABASE].includes(sqliteCode(cause) ?? 0);
  return damaged
    ? new LedgerError(
        'ledger/corrupt',
        `the database in the data directory is damaged: ${String(cause)}; restore it from a backup`,
      )
    : new LedgerError('ledger/unavailable', `the database cannot be opened: ${String(cause)}; check disk and permissions`);
}
