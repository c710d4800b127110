/** The upkeep of a store. What a row is about is sealed under the data key: who can write the database makes the agent log nothing. */

import { decodeBase64, encodeBase64 } from '@assay/encoding/base64';
import { decodeUtf8, utf8 } from '@assay/encoding/bytes';
import { encodeHex } from '@assay/encoding/hex';
import { canonicalJson, type Json, parseJson } from '@assay/encoding/json';
import type { Digest } from '@assay/receipt';
import type { DataKey } from '../data-key.ts';
import type { LogStore } from '../store.ts';
import { erasedHashes, noteUpkeepLogged, type UpkeepRow, unloggedRows } from './operations.ts';
import type { UpkeepLog, UpkeepRecord } from './port.ts';

export class StoreUpkeepLog implements UpkeepLog {
  readonly #store: Pick<LogStore, 'change' | 'dataKey' | 'read'>;

  constructor(store: Pick<LogStore, 'change' | 'dataKey' | 'read'>) {
    this.#store = store;
  }

  async unlogged(): Promise<readonly UpkeepRecord[]> {
    return (await this.#store.read(unloggedRows())).map((row) => openUpkeepRow(this.#store.dataKey, row));
  }

  async noteLogged(id: string, receiptId: string): Promise<void> {
    await this.#store.change(noteUpkeepLogged, { id, receiptId });
  }

  async erased(index: number): Promise<readonly Digest[]> {
    return (await this.#store.read(erasedHashes(index))).map(digestOfHash);
  }
}

export function digestOfHash(hash: Uint8Array): Digest {
  return `sha256:${encodeHex(hash)}`;
}

/** The id of a receipt's erasure. */
export function erasureId(receiptId: string): string {
  return `erasure-${receiptId}`;
}

export function sealUpkeepRecord(key: DataKey, record: UpkeepRecord): string {
  return encodeBase64(key.seal(upkeepPlace(record.id), utf8(canonicalJson(record as unknown as Json))));
}

/** @throws {LedgerError} `ledger/corrupt` for a row that no command of this deployment wrote. */
export function openUpkeepRow(key: DataKey, { id, about }: Pick<UpkeepRow, 'id' | 'about'>): UpkeepRecord {
  return parseJson(decodeUtf8(key.open(upkeepPlace(id), decodeBase64(about)))) as unknown as UpkeepRecord;
}

/** The place of a row's text, for its seal. */
export function upkeepPlace(id: string): string {
  return JSON.stringify(['upkeep', id]);
}
