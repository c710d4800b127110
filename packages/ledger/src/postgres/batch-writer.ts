/** Writes a planned batch in one statement, and answers what planning asks. The caller holds the transaction and the lock on the head. */

import { decodeHex, encodeHex } from '@assay/encoding/hex';
import type pg from 'pg';
import type { DataKey } from '../data-key.ts';
import { type SealedPiece, sealedPieces, statePlace } from '../stored-pieces.ts';
import type { GrowingTree } from '../tree.ts';
import { type Facts, type PlannedBatch, type Questions, rowName } from '../writer/plan-batch.ts';

/** Payloads of one statement, bytes. */
const STATEMENT_BYTES = 4 * 1024 * 1024;
const MOST_ROWS = 1_000;

export async function answerQuestions(client: pg.ClientBase, { nonces, rows, receipts }: Questions): Promise<Facts> {
  const usedNonces = new Set<string>();
  const versions = new Map<string, number>();
  if (nonces.length > 0) {
    const found = await client.query('SELECT nonce FROM nonces WHERE nonce = ANY($1::bytea[])', [
      nonces.map((nonce) => decodeHex(nonce)),
    ]);
    for (const { nonce } of found.rows) usedNonces.add(encodeHex(nonce as Uint8Array));
  }
  if (rows.length > 0) {
    const found = await client.query(
      'SELECT s.collection, s.key, s.version FROM state s JOIN unnest($1::text[], $2::text[]) AS wanted(collection, key) USING (collection, key)',
      [rows.map(({ collection }) => collection), rows.map(({ key }) => key)],
    );
    for (const { collection, key, version } of found.rows) versions.set(rowName({ collection, key }), version);
  }
  const sealed = new Set<string>();
  if (receipts.length > 0) {
    const found = await client.query('SELECT receipt_id FROM receipts WHERE receipt_id = ANY($1::text[]) AND idx IS NOT NULL', [
      receipts,
    ]);
    for (const { receipt_id: id } of found.rows) sealed.add(id);
  }
  return { usedNonces, sealed, versions };
}

/**
 * Stores payloads, a few mebibytes a statement. They are found by their hash only, so they may stand there before the transaction that
 * refers to them, and stay when it fails. Under a data key that is no longer in force nothing is stored; the transaction that follows says so.
 */
export async function putPayloads(
  client: pg.ClientBase,
  dataKey: DataKey,
  payloads: readonly { readonly hash: Uint8Array; readonly bytes: Uint8Array }[],
): Promise<void> {
  let waiting: SealedPiece[] = [];
  let held = 0;
  const flush = async () => {
    if (waiting.length === 0) return;
    const rows = waiting.map((_, i) => `($${i * 3 + 2}::bytea, $${i * 3 + 3}::bigint, $${i * 3 + 4}::bytea)`);
    const values = [dataKey.id, ...waiting.flatMap(({ hash, n, bytes }) => [hash, n, bytes])];
    await client.query(
      `INSERT INTO sealed_pieces SELECT * FROM (VALUES ${rows.join(', ')}) AS given(hash, n, bytes)
       WHERE EXISTS (SELECT 1 FROM head WHERE data_key = $1) ON CONFLICT DO NOTHING`,
      values,
    );
    waiting = [];
    held = 0;
  };
  for (const { hash, bytes } of payloads)
    for (const piece of sealedPieces(dataKey, hash, bytes)) {
      waiting.push(piece);
      held += piece.bytes.length;
      if (held >= STATEMENT_BYTES || waiting.length >= MOST_ROWS) await flush();
    }
  await flush();
}

const APPEND = `WITH
nonces_in AS (INSERT INTO nonces SELECT * FROM unnest($1::bytea[], $2::bigint[])),
entries_in AS (INSERT INTO entries SELECT * FROM unnest($3::bigint[], $4::text[])),
receipts_in AS (INSERT INTO receipts (receipt_id, task_id, task, boot, started_at, access, sealed_at, idx, chat_id, salt, body)
  SELECT r.receipt_id, r.task_id, r.task, $5::text, r.started_at, r.access, r.sealed_at, r.idx, r.chat_id, r.salt, r.body
  FROM unnest($6::text[], $7::text[], $8::text[], $9::bigint[], $10::text[], $11::bigint[], $12::bigint[], $13::text[], $14::bytea[], $15::text[])
    AS r(receipt_id, task_id, task, started_at, access, sealed_at, idx, chat_id, salt, body)
  ON CONFLICT (receipt_id) DO UPDATE SET sealed_at = excluded.sealed_at, idx = excluded.idx, chat_id = excluded.chat_id,
    salt = excluded.salt, body = excluded.body WHERE receipts.idx IS NULL),
tiles_in AS (INSERT INTO tiles SELECT * FROM unnest($16::int[], $17::bigint[], $18::bytea[])
  ON CONFLICT (level, n) DO UPDATE SET hashes = excluded.hashes),
sessions_in AS (INSERT INTO sessions SELECT * FROM unnest($19::bytea[]) ON CONFLICT DO NOTHING)
UPDATE head SET size = $20, root = $21 WHERE id = 1 AND size = $22`;

