/**
 * One list of requests in one transaction: nonce, changes, blobs, entry, receipt and task row of each, then the changed tiles and the
 * head. A request that cannot be granted (nonce used, version moved) is answered so and leaves the others alone.
 */

import type { DatabaseSync } from 'node:sqlite';
import { decodeUtf8 } from '@assay/encoding/bytes';
import { decodeHex, encodeHex } from '@assay/encoding/hex';
import { type Digest, SUCCESSION_SALT, successionBody } from '@assay/receipt';
import { sha256 } from '@noble/hashes/sha2.js';
import type { StateChange } from '../port.ts';
import { RandomPool } from '../random-pool.ts';
import type { SequencedLeaf, Sequencer } from '../sequencer.ts';
import { ed25519Signer } from '../signing-keys.ts';
import type { ReceiptEntry, ReportEntry, SuccessionEntry, TaskStart } from '../store.ts';
import type { GrowingTree } from '../tree.ts';
import { PIECE_BYTES } from './blobs.ts';
import type { WriteRequest, WrittenError } from './protocol.ts';

/** What became of one request; `appended` when it added an entry. */
export interface Outcome {
  readonly id: number;
  readonly error?: WrittenError;
  readonly appended?: { readonly index: number; readonly leaf: string; readonly salt: string };
}

const SALT_BYTES = 32;

export class BatchWriter {
  readonly #sql: ReturnType<typeof prepare>;
  readonly #boot: string;
  readonly #sequencer: Sequencer;
  readonly #random = new RandomPool();

  constructor(db: DatabaseSync, boot: string, sequencer: Sequencer) {
    this.#sql = prepare(db);
    this.#boot = boot;
    this.#sequencer = sequencer;
  }

  /** Writes all requests inside a transaction that the caller began; throws when the database cannot. */
  write(requests: readonly WriteRequest[], tree: GrowingTree): readonly Outcome[] {
    const before = tree.size;
    const outcomes = requests.map((request) => this.#obey(request, tree));
    if (tree.size === before) return outcomes;
    for (const { level, index, bytes } of tree.takeChanged()) this.#sql.putTile.run(level, index, bytes);
    const { changes } = this.#sql.moveHead.run(tree.size, tree.root(), before);
    if (changes !== 1) throw new Error(`the head moved under the writer: expected size ${before}`);
    return outcomes;
  }

  #obey(request: WriteRequest, tree: GrowingTree): Outcome {
    const { id } = request;
    switch (request.kind) {
      case 'start':
        this.#start(request.task);
        return { id };
      case 'discard':
        this.#sql.deleteTask.run(request.receiptId);
        return { id };
      case 'seal':
        return this.#seal(id, request.entry, tree);
      case 'report':
        return this.#report(id, request.entry, tree);
      case 'succession':
        return this.#succession(id, request.entry, tree);
    }
  }

