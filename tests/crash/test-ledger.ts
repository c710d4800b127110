/** A ledger over the embedded store in a directory of its own, for tests of what it seals, refuses and finds again. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { utf8 } from '@assay/encoding/bytes';
import { digestBytes, type Keyset, MAX_BUNDLE_BYTES } from '@assay/receipt';
import { fakeReport } from '@assay/testing';
import { onTestFinished } from 'vitest';
import type { PlatformSecret } from '../../packages/ledger/src/data-key-file.ts';
import { createLedger } from '../../packages/ledger/src/ledger.ts';
import { openStore } from '../../packages/ledger/src/open-ledger.ts';
import type { BundleOptions, Ledger, ReceiptDraft, SealedReceipt } from '../../packages/ledger/src/port.ts';
import { ROOM_TABLES } from '../../packages/ledger/src/rows/tables.ts';
import type { SigningKeys } from '../../packages/ledger/src/sealing-keys.ts';
import { createSigningKeys } from '../../packages/ledger/src/signing-keys.ts';
import type { LogStore } from '../../packages/ledger/src/store.ts';
import { readStored } from '../../packages/ledger/src/stored-bytes.ts';
import { freshDatabase, HAS_POSTGRES } from '../postgres/server.ts';

/** Epoch milliseconds at which everything here happens. */
export const NOW = 1_795_219_200_123;

/** Registers what the end of the test undoes; the last one first. */
export function atEnd(close: () => Promise<unknown>): void {
  onTestFinished(async () => void (await close()));
}

/** A fresh directory, removed after the test. */
export function directory(): string {
  const path = mkdtempSync(join(tmpdir(), 'assay-ledger-'));
  atEnd(async () => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** Where a ledger is kept. */
export type TestPlace = string | { readonly directory: string; readonly databaseUrl: string };

/** A kind of store, and fresh places in it. */
export interface Engine {
  readonly engine: 'sqlite' | 'postgres';
  place(): Promise<TestPlace>;
}

/** Every engine that can run here: the contract of a store holds on each. */
export const ENGINES: readonly Engine[] = [
  { engine: 'sqlite', place: async () => directory() },
  ...(HAS_POSTGRES ? [{ engine: 'postgres' as const, place: postgresPlace }] : []),
];

/** A data directory with a database of its own. */
export async function postgresPlace(): Promise<{ readonly directory: string; readonly databaseUrl: string }> {
  const { url, drop } = await freshDatabase();
  atEnd(drop);
  return { directory: directory(), databaseUrl: url };
}

export interface StartedLedger {
  readonly ledger: Ledger;
  readonly store: LogStore;
  readonly keys: SigningKeys;
  readonly keyset: Keyset;
  /** Closes once. */
  close(): Promise<void>;
}

interface StartOptions {
  readonly origin?: string;
  readonly maxBytes?: number;
  readonly silent?: boolean;
  readonly notAfter?: number;
  readonly platformSecret?: PlatformSecret;
}

/** As {@link startUntilClosed}; the end of the test closes it too. */
export async function start(place: TestPlace, options: StartOptions = {}): Promise<StartedLedger> {
  const started = await startUntilClosed(place, options);
  atEnd(started.close);
  return started;
}

/** Opens the ledger of a place and, unless `silent`, registers the report of its keyset. */
export async function startUntilClosed(place: TestPlace, options: StartOptions = {}): Promise<StartedLedger> {
  const { silent = false, notAfter, ...storeOptions } = options;
  const keys = createSigningKeys();
  const store = await openStore({ ...(typeof place === 'string' ? { directory: place } : place), ...storeOptions });
  const ledger = createLedger({ store, clock: { now: () => NOW } });
  let closed = false;
  const close = async () => {
    if (!closed) await ledger.close();
    closed = true;
  };
  const fake = fakeReport(keys.keysetEntries, notAfter === undefined ? {} : { notAfter });
  if (!silent)
    await ledger.registerReport({
      ...fake,
      keys,
      collateral: [{ name: 'crl.der', mediaType: 'application/pkix-crl', bytes: utf8('not a CRL') }],
    });
  return { ledger, store, keys, close, keyset: fake.keyset };
}

export function open(ledger: Ledger, taskId: string, nonce: string | null = null): ReceiptDraft {
  return ledger.open({
    taskId,
    task: 'execute',
    method: 'POST',
    endpoint: '/api/process',
    requestBody: utf8(`{"id":"${taskId}"}`),
    nonce,
  });
}

/** Opens a draft, fills it and seals it. */
export async function run(ledger: Ledger, taskId: string, nonce: string | null = null): Promise<SealedReceipt> {
  const draft = open(ledger, taskId, nonce);
  const code_hash = draft.payload('attempt-1/code.py', 'text/x-python', utf8(`print("${taskId}")`));
  draft.append({ type: 'code.generated', language: 'python', code_hash, source: 'client' });
  draft.append({ type: 'task.completed', result_hash: digestBytes(utf8('42')) });
  return ledger.seal(draft);
}

/** Takes a closed database back to an older schema: the tables of later versions go. */
export function downgrade(path: string, version: 1 | 3): DatabaseSync {
  const db = new DatabaseSync(join(path, 'log.db'));
  const later = version === 1 ? ['successions', 'sessions', 'blob_pieces'] : ['blob_pieces'];
  const rooms = ROOM_TABLES.flatMap((sql) => [...sql.matchAll(/CREATE TABLE (\w+)/g)].map(([, name = '']) => name));
  for (const table of [...later, ...rooms]) db.exec(`DROP TABLE IF EXISTS ${table}`);
  db.exec('DROP INDEX receipts_entry; DROP INDEX receipts_floor');
  db.exec('ALTER TABLE state DROP COLUMN sealed; ALTER TABLE head DROP COLUMN erasures; ALTER TABLE head DROP COLUMN data_key');
  db.exec(`PRAGMA user_version = ${version}`);
  return db;
}

/** The code of the error that some work ends in. */
export function codeOf(work: Promise<unknown> | (() => unknown)): Promise<string> {
  return Promise.resolve()
    .then(() => (typeof work === 'function' ? work() : work))
    .then(
      () => 'nothing thrown',
      (error: { readonly code?: string }) => error.code ?? String(error),
    );
}

/** The bytes of a bundle; `null` when the ledger has none of these receipts. */
export async function bundleBytes(
  ledger: Ledger,
  ids: string | readonly string[],
  options: BundleOptions = {},
): Promise<Uint8Array<ArrayBuffer> | null> {
  const stored = await ledger.bundle(ids, options);
  return stored === null ? null : readStored(stored, MAX_BUNDLE_BYTES);
}
