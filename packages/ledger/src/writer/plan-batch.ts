/**
 * What one list of requests writes, decided before a database is asked to write it: nonce, changes, payloads, entry, receipt and task row
 * of each. A request that cannot be granted (nonce used, version moved) is answered so and leaves the others alone. The same for every
 * engine, so that engines cannot differ in what they accept.
 */

import { decodeUtf8 } from '@assay/encoding/bytes';
import { decodeHex, encodeHex } from '@assay/encoding/hex';
import { type Digest, SUCCESSION_SALT, successionBody } from '@assay/receipt';
import { sha256 } from '@noble/hashes/sha2.js';
import { RandomPool } from '../random-pool.ts';
import type { SequencedLeaf, Sequencer } from '../sequencer.ts';
import { ed25519Signer } from '../signing-keys.ts';
import type { ReceiptEntry, ReportEntry, StoredPayload, SuccessionEntry, TaskStart } from '../store.ts';
import type { GrowingTree } from '../tree.ts';
import type { LogRequest, WrittenError } from './protocol.ts';

/** What became of one request; `appended` when it added an entry. */
export interface Outcome {
  readonly id: number;
  readonly error?: WrittenError;
  readonly appended?: { readonly index: number; readonly leaf: string; readonly salt: string };
}

/** What the database must be asked before. */
export interface Questions {
  /** Hex. */
  readonly nonces: readonly string[];
  readonly rows: readonly RowName[];
}

export interface RowName {
  readonly collection: string;
  readonly key: string;
}

export interface Facts {
  /** Those of the nonces that were used. */
  readonly usedNonces: ReadonlySet<string>;
  /** Versions of those rows that are there, by {@link rowName}. */
  readonly versions: ReadonlyMap<string, number>;
}

export interface PlannedChange extends RowName {
  readonly version: number;
  /** `null`: the row goes. */
  readonly value: Uint8Array | null;
}

export interface PlannedEntry {
  readonly index: number;
  readonly leaf: string;
}

export interface PlannedReceipt extends TaskStart {
  readonly index: number;
  readonly time: number;
  readonly chatId: string | null;
  readonly salt: Uint8Array;
  readonly body: string;
}

export interface PlannedFile {
  readonly name: string;
  readonly mediaType: string;
  readonly hash: Uint8Array;
  readonly bytes: Uint8Array;
}

export interface PlannedReport {
  readonly index: number;
  readonly keysetDigest: string;
  readonly nonce: string | null;
  readonly salt: Uint8Array;
  readonly report: string;
  readonly collateral: readonly PlannedFile[];
}

export interface PlannedSuccession {
  readonly index: number;
  readonly keysetDigest: string;
  readonly successor: string;
}

/** Rows by table, in the order in which they are written. */
export interface PlannedBatch {
  readonly starts: readonly TaskStart[];
  readonly payloads: readonly StoredPayload[];
  readonly nonces: readonly { readonly nonce: Uint8Array; readonly index: number }[];
  readonly changes: readonly PlannedChange[];
  readonly entries: readonly PlannedEntry[];
  readonly receipts: readonly PlannedReceipt[];
  readonly reports: readonly PlannedReport[];
  readonly successions: readonly PlannedSuccession[];
  /** Receipt ids of tasks that were given up; after the starts. */
  readonly discards: readonly string[];
  readonly outcomes: readonly Outcome[];
}

type Growing<T> = { -readonly [Member in keyof T]: T[Member] extends readonly (infer Item)[] ? Item[] : T[Member] };

const SALT_BYTES = 32;
const random = new RandomPool();

/** The name of a row as facts hold it; collection and key cannot run into each other. */
export function rowName({ collection, key }: RowName): string {
  return JSON.stringify([collection, key]);
}

/** What must be known before `requests` can be planned. */
export function questionsOf(requests: readonly LogRequest[]): Questions {
  const nonces: string[] = [];
  const rows: RowName[] = [];
  for (const request of requests) {
    if (request.kind !== 'seal') continue;
    if (request.entry.nonce !== null) nonces.push(request.entry.nonce);
    rows.push(...request.entry.changes);
  }
  return { nonces, rows };
}

/** Plans one transaction: appends its leaves to `tree`, each numbered and signed by `sequencer`. Both are rolled back when it fails. */
export function planBatch(
  requests: readonly LogRequest[],
  facts: Facts,
  { sequencer, tree }: { readonly sequencer: Sequencer; readonly tree: GrowingTree },
): PlannedBatch {
  const planner = new Planner(facts, sequencer, tree);
  for (const request of requests) planner.take(request);
  return planner.batch;
}

