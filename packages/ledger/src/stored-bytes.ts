/** Bytes of the store, put together and read. */

import { readAtMost } from '@assay/encoding/bounded-reader';
import { utf8 } from '@assay/encoding/bytes';
import type { StoredBytes } from './port.ts';

/**
 * Texts and stored bytes in a row, read one behind the other.
 * @example joinStored(['{"report":', stored, '}']).length
 */
export function joinStored(parts: readonly (string | StoredBytes)[]): StoredBytes {
  const all = parts.map((part) => (typeof part === 'string' ? storedBytes(utf8(part)) : part));
  return {
    length: all.reduce((sum, { length }) => sum + length, 0),
    heldBytes: all.reduce((sum, { heldBytes }) => sum + heldBytes, 0),
    async *pieces() {
      for (const part of all) yield* part.pieces();
    },
  };
}

/**
 * All but the last byte: the members of a JSON object whose text stands there, open for more.
 * @example const document = joinStored([openObject(storedBytes(utf8('{"a":1}'))), ',"b":2}'])
 */
export function openObject(stored: StoredBytes): StoredBytes {
  const length = stored.length - 1;
  return {
    length,
    heldBytes: stored.heldBytes,
    async *pieces() {
      let left = length;
      for await (const piece of stored.pieces()) {
        if (left > 0) yield piece.subarray(0, left);
        left -= piece.length;
      }
    },
  };
}

/** @example storedBytes(utf8('{}')).length // 2 */
export function storedBytes(bytes: Uint8Array): StoredBytes {
  return { length: bytes.length, heldBytes: bytes.length, pieces: () => (bytes.length === 0 ? [] : [bytes]) };
}

/**
 * All of it, for what must be parsed.
 * @throws {EncodingError} `bytes/limit` beyond `most`.
 * @example const document = parseJson(await readStored(stored, 1024 * 1024))
 */
export function readStored(stored: StoredBytes, most: number): Promise<Uint8Array<ArrayBuffer>> {
  return readAtMost(stored.pieces(), { most, what: 'the store' });
}
