/**
 * The writer thread: the only place that writes. It gathers what is waiting into one transaction (group commit), commits, and only then
 * signs the committed head and answers. Started by store.ts; it speaks protocol.ts.
 */

import type { DatabaseSync } from 'node:sqlite';
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { encodeBase64 } from '@assay/encoding/base64';
import { EMPTY_ROOT, logKeysDigest } from '@assay/receipt';
import { LedgerError } from '../errors.ts';
import { CheckpointSigner } from '../log-key.ts';
import { Sequencer } from '../sequencer.ts';
import type { PublishedHead } from '../store.ts';
import type { GrowingTree } from '../tree.ts';
import { openWriter, sqliteCode } from './database.ts';
import { flushWal } from './integrity.ts';
import type { Answer, FromWriter, ToWriter, WriteRequest, WriterSetup, WrittenError } from './protocol.ts';
import { assertNotRolledBack, keepCheckpoint, loadTree, replicaId } from './recovery.ts';
import { BatchWriter, type Outcome } from './transaction.ts';

const SQLITE_CORRUPT = 11;
const SQLITE_FULL = 13;
const SQLITE_NOT_A_DATABASE = 26;
/** Entries in one transaction; more wait for the next. */
const BATCH_LIMIT = 256;
const KEEP_CHECKPOINT_MS = 1_000;

class Writer {
  readonly #db: DatabaseSync;
  readonly #directory: string;
  readonly #signer: CheckpointSigner;
  readonly #sequencer: Sequencer;
  readonly #batch: BatchWriter;
  #tree: GrowingTree;
  #note: string;
  #published: PublishedHead | null = null;
  #keptAt = 0;
  /** Newest time that came with an entry or a question, epoch milliseconds. */
  #lastTime = 0;
  #broken: WrittenError | null = null;

  constructor(db: DatabaseSync, tree: GrowingTree, setup: WriterSetup) {
    const { directory, logKey, boot } = setup;
    this.#db = db;
    this.#directory = directory;
    this.#tree = tree;
    db.prepare('INSERT INTO head VALUES (1, 0, ?) ON CONFLICT DO NOTHING').run(EMPTY_ROOT);
    const name = { origin: logKey.origin, logKeys: logKeysDigest(logKey.verifierKeys), replica: replicaId(db), boot };
    this.#sequencer = new Sequencer(name);
    this.#batch = new BatchWriter(db, boot, this.#sequencer);
    this.#signer = new CheckpointSigner(logKey);
    this.#note = this.#signer.sign(tree.size, tree.root());
  }

  write(requests: readonly WriteRequest[]): readonly Answer[] {
    const broken = this.#broken;
    if (broken !== null) return requests.map(({ id }) => ({ id, error: broken }));
    const before = this.#tree.size;
    for (const request of requests) if ('entry' in request) this.#lastTime = Math.max(this.#lastTime, request.entry.time);
    this.#sequencer.expire(this.#lastTime);
    let outcomes: readonly Outcome[];
    try {
      this.#db.exec('BEGIN IMMEDIATE');
      outcomes = this.#batch.write(requests, this.#tree);
      this.#db.exec('COMMIT');
      this.#sequencer.commit();
    } catch (cause) {
      const error = this.#undo(cause);
      return requests.map(({ id }) => ({ id, error }));
    }
    if (this.#tree.size > before) this.#note = this.#signer.sign(this.#tree.size, this.#tree.root());
    return outcomes.map((outcome) => this.#answer(outcome));
  }

  /** The committed head with its Ed25519 signature. */
  get checkpoint(): string {
    return this.#note;
  }

  /** The committed head with all signatures. `time` in epoch milliseconds. */
  publish(time: number): PublishedHead {
    this.#lastTime = Math.max(this.#lastTime, time);
    const { size } = this.#tree;
    if (this.#published?.size !== size)
      this.#published = { size, note: this.#signer.publish(size, this.#tree.root(), Math.floor(time / 1000)) };
    if (time - this.#keptAt >= KEEP_CHECKPOINT_MS || time < this.#keptAt) this.#keep(this.#published, time);
    return this.#published;
  }

  close(): void {
    if (this.#broken === null && this.#tree.size > 0) this.#keep(this.publish(this.#lastTime), 0);
    flushWal(this.#db);
    this.#db.close();
  }

  #keep(head: PublishedHead, time: number): void {
    try {
      keepCheckpoint(this.#directory, head.note);
      this.#keptAt = time;
    } catch {
      this.#keptAt = 0;
    }
  }

  #answer(outcome: Outcome): Answer {
    const { id, error, appended } = outcome;
    if (error !== undefined) return { id, error };
    if (appended === undefined) return { id, value: null };
    const { index, leaf, salt } = appended;
    const path = this.#tree
      .inclusionPath(index)
      .map((hash) => `${encodeBase64(hash)}\n`)
      .join('');
    return { id, entry: { index, leaf, salt, path } };
  }

  /** Back to what is committed. A full disk may pass; after any other failure of the database nothing more is written. */
  #undo(cause: unknown): WrittenError {
    const full = sqliteCode(cause) === SQLITE_FULL;
    const detail = cause instanceof Error ? cause.message : String(cause);
    const error: WrittenError = full
      ? {
          code: 'ledger/full',
          message:
            'the disk or the quota of the data directory is full, nothing was sealed; free space and send the request again',
        }
      : {
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
    if (!full) this.#broken = error;
    return error;
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

async function main(): Promise<void> {
  const port = parentPort;
  if (port === null) throw new Error('writer.ts runs as a worker thread of store.ts');
  const say = (message: FromWriter) => port.postMessage(message);
  const setup = workerData as WriterSetup;
  let writer: Writer;
  let db: DatabaseSync | null = null;
  try {
    db = openWriter(setup);
    const tree = loadTree(db);
    await assertNotRolledBack(setup.directory, tree, setup.logKey);
    writer = new Writer(db, tree, setup);
  } catch (cause) {
    db?.close();
    const { code, message } = LedgerError.is(cause) ? cause : openingError(cause);
    say({ kind: 'refused', error: { code, message } });
    return;
  }
  const answer = (answers: readonly Answer[]) =>
    say({ kind: 'answers', answers: JSON.stringify(answers), checkpoint: writer.checkpoint });
  const obey = (first: ToWriter) => {
    let waiting: WriteRequest[] = [];
    const flush = () => {
      if (waiting.length > 0) answer(writer.write(waiting));
      waiting = [];
    };
    for (
      let message: ToWriter | undefined = first;
      message !== undefined;
      message = receiveMessageOnPort(port)?.message as ToWriter | undefined
    ) {
      if (message.kind === 'write') {
        waiting.push(...message.requests);
        if (waiting.length >= BATCH_LIMIT) flush();
        continue;
      }
      flush();
      if (message.kind === 'publish') {
        answer([{ id: message.id, value: writer.publish(message.time) }]);
      } else {
        writer.close();
        answer([{ id: message.id, value: null }]);
        port.close();
        return;
      }
    }
    flush();
  };
  port.on('message', obey);
  say({ kind: 'ready' });
}

await main();
