/** Writes a planned batch into the embedded database, and answers what planning asks. The caller holds the transaction. */

import type { DatabaseSync } from 'node:sqlite';
import { decodeHex } from '@assay/encoding/hex';
import type { DataKey } from '../data-key.ts';
import { SEALED_PIECE_BYTES, sealedPieces, statePlace } from '../stored-pieces.ts';
import type { GrowingTree } from '../tree.ts';
import { type Facts, type PlannedBatch, type Questions, rowName } from '../writer/plan-batch.ts';

export class BatchWriter {
  readonly #sql: ReturnType<typeof prepare>;
  readonly #boot: string;
  readonly #dataKey: DataKey;
  /** For one sealed piece at a time; the database copies what it is given. */
  readonly #room = Buffer.allocUnsafeSlow(SEALED_PIECE_BYTES);

  constructor(db: DatabaseSync, boot: string, dataKey: DataKey) {
    this.#sql = prepare(db);
    this.#boot = boot;
    this.#dataKey = dataKey;
  }

  answer({ nonces, rows, receipts }: Questions): Facts {
    const versions = new Map<string, number>();
    for (const row of rows) {
      const version = this.#sql.stateVersion.get(row.collection, row.key)?.version as number | undefined;
      if (version !== undefined) versions.set(rowName(row), version);
    }
    return {
      usedNonces: new Set(nonces.filter((nonce) => this.#sql.findNonce.get(decodeHex(nonce)) !== undefined)),
      sealed: new Set(receipts.filter((id) => this.#sql.findSealed.get(id) !== undefined)),
      versions,
    };
  }

  write(batch: PlannedBatch, tree: GrowingTree, sizeBefore: number): void {
    const sql = this.#sql;
    for (const { receiptId, taskId, task, startedAt, access } of batch.starts)
      sql.addTask.run(receiptId, taskId, task, this.#boot, startedAt, access);
    for (const { nonce, index } of batch.nonces) sql.addNonce.run(nonce, index);
    for (const { collection, key, version, value } of batch.changes) {
      if (value === null) sql.deleteState.run(collection, key);
      else sql.putState.run(collection, key, version, this.#dataKey.seal(statePlace(collection, key, version), value));
    }
    for (const { hash, bytes, kind } of batch.payloads) {
      for (const piece of sealedPieces(this.#dataKey, hash, bytes, this.#room))
        sql.addPiece.run(piece.hash, piece.n, piece.bytes);
      if (kind === 'session') sql.addSession.run(hash);
    }
    for (const { index, leaf } of batch.entries) sql.addEntry.run(index, leaf);
    for (const { entry, index, salt } of batch.receipts) {
      const { receiptId, taskId, task, startedAt, access, time, chatId, body } = entry;
      sql.addReceipt.run(receiptId, taskId, task, this.#boot, startedAt, access, time, index, chatId, salt, body);
    }
    for (const { index, keysetDigest, nonce, salt, report, collateral } of batch.reports) {
      sql.addReport.run(index, keysetDigest, nonce, salt, report);
      collateral.forEach(({ name, mediaType, hash, bytes }, ord) => {
        sql.addBlob.run(hash, bytes);
        sql.addCollateral.run(index, ord, name, mediaType, hash);
      });
    }
    for (const { index, keysetDigest, successor } of batch.successions) sql.addSuccession.run(index, keysetDigest, successor);
    for (const receiptId of batch.discards) sql.deleteTask.run(receiptId);
    if (tree.size === sizeBefore) return;
    for (const { level, index, bytes } of tree.takeChanged()) sql.putTile.run(level, index, bytes);
    const { changes } = sql.moveHead.run(tree.size, tree.root(), sizeBefore);
    if (changes !== 1) throw new Error(`the head moved under the writer: expected size ${sizeBefore}`);
  }
}

function prepare(db: DatabaseSync) {
  return {
    addTask: db.prepare(
      'INSERT INTO receipts (receipt_id, task_id, task, boot, started_at, access) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING',
    ),
    addReceipt: db.prepare(
      `INSERT INTO receipts (receipt_id, task_id, task, boot, started_at, access, sealed_at, idx, chat_id, salt, body)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (receipt_id) DO UPDATE SET sealed_at = excluded.sealed_at, idx = excluded.idx,
       chat_id = excluded.chat_id, salt = excluded.salt, body = excluded.body WHERE idx IS NULL`,
    ),
    deleteTask: db.prepare('DELETE FROM receipts WHERE receipt_id = ? AND idx IS NULL'),
    findNonce: db.prepare('SELECT 1 FROM nonces WHERE nonce = ?'),
    findSealed: db.prepare('SELECT 1 FROM receipts WHERE receipt_id = ? AND idx IS NOT NULL'),
    addNonce: db.prepare('INSERT INTO nonces VALUES (?, ?)'),
    stateVersion: db.prepare('SELECT version FROM state WHERE collection = ? AND key = ?'),
    putState: db.prepare(
      'INSERT INTO state VALUES (?, ?, ?, ?, 1) ON CONFLICT (collection, key) DO UPDATE SET version = excluded.version, value = excluded.value, sealed = 1',
    ),
    deleteState: db.prepare('DELETE FROM state WHERE collection = ? AND key = ?'),
    addBlob: db.prepare('INSERT INTO blobs VALUES (?, ?) ON CONFLICT DO NOTHING'),
    addPiece: db.prepare('INSERT INTO sealed_pieces VALUES (?, ?, ?) ON CONFLICT DO NOTHING'),
    addSession: db.prepare('INSERT INTO sessions VALUES (?) ON CONFLICT DO NOTHING'),
    addEntry: db.prepare('INSERT INTO entries VALUES (?, ?)'),
    addSuccession: db.prepare('INSERT INTO successions (idx, keyset_digest, successor) VALUES (?, ?, ?)'),
    addReport: db.prepare('INSERT INTO reports VALUES (?, ?, ?, ?, ?)'),
    addCollateral: db.prepare('INSERT INTO collateral VALUES (?, ?, ?, ?, ?)'),
    putTile: db.prepare('INSERT INTO tiles VALUES (?, ?, ?) ON CONFLICT (level, n) DO UPDATE SET hashes = excluded.hashes'),
    moveHead: db.prepare('UPDATE head SET size = ?, root = ? WHERE id = 1 AND size = ?'),
  };
}
