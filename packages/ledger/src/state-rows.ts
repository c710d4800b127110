/** What a log says of its state: events `state.written` in receipts, and the rows themselves. In SQL that both engines take. */

import { type JsonObject, parseJson } from '@assay/encoding/json';
import type { DataKey } from './data-key.ts';
import type { StateRow, WrittenState } from './port.ts';
import { type Operation, query } from './rows/operation.ts';
import { statePlace } from './stored-pieces.ts';

/** The task of receipts that say which version of the agent may take over a store (docs/deploy.md §3). */
export const FLOOR_TASK = 'version_floor';
/** The state's copy of the newest of them: a version as UTF-8. It commits with the receipt. */
export const FLOOR_ROW = { collection: 'version-floor', key: 'floor' } as const;

const OF_FLOOR = `task = '${FLOOR_TASK}' AND idx IS NOT NULL`;
/** So that the newest of them is found without a look at the others. */
export const RECEIPTS_OF_FLOOR = `CREATE INDEX receipts_floor ON receipts (idx) WHERE ${OF_FLOOR};`;

/** A `state.written` event. */
export interface StateWritten {
  readonly collection: string;
  readonly generation: number;
  readonly stateHash: string;
}

/** The events of a receipt that say what was written to the state. */
export function stateEvents(events: readonly JsonObject[]): readonly StateWritten[] {
  return events
    .filter(({ type }) => type === 'state.written')
    .map(({ collection, generation, state_hash: hash }) => ({
      collection: String(collection),
      generation: Number(generation),
      stateHash: String(hash),
    }));
}

/** What the newest receipt at or behind the entry `from` that names the collection says of it. */
export function* newestWrittenState(collection: string, from = 0): Operation<WrittenState | null> {
  // JCS sorts members, and quotes inside of texts are escaped: this is found in events only.
  const event = `%{"collection":${JSON.stringify(collection)},"generation":%`;
  const [row] = yield query(
    'SELECT receipt_id, body FROM receipts WHERE idx >= $2 AND body LIKE $1 ORDER BY idx DESC LIMIT 1',
    event,
    from,
  );
  if (row === undefined) return null;
  const { event_log: events } = parseJson(String(row.body)) as { readonly event_log: readonly JsonObject[] };
  const found = stateEvents(events).find((each) => each.collection === collection);
  return found === undefined
    ? null
    : { receiptId: String(row.receipt_id), generation: found.generation, stateHash: found.stateHash };
}

/** The floor that a receipt demands; `null` for a receipt that demands none. */
export function floorIn(events: readonly JsonObject[]): string | null {
  const raised = events.find(({ type }) => type === 'version.floor-raised');
  return raised === undefined ? null : String(raised.floor);
}

/** The floor of the newest receipt, as it stands in the store. */
export function* newestFloor(): Operation<string | null> {
  const [row] = yield query(`SELECT body FROM receipts WHERE ${OF_FLOOR} ORDER BY idx DESC LIMIT 1`);
  if (row === undefined) return null;
  const { event_log: events } = parseJson(String(row.body)) as { readonly event_log: readonly JsonObject[] };
  return floorIn(events);
}

/** Names of all collections that have rows. */
export function* stateCollections(): Operation<readonly string[]> {
  const rows = yield query('SELECT DISTINCT collection FROM state ORDER BY collection');
  return rows.map((row) => String(row.collection));
}

/** The rows of a collection, opened. */
export function* stateRows(collection: string, dataKey: DataKey): Operation<readonly StateRow[]> {
  const rows = yield query('SELECT key, version, value, sealed FROM state WHERE collection = $1 ORDER BY key', collection);
  return rows.map((row) => {
    const [key, version, value] = [String(row.key), Number(row.version), row.value as Uint8Array];
    return {
      key,
      version,
      value: Number(row.sealed) === 1 ? dataKey.open(statePlace(collection, key, version), value) : value,
    };
  });
}
