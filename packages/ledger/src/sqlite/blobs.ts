/**
 * Payloads as the database keeps them: in rows of one sealed piece each, because SQLite reads a row only as a whole. Databases of older versions
 * hold them in clear, in one row (read in a few large pieces) or in pieces.
 */

import type { DatabaseSync, SQLOutputValue } from 'node:sqlite';
import { type DataKey, PIECE_OVERHEAD } from '../data-key.ts';
import { LedgerError } from '../errors.ts';
import type { StoredBlob } from '../store.ts';
import { PIECE_BYTES } from '../stored-pieces.ts';

/** Pieces of an old long payload: every one of them costs a reading of the whole. */
const MOST_OLD_PIECES = 16;

/**
 * Finds payloads by their SHA-256; nothing but their length is read before it is asked for. No statement stays open between two
 * pieces, so that slow readers do not keep the write-ahead log from being copied back.
 * @example blobReader(db, dataKey)(hash)?.length
 */
export function blobReader(db: DatabaseSync, dataKey: DataKey): (hash: Uint8Array) => StoredBlob | null {
  const whole = db.prepare('SELECT length(bytes) AS length FROM blobs WHERE hash = ?');
  const part = db.prepare('SELECT substr(bytes, ?, ?) AS bytes FROM blobs WHERE hash = ?');
  const total = db.prepare('SELECT sum(length(bytes)) AS length FROM blob_pieces WHERE hash = ?');
  const piece = db.prepare('SELECT bytes FROM blob_pieces WHERE hash = ? AND n = ?');
  const sealed = db.prepare('SELECT count(*) AS pieces, sum(length(bytes)) AS length FROM sealed_pieces WHERE hash = ?');
  const sealedPiece = db.prepare('SELECT bytes FROM sealed_pieces WHERE hash = ? AND n = ?');
  return (hash) => {
    const { pieces: count, length: sealedLength } = sealed.get(hash) as { pieces: number; length: number };
    if (count > 0)
      return {
        length: sealedLength - count * PIECE_OVERHEAD,
        heldBytes: 0,
        async *pieces() {
          for (let n = 0; n < count; n += 1)
            yield dataKey.openPiece({ hash, n, last: n === count - 1 }, found(sealedPiece.get(hash, n)));
        },
      };
    const length = whole.get(hash)?.length as number | undefined;
    if (length !== undefined) {
      const step = Math.max(PIECE_BYTES, Math.ceil(length / MOST_OLD_PIECES));
      return {
        length,
        heldBytes: step,
        async *pieces() {
          for (let at = 0; at < length; at += step) yield found(part.get(at + 1, step, hash));
        },
      };
    }
    const sum = total.get(hash)?.length as number | null | undefined;
    if (sum === null || sum === undefined) return null;
    return {
      length: sum,
      heldBytes: 0,
      async *pieces() {
        for (let n = 0; n * PIECE_BYTES < sum; n += 1) yield found(piece.get(hash, n));
      },
    };
  };
}

function found(row: Readonly<Record<string, SQLOutputValue>> | undefined): Uint8Array {
  if (row === undefined)
    throw new LedgerError(
      'ledger/corrupt',
      'a piece of a payload is missing from the data directory; restore it from a backup',
    );
  return row.bytes as Uint8Array;
}
