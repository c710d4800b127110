/** What is read and written of upkeep, each one transaction. */

import type { JsonObject } from '@assay/encoding/json';
import { type Operation, query, type Room, type RoomOperation } from '../rows/operation.ts';

export interface UpkeepRow extends JsonObject {
  readonly id: string;
  /** Sealed. */
  readonly about: string;
  readonly done: number;
  /** Id of the receipt that says so. */
  readonly logged: string | null;
}

export function* upkeepRow(id: string): Operation<UpkeepRow | null> {
  const [row] = yield query('SELECT id, about, done, logged FROM upkeep_log WHERE id = $1', id);
  return (row as UpkeepRow | undefined) ?? null;
}

/** In the order of ids, 256 at most. */
export function* upkeepRowsAfter(id: string): Operation<readonly UpkeepRow[]> {
  const rows = yield query('SELECT id, about, done, logged FROM upkeep_log WHERE id > $1 ORDER BY id LIMIT 256', id);
  return rows as readonly UpkeepRow[];
}

export function* unloggedRows(): Operation<readonly UpkeepRow[]> {
  const rows = yield query(
    'SELECT id, about, done, logged FROM upkeep_log WHERE logged IS NULL AND done = 1 ORDER BY id LIMIT 256',
  );
  return rows as readonly UpkeepRow[];
}

export const noteUpkeepLogged: RoomOperation<{ readonly id: string; readonly receiptId: string }, null> = {
  name: 'upkeep-log.logged',
  *steps({ id, receiptId }) {
    yield query('UPDATE upkeep_log SET logged = $2 WHERE id = $1', id, receiptId);
    return null;
  },
};

/** SHA-256 of the payloads that were erased of the receipt at this entry. */
export function* erasedHashes(index: number): Operation<readonly Uint8Array[]> {
  const rows = yield query('SELECT hash FROM erased_payloads WHERE idx = $1 ORDER BY hash', index);
  return rows.map(({ hash }) => hash as Uint8Array);
}

export interface UpkeepCounts {
  /** Payloads that were erased. */
  readonly erasedPayloads: number;
  /** Commands that were cut off and have to be run again. */
  readonly unfinished: number;
  /** Done, and not logged by an agent yet. */
  readonly unlogged: number;
}

export function* upkeepCounts(): Operation<UpkeepCounts> {
  const [row] = yield query(`SELECT (SELECT count(*) FROM erased_payloads) AS erased,
    (SELECT count(*) FROM upkeep_log WHERE done = 0) AS unfinished,
    (SELECT count(*) FROM upkeep_log WHERE done = 1 AND logged IS NULL) AS unlogged`);
  return { erasedPayloads: Number(row?.erased), unfinished: Number(row?.unfinished), unlogged: Number(row?.unlogged) };
}

export const UPKEEP_LOG: Room = { name: 'upkeep-log', operations: [noteUpkeepLogged] };
