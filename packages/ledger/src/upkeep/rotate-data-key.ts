/**
 * Seals everything under a fresh data key, and destroys the old one: payloads, state, jobs. For the case that the key may be known to others, and
 * to make copies of the database from before, and what was erased in them, unreadable. Receipts, entries and proofs hold hashes of what was
 * sealed, so all of them stay valid.
 *
 * No agent may run. The key file names both keys until the end: a command that was cut off goes on when it is run again, and an agent that starts
 * in between reads both and writes under the new one. An agent logs the rotation.
 */

import { createSecretKey, randomBytes } from 'node:crypto';
import { decodeBase64, encodeBase64 } from '@assay/encoding/base64';
import { DataKey } from '../data-key.ts';
import { type PlatformSecret, readDataKey, writeDataKey } from '../data-key-file.ts';
import { LedgerError } from '../errors.ts';
import { inputPlaces, jobTextPlace } from '../jobs/texts.ts';
import { RotationClaim } from '../postgres/rotation-claim.ts';
import { type Operation, query } from '../rows/operation.ts';
import { lockDirectory } from '../sqlite/directory-lock.ts';
import { statePlace } from '../stored-pieces.ts';
import { upkeepRowsAfter } from '../upkeep-log/operations.ts';
import type { KeyRotation } from '../upkeep-log/port.ts';
import { sealUpkeepRecord, upkeepPlace } from '../upkeep-log/store-upkeep-log.ts';
import type { KeptPlace } from './row-reader.ts';
import { type OnStep, openRowWriter, type RowWriter } from './row-writer.ts';

/** Rows of one transaction; pieces of payloads are 64 KiB each. */
const STEP = 64;

export interface RotatedDataKey {
  /** Ids of the keys. */
  readonly from: string;
  readonly to: string;
  /** Whether an earlier call had begun it. */
  readonly resumed: boolean;
  /** Texts and pieces that this call sealed. */
  readonly sealed: number;
}

/**
 * Rotates the data key of a store. Agents on other machines need the new `data-key.json` before they start again.
 * @param now - epoch milliseconds, for the log.
 * @param onStep - called after each transaction.
 * @throws {LedgerError} `ledger/in-use` while an agent or another rotation runs, `ledger/corrupt` for a text that neither key opens, `ledger/other-log`,
 * `ledger/unavailable`, `ledger/schema-newer`, `ledger/bad-key-file`.
 * @example await rotateDataKey({ directory: '.assay' }, { now: Date.now() })
 */
export async function rotateDataKey(
  place: KeptPlace,
  { now }: { readonly now: number },
  onStep?: OnStep,
): Promise<RotatedDataKey> {
  const { directory, databaseUrl = null, platformSecret = null } = place;
  const unlock = lockDirectory(directory);
  try {
    const writer = await openRowWriter(place, onStep);
    let claim: RotationClaim | null = null;
    try {
      if (databaseUrl !== null) claim = await RotationClaim.take(databaseUrl, readDataKey(directory, platformSecret));
      const { key, previous, resumed } = begin(directory, platformSecret);
      await claim?.putInForce(key);
      const record: KeyRotation = { kind: 'data-key', id: `data-key-${key.id}`, from: previous.id, to: key.id, at: now };
      await writer.change(note(record.id, sealUpkeepRecord(key, record)));
      const sealed = await sealAll(writer, new Sealer(key, previous));
      await writer.change(finish(record.id));
      writeDataKey(directory, { key }, platformSecret);
      return { from: previous.id, to: key.id, resumed, sealed };
    } finally {
      await claim?.end();
      await writer.close();
    }
  } finally {
    unlock();
  }
}

interface Begun {
  readonly key: DataKey;
  readonly previous: DataKey;
  readonly resumed: boolean;
}

/** The new key, in the file together with the old one. */
function begin(directory: string, secret: PlatformSecret | null): Begun {
  const found = readDataKey(directory, secret);
  if (found.previous !== null) return { key: found, previous: found.previous, resumed: true };
  const key = new DataKey(createSecretKey(randomBytes(32)), found);
  writeDataKey(directory, { key, previous: found }, secret);
  return { key, previous: found, resumed: false };
}

function* note(id: string, about: string): Operation<void> {
  yield query('INSERT INTO upkeep_log VALUES ($1, $2, 0, NULL) ON CONFLICT DO NOTHING', id, about);
  // What agents told each other while they ran; they are gone.
  for (const table of ['task_pages', 'task_orders', 'fleet', 'fleet_key_ids']) yield query(`DELETE FROM ${table}`);
}

function* finish(id: string): Operation<void> {
  yield query('UPDATE upkeep_log SET done = 1 WHERE id = $1', id);
}

/** Opens under either key, seals under the new one. */
class Sealer {
  readonly #alone: DataKey;
  readonly #previous: DataKey;
  sealed = 0;

  constructor(key: DataKey, previous: DataKey) {
    this.#alone = new DataKey(key.secret);
    this.#previous = previous;
  }

