/**
 * Rows of the ledger's state, sealed with the platform's secret (AES-256-GCM) and bound to their collection, key and version, so that the
 * disk's owner can neither read nor swap them. One more row holds a hash over all others: its version is the generation of the state. It
 * commits with every change, the receipt of the change names both, and all three are compared at the start (spec/operator.md §9).
 *
 * All rows are in memory. Another writer of the same collection is found because the generation has moved on; the rows are then read again.
 * Writes follow one another without waiting. Each also raises a row that only this reader of the state has, so that none commits when the one
 * ahead of it did not.
 *
 * Not prevented here: putting the log and the state back together to an earlier time.
 */

import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { decodeUtf8, utf8 } from '@assay/encoding/bytes';
import { type Json, type JsonObject, parseJson } from '@assay/encoding/json';
import { GENERATION_KEY, type Ledger, type StateChange, StateHash, type StateRow } from '@assay/ledger';
import type { Hex } from '@assay/operator';
import { ServerError } from '../errors.ts';

const NONCE_LENGTH = 12; // bytes
const TAG_LENGTH = 16; // bytes

/** Below it, one row for each reader that writes. */
const WRITER = 'writer/';

/** A row to be written; `null` removes it. */
export interface RowChange {
  readonly key: string;
  readonly value: Json;
}

interface Row {
  readonly version: number;
  readonly value: Json;
  /** As it stands in the ledger. */
  readonly sealed: Uint8Array;
}

/** What is written with one receipt. */
interface Written {
  readonly changes: readonly StateChange[];
  /** For the receipt: `state.written`. */
  readonly event: { readonly type: string } & JsonObject;
  readonly generation: number;
}

/** What the state needs of the ledger. */
export type StateLedger = Pick<Ledger, 'listState' | 'readState' | 'writtenState'>;

export class SealedState {
  readonly #ledger: StateLedger;
  readonly #key: Uint8Array;
  readonly #collection: string;
  readonly #listeners: (() => void)[] = [];
  /** What is committed. */
  #rows = new Map<string, Row>();
  #generation = 0;
  /** What will be committed when everything on its way is. */
  #posted = new Map<string, number>();
  #postedGeneration = 0;
  /** Values on their way, with the generation that writes each; `undefined`: removed. */
  #coming = new Map<string, { readonly generation: number; readonly value: Json | undefined }>();
  #hash = new StateHash();
  #writer = '';
  /** Rows of earlier readers; the next write removes them. */
  #earlier: readonly RowChange[] = [];
  #writing = 0;
  readonly #pending = new Set<Promise<unknown>>();
  /** A write failed, so that it is not known what is committed. */
  #unknown = false;
  #reading: Promise<void> | null = null;

  private constructor(ledger: StateLedger, key: Uint8Array, agentId: Hex) {
    this.#ledger = ledger;
    this.#key = key;
    this.#collection = `operator-${agentId.slice(2)}`;
  }

  /**
   * The state of one agent.
   * @param key 32 bytes.
   * @throws {ServerError} `operator/state-broken` when a row does not open, is missing, old or extra, or when the log knows another state.
   */
  static async open(ledger: StateLedger, key: Uint8Array, agentId: Hex): Promise<SealedState> {
    const state = new SealedState(ledger, key, agentId);
    await state.#read();
    return state;
  }

  /** Counts the receipts that wrote to this state. */
  get generation(): number {
    return this.#generation;
  }

  get(key: string): Json | undefined {
    return this.#rows.get(key)?.value;
  }

  /**
   * The value when everything on its way is committed, for decisions that are written themselves: none of them commits when what it was made on
   * does not.
   */
  coming(key: string): Json | undefined {
    const coming = this.#coming.get(key);
    return coming === undefined ? this.get(key) : coming.value;
  }

