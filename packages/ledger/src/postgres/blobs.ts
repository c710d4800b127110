/** Payloads on PostgreSQL, read piece by piece (stored-pieces.ts). */

import { type DataKey, PIECE_OVERHEAD } from '../data-key.ts';
import { LedgerError } from '../errors.ts';
import type { StoredBlob } from '../store.ts';

type One = (text: string, ...values: readonly unknown[]) => Promise<Readonly<Record<string, unknown>> | null>;

/** The payload with this SHA-256; nothing but its length is read before it is asked for. */
export async function postgresBlob(one: One, dataKey: DataKey, hash: Uint8Array): Promise<StoredBlob | null> {
  const sealed = await one(
    'SELECT count(*) AS pieces, COALESCE(sum(octet_length(bytes)), 0)::bigint AS length FROM sealed_pieces WHERE hash = $1',
    hash,
  );
  const count = Number(sealed?.pieces ?? 0);
  if (count > 0)
    return {
      length: Number(sealed?.length) - count * PIECE_OVERHEAD,
      heldBytes: 0,
      async *pieces() {
        for (let n = 0; n < count; n += 1) {
          const piece = found(await one('SELECT bytes FROM sealed_pieces WHERE hash = $1 AND n = $2', hash, n));
          yield dataKey.openPiece({ hash, n, last: n === count - 1 }, piece);
        }
      },
    };
  return null;
}

function found(row: Readonly<Record<string, unknown>> | null): Uint8Array {
  if (row === null)
    throw new LedgerError('ledger/corrupt', 'a piece of a payload is missing from the database; restore it from a backup');
  return row.bytes as Uint8Array;
}