  /** `null` when it is sealed under the new key already. */
  text(place: string, sealed: Uint8Array): Uint8Array | null {
    if (opens(() => this.#alone.open(place, sealed))) return null;
    this.sealed += 1;
    return this.#alone.seal(place, this.#previous.open(place, sealed));
  }

  /** As `text`. Whether a piece is the last of its payload is part of the seal. */
  piece(hash: Uint8Array, n: number, sealed: Uint8Array): Uint8Array | null {
    for (const last of [true, false]) {
      const place = { hash, n, last };
      if (opens(() => this.#alone.openPiece(place, sealed))) return null;
      let bytes: Uint8Array | null = null;
      if (opens(() => (bytes = this.#previous.openPiece(place, sealed))) && bytes !== null) {
        this.sealed += 1;
        return this.#alone.sealPiece(place, bytes);
      }
    }
    this.#previous.openPiece({ hash, n, last: true }, sealed); // says what is wrong
    return null;
  }
}

function opens(open: () => unknown): boolean {
  try {
    open();
    return true;
  } catch (cause) {
    if (LedgerError.is(cause)) return false;
    throw cause;
  }
}

/** What a table's rows hold, a few at a time, in the order of their keys. */
type Walk<Key> = (after: Key | null, sealer: Sealer) => Operation<Key | null>;

async function sealAll(writer: RowWriter, sealer: Sealer): Promise<number> {
  const walk = async <Key>(step: Walk<Key>): Promise<void> => {
    let after: Key | null = null;
    do after = await writer.change(step(after, sealer));
    while (after !== null);
  };
  await walk(pieces);
  await walk(state);
  await walk(jobs);
  await walk(records);
  return sealer.sealed;
}

function* pieces(
  after: { readonly hash: Uint8Array; readonly n: number } | null,
  sealer: Sealer,
): Operation<{ readonly hash: Uint8Array; readonly n: number } | null> {
  const { hash: from, n: at } = after ?? { hash: new Uint8Array(), n: -1 };
  const rows = yield query(
    `SELECT hash, n, bytes FROM sealed_pieces WHERE hash > $1 OR (hash = $1 AND n > $2) ORDER BY hash, n LIMIT ${STEP}`,
    from,
    at,
  );
  let last: { readonly hash: Uint8Array; readonly n: number } | null = null;
  for (const row of rows) {
    const [hash, n] = [row.hash as Uint8Array, Number(row.n)];
    last = { hash, n };
    const bytes = sealer.piece(hash, n, row.bytes as Uint8Array);
    if (bytes !== null) yield query('UPDATE sealed_pieces SET bytes = $3 WHERE hash = $1 AND n = $2', hash, n, bytes);
  }
  return last;
}

function* state(
  after: { readonly collection: string; readonly key: string } | null,
  sealer: Sealer,
): Operation<{ readonly collection: string; readonly key: string } | null> {
  const { collection: from, key: at } = after ?? { collection: '', key: '' };
  const rows = yield query(
    `SELECT collection, key, version, value FROM state WHERE sealed = 1 AND (collection > $1 OR (collection = $1 AND key > $2))
     ORDER BY collection, key LIMIT ${STEP}`,
    from,
    at,
  );
  let last: { readonly collection: string; readonly key: string } | null = null;
  for (const row of rows) {
    const [collection, key] = [String(row.collection), String(row.key)];
    last = { collection, key };
    const value = sealer.text(statePlace(collection, key, Number(row.version)), row.value as Uint8Array);
    if (value !== null) yield query('UPDATE state SET value = $3 WHERE collection = $1 AND key = $2', collection, key, value);
  }
  return last;
}

function* jobs(after: number | null, sealer: Sealer): Operation<number | null> {
  const rows = yield query(
    `SELECT cursor, id, payload, progress, result FROM jobs WHERE cursor > $1 ORDER BY cursor LIMIT ${STEP}`,
    after ?? -1,
  );
  let last: number | null = null;
  for (const row of rows) {
    last = Number(row.cursor);
    const id = String(row.id);
    for (const column of ['payload', 'progress', 'result'] as const) {
      const text = row[column] === null ? null : sealer.text(jobTextPlace(id, column), decodeBase64(String(row[column])));
      if (text !== null) yield query(`UPDATE jobs SET ${column} = $2 WHERE id = $1`, id, encodeBase64(text));
    }
    const steps = yield query('SELECT name, result FROM job_steps WHERE job = $1', id);
    for (const { name = '', result } of steps) {
      const text = sealer.text(jobTextPlace(id, `step/${name}`), decodeBase64(String(result)));
      if (text !== null)
        yield query('UPDATE job_steps SET result = $3 WHERE job = $1 AND name = $2', id, name, encodeBase64(text));
    }
    const inputs = yield query('SELECT n, bytes FROM job_inputs WHERE job = $1 ORDER BY n', id);
    const places = inputPlaces(id, inputs.length);
    for (const [i, { n = 0, bytes }] of inputs.entries()) {
      const sealed = sealer.text(places[i] ?? '', bytes as Uint8Array);
      if (sealed !== null) yield query('UPDATE job_inputs SET bytes = $3 WHERE job = $1 AND n = $2', id, n, sealed);
    }
  }
  return last;
}

function* records(after: string | null, sealer: Sealer): Operation<string | null> {
  const rows = yield* upkeepRowsAfter(after ?? '');
  let last: string | null = null;
  for (const { id, about } of rows) {
    last = id;
    const text = sealer.text(upkeepPlace(id), decodeBase64(about));
    if (text !== null) yield query('UPDATE upkeep_log SET about = $2 WHERE id = $1', id, encodeBase64(text));
  }
  return last;
}
