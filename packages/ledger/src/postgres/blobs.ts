/** Payloads on PostgreSQL, read piece by piece (stored-pieces.ts). */

import { LedgerError } from '../errors.ts';
import type { StoredBlob } from '../store.ts';
import { PIECE_BYTES } from '../stored-pieces.ts';

type One = (text: string, ...values: readonly unknown[]) => Promise<Readonly<Record<string, unknown>> | null>;

/** The payload with this SHA-256; nothing but its length is read before it is asked for. */
export async function postgresBlob(one: One, hash: Uint8Array): Promise<StoredBlob | null> {
  const whole = await one('SELECT octet_length(bytes) AS length FROM blobs WHERE hash = $1', hash);
  if (whole !== null)
    return {
      length: whole.length as number,
      heldBytes: whole.length as number,
      async *pieces() {
        yield found(await one('SELECT bytes FROM blobs WHERE hash = $1', hash));
      },
    };
  const all = await one('SELECT sum(octet_length(bytes))::bigint AS length FROM blob_pieces WHERE hash = $1', hash);
  const length = all?.length as number | null;
  if (length === null || length === undefined) return null;
  return {
    length,
    heldBytes: 0,
    async *pieces() {
      for (let n = 0; n * PIECE_BYTES < length; n += 1)
        yield found(await one('SELECT bytes FROM blob_pieces WHERE hash = $1 AND n = $2', hash, n));
    },
  };
}

function found(row: Readonly<Record<string, unknown>> | null): Uint8Array {
  if (row === null)
    throw new LedgerError('ledger/corrupt', 'a piece of a payload is missing from the database; restore it from a backup');
  return row.bytes as Uint8Array;
}