  /** Keys and values below a prefix, in the order of keys. */
  list(prefix: string): readonly (readonly [string, Json])[] {
    return [...this.#rows]
      .filter(([key]) => key.startsWith(prefix))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, { value }]) => [key, value] as const);
  }

  /** Calls `listener` each time when the rows were read again. */
  onRead(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** Resolves when everything that is on its way now is committed, or known not to be and the rows are read again. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#pending);
    if (this.#unknown) await this.refresh();
  }

  /**
   * Reads the rows again when another writer changed them.
   * @returns whether the rows are those that were committed when this was called; `false` while this reader writes, for nothing is read then.
   */
  async refresh(): Promise<boolean> {
    if (this.#unknown) await Promise.allSettled(this.#pending);
    if (this.#writing > 0) return false;
    const row = await this.#ledger.readState(this.#collection, GENERATION_KEY);
    if (!this.#unknown && (row?.version ?? 0) === this.#generation) return true;
    if (this.#writing > 0) return false;
    await this.#readAgain();
    return true;
  }

  /**
   * Writes rows with a receipt. `seal` is called in the turn of the call; rows are in memory when this resolves.
   * @throws {ServerError} `operator/state-moved`; what `seal` throws.
   */
  write<Result>(changes: readonly RowChange[], seal: (written: Written) => Promise<Result>): Promise<Result> {
    const work = this.#write(changes, seal);
    this.#pending.add(work);
    const done = (): void => void this.#pending.delete(work);
    work.then(done, done);
    return work;
  }

  async #write<Result>(changes: readonly RowChange[], seal: (written: Written) => Promise<Result>): Promise<Result> {
    if (this.#unknown) {
      if (this.#writing === 0) this.#readAgain().catch(() => undefined);
      throw new ServerError(
        'operator/state-moved',
        'expected the state of the last write, got one that is being read again; send the request again',
      );
    }
    this.#writing += 1;
    let written: Written;
    let result: Result;
    try {
      written = this.#post(changes);
      result = await seal(written);
    } catch (error) {
      this.#unknown = true;
      throw error;
    } finally {
      this.#writing -= 1;
      if (this.#unknown && this.#writing === 0) this.#readAgain().catch(() => undefined);
    }
    this.#commit(changes, written);
    return result;
  }

  #post(asked: readonly RowChange[]): Written {
    const changes = [...asked, { key: this.#writer, value: true }, ...this.#earlier];
    this.#earlier = [];
    const expectedGeneration = this.#postedGeneration;
    const generation = expectedGeneration + 1;
    this.#postedGeneration = generation;
    for (const { key, value } of changes) this.#coming.set(key, { generation, value: value ?? undefined });
    const writes = changes.map(({ key, value }): StateChange => {
      const expectedVersion = this.#posted.get(key) ?? 0;
      const version = expectedVersion + 1;
      if (value === null) {
        this.#posted.delete(key);
        this.#hash.delete(key);
        return { collection: this.#collection, key, expectedVersion, value: null };
      }
      const sealed = this.#seal(key, version, value);
      this.#posted.set(key, version);
      this.#hash.set({ key, version, value: sealed });
      return { collection: this.#collection, key, expectedVersion, value: sealed };
    });
    const stateHash = this.#hash.text;
    const sealed = this.#seal(GENERATION_KEY, generation, { hash: stateHash });
    return {
      changes: [
        ...writes,
        { collection: this.#collection, key: GENERATION_KEY, expectedVersion: expectedGeneration, value: sealed },
      ],
      event: { type: 'state.written', collection: this.#collection, generation, state_hash: stateHash },
      generation,
    };
  }

  #commit(changes: readonly RowChange[], { changes: writes, generation }: Written): void {
    this.#generation += 1;
    const values = new Map(changes.map(({ key, value }) => [key, value]));
    for (const { key, expectedVersion, value: sealed } of writes) {
      if (key === GENERATION_KEY) continue;
      if (sealed === null) this.#rows.delete(key);
      else this.#rows.set(key, { version: expectedVersion + 1, value: values.get(key) ?? true, sealed });
      if (this.#coming.get(key)?.generation === generation) this.#coming.delete(key);
    }
  }

  #readAgain(): Promise<void> {
    this.#unknown = true;
    this.#reading ??= this.#read()
      .then(() => {
        this.#unknown = false;
        for (const listener of this.#listeners) listener();
      })
      .finally(() => {
        this.#reading = null;
      });
    return this.#reading;
  }

  async #read(): Promise<void> {
    // The log first: what is written between the two questions may be newer than the log's word, never older.
    const written = await this.#ledger.writtenState(this.#collection);
    const found = await this.#ledger.listState(this.#collection);
    const rows = new Map<string, Row>();
    let head: StateRow | null = null;
    for (const row of found) {
      if (row.key === GENERATION_KEY) head = row;
      else rows.set(row.key, { version: row.version, value: this.#open(row), sealed: row.value });
    }
    const hash = new StateHash([...rows].map(([key, { version, sealed }]) => ({ key, version, value: sealed })));
    const generation = head?.version ?? 0;
    const wanted = head === null ? null : (this.#open(head) as { readonly hash: string }).hash;
    if (head === null ? rows.size > 0 : wanted !== hash.text)
      throw broken(`expected the rows of generation ${generation}, got others: some are missing, old or extra`);
    const known = written?.generation ?? 0;
    if (generation < known || (generation === known && written !== null && written.stateHash !== hash.text))
      throw broken(`expected generation ${known}, which ${written?.receiptId ?? 'the log'} names, got ${generation}`);
    this.#rows = rows;
    this.#generation = generation;
    this.#posted = new Map([...rows].map(([key, { version }]) => [key, version]));
    this.#postedGeneration = generation;
    this.#coming = new Map();
    this.#hash = hash;
    this.#writer = `${WRITER}${randomBytes(16).toString('hex')}`;
    this.#earlier = [...rows.keys()].filter((key) => key.startsWith(WRITER)).map((key) => ({ key, value: null }));
  }

  #bound(key: string, version: number): Uint8Array {
    return utf8(`${this.#collection}\n${key}\n${version}`);
  }

  #seal(key: string, version: number, value: Json): Uint8Array {
    const nonce = randomBytes(NONCE_LENGTH);
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonce).setAAD(this.#bound(key, version));
    const sealed = Buffer.concat([cipher.update(utf8(JSON.stringify(value))), cipher.final()]);
    return new Uint8Array(Buffer.concat([nonce, cipher.getAuthTag(), sealed]));
  }

  #open({ key, version, value: row }: StateRow): Json {
    try {
      const bodyAt = NONCE_LENGTH + TAG_LENGTH;
      const decipher = createDecipheriv('aes-256-gcm', this.#key, row.subarray(0, NONCE_LENGTH));
      decipher.setAAD(this.#bound(key, version)).setAuthTag(row.subarray(NONCE_LENGTH, bodyAt));
      const opened = Buffer.concat([decipher.update(row.subarray(bodyAt)), decipher.final()]);
      return parseJson(decodeUtf8(new Uint8Array(opened)));
    } catch (cause) {
      throw broken(`the row ${key} of it does not open`, cause);
    }
  }
}

function broken(why: string, cause?: unknown): ServerError {
  return new ServerError(
    'operator/state-broken',
    `the operator's state is not the one that was written: ${why}; the data directory was changed, restore it`,
    { cause },
  );
}