export interface Append {
  readonly batch: PlannedBatch;
  readonly boot: string;
  readonly tree: GrowingTree;
  readonly sizeBefore: number;
  readonly dataKey: DataKey;
}

/**
 * Writes all rows of a batch that makes the log longer; payloads apart.
 * @throws {Error} when the head moved under the writer, and those of the database.
 */
export async function appendBatch(client: pg.ClientBase, { batch, boot, tree, sizeBefore, dataKey }: Append): Promise<void> {
  const { nonces, entries, receipts, payloads } = batch;
  const tiles = tree.takeChanged();
  const sessions = payloads.filter(({ kind }) => kind === 'session').map(({ hash }) => hash);
  const { rowCount } = await client.query({
    name: 'append',
    text: APPEND,
    values: [
      nonces.map(({ nonce }) => nonce),
      nonces.map(({ index }) => index),
      entries.map(({ index }) => index),
      entries.map(({ leaf }) => leaf),
      boot,
      receipts.map(({ entry }) => entry.receiptId),
      receipts.map(({ entry }) => entry.taskId),
      receipts.map(({ entry }) => entry.task),
      receipts.map(({ entry }) => entry.startedAt),
      receipts.map(({ entry }) => entry.access),
      receipts.map(({ entry }) => entry.time),
      receipts.map(({ index }) => index),
      receipts.map(({ entry }) => entry.chatId),
      receipts.map(({ salt }) => salt),
      receipts.map(({ entry }) => entry.body),
      tiles.map(({ level }) => level),
      tiles.map(({ index }) => index),
      tiles.map(({ bytes }) => bytes),
      sessions,
      tree.size,
      tree.root(),
      sizeBefore,
    ],
  });
  if (rowCount !== 1) throw new Error(`the head moved under the writer: expected size ${sizeBefore}`);
  await writeChanges(client, batch, dataKey);
  await writeReports(client, batch);
}

async function writeChanges(client: pg.ClientBase, { changes }: PlannedBatch, dataKey: DataKey): Promise<void> {
  if (changes.length === 0) return;
  const last = [...new Map(changes.map((change) => [rowName(change), change])).values()];
  const gone = last.filter(({ value }) => value === null);
  const put = last.filter(({ value }) => value !== null);
  if (gone.length > 0)
    await client.query(
      'DELETE FROM state USING unnest($1::text[], $2::text[]) AS gone(collection, key) WHERE state.collection = gone.collection AND state.key = gone.key',
      [gone.map(({ collection }) => collection), gone.map(({ key }) => key)],
    );
  if (put.length > 0)
    await client.query(
      `INSERT INTO state SELECT *, 1 FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bytea[])
       ON CONFLICT (collection, key) DO UPDATE SET version = excluded.version, value = excluded.value, sealed = 1`,
      [
        put.map(({ collection }) => collection),
        put.map(({ key }) => key),
        put.map(({ version }) => version),
        put.map(({ collection, key, version, value }) =>
          dataKey.seal(statePlace(collection, key, version), value ?? new Uint8Array()),
        ),
      ],
    );
}

async function writeReports(client: pg.ClientBase, { reports, successions }: PlannedBatch): Promise<void> {
  for (const { index, keysetDigest, nonce, salt, report, collateral } of reports) {
    await client.query('INSERT INTO reports VALUES ($1, $2, $3, $4, $5)', [index, keysetDigest, nonce, salt, report]);
    for (const [ord, { name, mediaType, hash, bytes }] of collateral.entries()) {
      await client.query('INSERT INTO blobs VALUES ($1, $2) ON CONFLICT DO NOTHING', [hash, bytes]);
      await client.query('INSERT INTO collateral VALUES ($1, $2, $3, $4, $5)', [index, ord, name, mediaType, hash]);
    }
  }
  for (const { index, keysetDigest, successor } of successions)
    await client.query('INSERT INTO successions VALUES ($1, $2, $3)', [index, keysetDigest, successor]);
}

/** Rows of tasks that began or were given up; they need no lock. */
export async function writeTasks(
  client: pg.ClientBase,
  boot: string,
  { starts, receipts, discards }: PlannedBatch,
): Promise<void> {
  const settled = new Set([...receipts.map(({ entry }) => entry.receiptId), ...discards]);
  const begun = starts.filter(({ receiptId }) => !settled.has(receiptId));
  if (begun.length > 0)
    await client.query({
      name: 'start',
      text: `INSERT INTO receipts (receipt_id, task_id, task, boot, started_at, access)
        SELECT r.receipt_id, r.task_id, r.task, $1::text, r.started_at, r.access
        FROM unnest($2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[]) AS r(receipt_id, task_id, task, started_at, access)
        ON CONFLICT DO NOTHING`,
      values: [
        boot,
        begun.map(({ receiptId }) => receiptId),
        begun.map(({ taskId }) => taskId),
        begun.map(({ task }) => task),
        begun.map(({ startedAt }) => startedAt),
        begun.map(({ access }) => access),
      ],
    });
  if (discards.length > 0)
    await client.query('DELETE FROM receipts WHERE receipt_id = ANY($1::text[]) AND idx IS NULL', [discards]);
}