  #start(task: TaskStart): void {
    this.#sql.addTask.run(task.receiptId, task.taskId, task.task, this.#boot, task.startedAt, task.access);
  }

  #seal(id: number, entry: ReceiptEntry, tree: GrowingTree): Outcome {
    if (!this.#sequencer.admits(entry.keysetDigest)) return ended(id, entry.keysetDigest);
    const nonce = entry.nonce === null ? null : decodeHex(entry.nonce);
    if (nonce !== null && this.#sql.findNonce.get(nonce) !== undefined)
      return { id, error: { code: 'ledger/nonce-reused', message: 'this nonce was used before; send 32 fresh random bytes' } };
    const stale = entry.changes.find((change) => this.#version(change) !== change.expectedVersion);
    if (stale !== undefined)
      return {
        id,
        error: {
          code: 'ledger/conflict',
          message: `${stale.collection}/${stale.key} is not at version ${stale.expectedVersion} any more; read it again`,
        },
      };
    const salt = this.#random.take(SALT_BYTES);
    const index = tree.size;
    const leaf = this.#sequencer.next({
      kind: 'receipt',
      body: entry.body,
      salt,
      nonce: entry.nonce,
      keysetDigest: entry.keysetDigest as Digest,
      time: entry.time,
    });
    if (nonce !== null) this.#sql.addNonce.run(nonce, index);
    for (const change of entry.changes) this.#change(change);
    for (const { hash, bytes, kind } of entry.payloads) {
      this.#keep(hash, bytes);
      if (kind === 'session') this.#sql.addSession.run(hash);
    }
    const { receiptId, taskId, task, startedAt, access, time, chatId, body } = entry;
    this.#sql.addReceipt.run(receiptId, taskId, task, this.#boot, startedAt, access, time, index, chatId, salt, body);
    return { id, appended: this.#append(leaf, index, salt, tree) };
  }

  #report(id: number, entry: ReportEntry, tree: GrowingTree): Outcome {
    const { keyId, privateKey, notAfter } = entry.leafKey;
    this.#sequencer.admit(entry.keysetDigest, { ...ed25519Signer(keyId, privateKey), notAfter });
    const salt = this.#random.take(SALT_BYTES);
    const index = tree.size;
    const leaf = this.#sequencer.next({
      kind: 'report',
      body: entry.body,
      salt,
      nonce: null,
      keysetDigest: entry.keysetDigest as Digest,
      time: entry.time,
    });
    this.#sql.addReport.run(index, entry.keysetDigest, entry.nonce, salt, entry.report);
    entry.collateral.forEach((file, ord) => {
      const hash = sha256(file.bytes);
      this.#sql.addBlob.run(hash, file.bytes);
      this.#sql.addCollateral.run(index, ord, file.name, file.mediaType, hash);
    });
    return { id, appended: this.#append(leaf, index, salt, tree) };
  }

  #succession(id: number, { keysetDigest, successor, time }: SuccessionEntry, tree: GrowingTree): Outcome {
    if (!this.#sequencer.admits(keysetDigest)) return ended(id, keysetDigest);
    const salt = decodeHex(SUCCESSION_SALT);
    const index = tree.size;
    const leaf = this.#sequencer.next({
      kind: 'succession',
      body: successionBody(successor as Digest),
      salt,
      nonce: null,
      keysetDigest: keysetDigest as Digest,
      time,
    });
    this.#sequencer.dismiss(keysetDigest);
    this.#sql.addSuccession.run(index, keysetDigest, successor);
    return { id, appended: this.#append(leaf, index, salt, tree) };
  }

  #append(
    leaf: SequencedLeaf,
    index: number,
    salt: Uint8Array,
    tree: GrowingTree,
  ): { index: number; leaf: string; salt: string } {
    const text = decodeUtf8(leaf.bytes);
    this.#sql.addEntry.run(index, text);
    tree.append(leaf.hash);
    return { index, leaf: text, salt: encodeHex(salt) };
  }

  #keep(hash: Uint8Array, bytes: Uint8Array): void {
    if (bytes.length <= PIECE_BYTES) {
      this.#sql.addBlob.run(hash, bytes);
      return;
    }
    for (let n = 0; n * PIECE_BYTES < bytes.length; n += 1)
      this.#sql.addBlobPiece.run(hash, n, bytes.subarray(n * PIECE_BYTES, (n + 1) * PIECE_BYTES));
  }

  #change({ collection, key, expectedVersion, value }: StateChange): void {
    if (value === null) this.#sql.deleteState.run(collection, key);
    else this.#sql.putState.run(collection, key, expectedVersion + 1, value);
  }

  #version(change: StateChange): number {
    return (this.#sql.stateVersion.get(change.collection, change.key)?.version as number | undefined) ?? 0;
  }
}

function ended(id: number, keysetDigest: string): Outcome {
  const message = `keyset ${keysetDigest} was replaced, and its keys are gone; send the request again`;
  return { id, error: { code: 'ledger/keyset-ended', message } };
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
    addNonce: db.prepare('INSERT INTO nonces VALUES (?, ?)'),
    stateVersion: db.prepare('SELECT version FROM state WHERE collection = ? AND key = ?'),
    putState: db.prepare(
      'INSERT INTO state VALUES (?, ?, ?, ?) ON CONFLICT (collection, key) DO UPDATE SET version = excluded.version, value = excluded.value',
    ),
    deleteState: db.prepare('DELETE FROM state WHERE collection = ? AND key = ?'),
    addBlob: db.prepare('INSERT INTO blobs VALUES (?, ?) ON CONFLICT DO NOTHING'),
    addBlobPiece: db.prepare('INSERT INTO blob_pieces VALUES (?, ?, ?) ON CONFLICT DO NOTHING'),
    addSession: db.prepare('INSERT INTO sessions VALUES (?) ON CONFLICT DO NOTHING'),
    addEntry: db.prepare('INSERT INTO entries VALUES (?, ?)'),
    addSuccession: db.prepare('INSERT INTO successions (idx, keyset_digest, successor) VALUES (?, ?, ?)'),
    addReport: db.prepare('INSERT INTO reports VALUES (?, ?, ?, ?, ?)'),
    addCollateral: db.prepare('INSERT INTO collateral VALUES (?, ?, ?, ?, ?)'),
    putTile: db.prepare('INSERT INTO tiles VALUES (?, ?, ?) ON CONFLICT (level, n) DO UPDATE SET hashes = excluded.hashes'),
    moveHead: db.prepare('UPDATE head SET size = ?, root = ? WHERE id = 1 AND size = ?'),
  };
}
