/** How payloads stand in every engine: in rows of one sealed piece each, so that they are read piece by piece. */

import { type DataKey, PIECE_OVERHEAD } from './data-key.ts';

/** Length of every piece but the last, bytes; sealed it is a little longer. */
export const PIECE_BYTES: number = 64 * 1024;

/** Length of such a piece when it is sealed, bytes. */
export const SEALED_PIECE_BYTES: number = PIECE_BYTES + PIECE_OVERHEAD;

/** The step of the schema that brought them; `blobs` and `blob_pieces` hold payloads from before, and archived files, in clear. */
export const SEALED_PIECES = `
CREATE TABLE sealed_pieces (hash BYTES NOT NULL, n NUMBER NOT NULL, bytes BYTES NOT NULL, PRIMARY KEY (hash, n));
ALTER TABLE state ADD COLUMN sealed NUMBER NOT NULL DEFAULT 0;
`;

export interface SealedPiece {
  readonly hash: Uint8Array;
  readonly n: number;
  readonly bytes: Uint8Array;
}

/**
 * The rows of a payload.
 * @param room - each piece is written there, over the last one; pieces have memory of their own unless given. {@link SEALED_PIECE_BYTES} long.
 */
export function* sealedPieces(key: DataKey, hash: Uint8Array, bytes: Uint8Array, room?: Buffer): Generator<SealedPiece> {
  const count = Math.max(1, Math.ceil(bytes.length / PIECE_BYTES));
  for (let n = 0; n < count; n += 1) {
    const piece = bytes.subarray(n * PIECE_BYTES, (n + 1) * PIECE_BYTES);
    yield { hash, n, bytes: key.sealPiece({ hash, n, last: n === count - 1 }, piece, room) };
  }
}

/** The place of a value of state, for its seal. */
export function statePlace(collection: string, key: string, version: number): string {
  return JSON.stringify(['state', collection, key, version]);
}
