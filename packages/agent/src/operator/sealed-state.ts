/**
 * Rows of the ledger's state, sealed with the platform's secret (AES-256-GCM) and bound to their collection, key and version, so that the
 * disk's owner can neither read nor swap them. All rows are in memory: this process is the only writer of its data directory.
 *
 * Not prevented here: putting the whole directory back to an earlier time (spec/operator.md §9).
 */

import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { decodeUtf8, utf8 } from '@assay/encoding/bytes';
import { type Json, parseJson } from '@assay/encoding/json';
import type { Ledger, StateChange } from '@assay/ledger';
import type { Hex } from '@assay/operator';
import { ServerError } from '../errors.ts';

const NONCE_LENGTH = 12; // bytes
const TAG_LENGTH = 16; // bytes

/** A row to be written; `null` removes it. */
export interface RowChange {
  readonly key: string;
  readonly value: Json;
}

interface Row {
  readonly version: number;
  readonly value: Json;
}

export class SealedState {
  readonly #key: Uint8Array;
  readonly #collection: string;
  readonly #rows = new Map<string, Row>();

  private constructor(key: Uint8Array, collection: string) {
    this.#key = key;
    this.#collection = collection;
  }

  /**
   * The state of one agent.
   * @param key 32 bytes.
   * @throws {ServerError} `operator/state-broken` when a row does not open.
   */
  static async open(ledger: Pick<Ledger, 'listState'>, key: Uint8Array, agentId: Hex): Promise<SealedState> {
    const state = new SealedState(key, `operator-${agentId.slice(2)}`);
    for (const { key: name, version, value } of await ledger.listState(state.#collection))
      state.#rows.set(name, { version, value: state.#open(name, version, value) });
    return state;
  }

  get(key: string): Json | undefined {
    return this.#rows.get(key)?.value;
  }

  /** Keys and values below a prefix, in the order of keys. */
  list(prefix: string): readonly (readonly [string, Json])[] {
    return [...this.#rows]
      .filter(([key]) => key.startsWith(prefix))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, { value }]) => [key, value] as const);
  }

  /** The conditional writes that a receipt commits with. */
  prepare(changes: readonly RowChange[]): readonly StateChange[] {
    return changes.map(({ key, value }) => {
      const expectedVersion = this.#rows.get(key)?.version ?? 0;
      return {
        collection: this.#collection,
        key,
        expectedVersion,
        value: value === null ? null : this.#seal(key, expectedVersion + 1, value),
      };
    });
  }

  /** Takes what was committed into memory. */
  commit(changes: readonly RowChange[]): void {
    for (const { key, value } of changes) {
      if (value === null) this.#rows.delete(key);
      else this.#rows.set(key, { version: (this.#rows.get(key)?.version ?? 0) + 1, value });
    }
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

  #open(key: string, version: number, row: Uint8Array): Json {
    try {
      const bodyAt = NONCE_LENGTH + TAG_LENGTH;
      const decipher = createDecipheriv('aes-256-gcm', this.#key, row.subarray(0, NONCE_LENGTH));
      decipher.setAAD(this.#bound(key, version)).setAuthTag(row.subarray(NONCE_LENGTH, bodyAt));
      const opened = Buffer.concat([decipher.update(row.subarray(bodyAt)), decipher.final()]);
      return parseJson(decodeUtf8(new Uint8Array(opened)));
    } catch (cause) {
      throw new ServerError(
        'operator/state-broken',
        `the row ${key} of the operator's state does not open; the data directory was changed, restore it`,
        { cause },
      );
    }
  }
}