class Planner {
  readonly batch: Growing<PlannedBatch> = {
    starts: [],
    payloads: [],
    nonces: [],
    changes: [],
    entries: [],
    receipts: [],
    reports: [],
    successions: [],
    discards: [],
    outcomes: [],
  };
  readonly #used: Set<string>;
  readonly #versions: Map<string, number>;
  readonly #sequencer: Sequencer;
  readonly #tree: GrowingTree;

  constructor(facts: Facts, sequencer: Sequencer, tree: GrowingTree) {
    this.#used = new Set(facts.usedNonces);
    this.#versions = new Map(facts.versions);
    this.#sequencer = sequencer;
    this.#tree = tree;
  }

  take(request: LogRequest): void {
    this.batch.outcomes.push(this.#outcome(request));
  }

  #outcome(request: LogRequest): Outcome {
    const { id } = request;
    switch (request.kind) {
      case 'start':
        this.batch.starts.push(request.task);
        return { id };
      case 'discard':
        this.batch.discards.push(request.receiptId);
        return { id };
      case 'seal':
        return this.#seal(id, request.entry);
      case 'report':
        return this.#report(id, request.entry);
      case 'succession':
        return this.#succession(id, request.entry);
    }
  }

  #seal(id: number, entry: ReceiptEntry): Outcome {
    const { nonce, keysetDigest, changes, payloads, ...task } = entry;
    if (!this.#sequencer.admits(keysetDigest)) return ended(id, keysetDigest);
    if (nonce !== null && this.#used.has(nonce))
      return { id, error: { code: 'ledger/nonce-reused', message: 'this nonce was used before; send 32 fresh random bytes' } };
    const stale = changes.find((change) => (this.#versions.get(rowName(change)) ?? 0) !== change.expectedVersion);
    if (stale !== undefined) {
      const message = `${stale.collection}/${stale.key} is not at version ${stale.expectedVersion} any more; read it again`;
      return { id, error: { code: 'ledger/conflict', message } };
    }
    const salt = random.take(SALT_BYTES);
    const index = this.#tree.size;
    const leaf = this.#sequencer.next({
      kind: 'receipt',
      body: entry.body,
      salt,
      nonce,
      keysetDigest: keysetDigest as Digest,
      time: entry.time,
    });
    if (nonce !== null) {
      this.#used.add(nonce);
      this.batch.nonces.push({ nonce: decodeHex(nonce), index });
    }
    for (const { collection, key, expectedVersion, value } of changes) {
      const version = expectedVersion + 1;
      this.#versions.set(rowName({ collection, key }), value === null ? 0 : version);
      this.batch.changes.push({ collection, key, version, value });
    }
    this.batch.payloads.push(...payloads);
    this.batch.receipts.push({ ...task, index, salt });
    return this.#append(id, leaf, salt);
  }

  #report(id: number, entry: ReportEntry): Outcome {
    const { keyId, privateKey, notAfter } = entry.leafKey;
    const { keysetDigest, nonce, report } = entry;
    this.#sequencer.admit(keysetDigest, { ...ed25519Signer(keyId, privateKey), notAfter });
    const salt = random.take(SALT_BYTES);
    const index = this.#tree.size;
    const leaf = this.#sequencer.next({
      kind: 'report',
      body: entry.body,
      salt,
      nonce: null,
      keysetDigest: keysetDigest as Digest,
      time: entry.time,
    });
    const collateral = entry.collateral.map((file) => ({ ...file, hash: sha256(file.bytes) }));
    this.batch.reports.push({ index, keysetDigest, nonce, salt, report, collateral });
    return this.#append(id, leaf, salt);
  }

  #succession(id: number, { keysetDigest, successor, time }: SuccessionEntry): Outcome {
    if (!this.#sequencer.admits(keysetDigest)) return ended(id, keysetDigest);
    const salt = decodeHex(SUCCESSION_SALT);
    const index = this.#tree.size;
    const leaf = this.#sequencer.next({
      kind: 'succession',
      body: successionBody(successor as Digest),
      salt,
      nonce: null,
      keysetDigest: keysetDigest as Digest,
      time,
    });
    this.#sequencer.dismiss(keysetDigest);
    this.batch.successions.push({ index, keysetDigest, successor });
    return this.#append(id, leaf, salt);
  }

  #append(id: number, leaf: SequencedLeaf, salt: Uint8Array): Outcome {
    const entry = { index: this.#tree.size, leaf: decodeUtf8(leaf.bytes) };
    this.batch.entries.push(entry);
    this.#tree.append(leaf.hash);
    return { id, appended: { ...entry, salt: encodeHex(salt) } };
  }
}

function ended(id: number, keysetDigest: string): Outcome {
  const message = `keyset ${keysetDigest} was replaced, and its keys are gone; send the request again`;
  return { id, error: { code: 'ledger/keyset-ended', message } };
}
