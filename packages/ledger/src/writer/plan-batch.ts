/**
 * What one list of requests writes, decided before a database is asked to write it: nonce, changes, payloads, entry, receipt and task row
 * of each. A request that cannot be granted (nonce used, version moved) is answered so and leaves the others alone. The same for every
 * engine, so that engines cannot differ in what they accept.
 */

import { decodeUtf8 } from '@assay/encoding/bytes';
import { decodeHex, encodeHex } from '@assay/encoding/hex';
import { sha256 } from '@assay/encoding/sha256';
import { type Digest, SUCCESSION_SALT, successionBody } from '@assay/receipt';
import { RandomPool } from '../random-pool.ts';
import type { Sequencer } from '../sequencer.ts';
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
  /** Receipts that may be in the log already. */
  readonly receipts: readonly string[];
}

export interface RowName {
  readonly collection: string;
  readonly key: string;
}

export interface Facts {
  /** Those of the nonces that were used. */
  readonly usedNonces: ReadonlySet<string>;
  /** Those of the receipts that are. */
  readonly sealed: ReadonlySet<string>;
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

export interface PlannedReceipt {
  readonly entry: ReceiptEntry;
  readonly index: number;
  readonly salt: Uint8Array;
}

export interface PlannedPayload {
  /** SHA-256, 32 bytes. */
  readonly hash: Uint8Array;
  readonly bytes: Uint8Array;
  readonly kind: StoredPayload['kind'];
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
  readonly payloads: readonly PlannedPayload[];
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
  const receipts: string[] = [];
  for (const request of requests) {
    if (request.kind !== 'seal') continue;
    if (request.entry.again === true) receipts.push(request.entry.receiptId);
    if (request.entry.nonce !== null) nonces.push(request.entry.nonce);
    rows.push(...request.entry.changes);
  }
  return { nonces, rows, receipts };
}

/** Plans one transaction: appends its leaves to `tree`, numbered and signed together by `sequencer`. Both are rolled back when it fails. */
export function planBatch(
  requests: readonly LogRequest[],
  facts: Facts,
  { sequencer, tree }: { readonly sequencer: Sequencer; readonly tree: GrowingTree },
): PlannedBatch {
  const planner = new Planner(facts, sequencer, tree);
  for (const request of requests) planner.take(request);
  planner.sign();
  return planner.batch;
}

interface UnsignedEntry {
  /** Place of its outcome. */
  readonly at: number;
  readonly salt: Uint8Array;
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
  readonly #sealed: Set<string>;
  readonly #versions: Map<string, number>;
  readonly #sequencer: Sequencer;
  readonly #tree: GrowingTree;
  /** Which outcomes are appended entries, and their salts, until the leaves are signed. */
  readonly #unsigned: UnsignedEntry[] = [];
  /** Of the next entry. */
  #index: number;

  constructor(facts: Facts, sequencer: Sequencer, tree: GrowingTree) {
    this.#used = new Set(facts.usedNonces);
    this.#sealed = new Set(facts.sealed);
    this.#versions = new Map(facts.versions);
    this.#sequencer = sequencer;
    this.#tree = tree;
    this.#index = tree.size;
  }

  take(request: LogRequest): void {
    this.batch.outcomes.push(this.#outcome(request));
  }

  /** Signs the leaves, and appends them. */
  sign(): void {
    for (const [n, { text, hash }] of this.#sequencer.sign().entries()) {
      const { at, salt } = this.#unsigned[n] as UnsignedEntry;
      const entry = { index: this.#tree.size, leaf: text };
      this.batch.entries.push(entry);
      this.#tree.append(hash);
      const { id } = this.batch.outcomes[at] as Outcome;
      this.batch.outcomes[at] = { id, appended: { ...entry, salt: encodeHex(salt) } };
    }
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
    const { nonce, keysetDigest, changes } = entry;
    if (this.#sealed.has(entry.receiptId)) {
      const message = `the receipt ${entry.receiptId} is in the log already; fetch it`;
      return { id, error: { code: 'ledger/conflict', message } };
    }
    if (!this.#sequencer.admits(keysetDigest)) return ended(id, keysetDigest);
    if (nonce !== null && this.#used.has(nonce))
      return { id, error: { code: 'ledger/nonce-reused', message: 'this nonce was used before; send 32 fresh random bytes' } };
    const stale = changes.find((change) => (this.#versions.get(rowName(change)) ?? 0) !== change.expectedVersion);
    if (stale !== undefined) {
      const message = `${stale.collection}/${stale.key} is not at version ${stale.expectedVersion} any more; read it again`;
      return { id, error: { code: 'ledger/conflict', message } };
    }
    const salt = random.take(SALT_BYTES);
    const index = this.#index;
    this.#sequencer.next({
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
    for (const payload of entry.payloads) this.batch.payloads.push(plannedPayload(payload));
    this.batch.receipts.push({ entry, index, salt });
    return this.#append(id, salt);
  }

  #report(id: number, entry: ReportEntry): Outcome {
    const { keyId, privateKey, notAfter } = entry.leafKey;
    const { keysetDigest, nonce, report } = entry;
    this.#sequencer.admit(keysetDigest, { ...ed25519Signer(keyId, privateKey), notAfter });
    const salt = random.take(SALT_BYTES);
    const index = this.#index;
    this.#sequencer.next({
      kind: 'report',
      body: decodeUtf8(entry.body),
      salt,
      nonce: null,
      keysetDigest: keysetDigest as Digest,
      time: entry.time,
    });
    const collateral = entry.collateral.map((file) => ({ ...file, hash: sha256(file.bytes) }));
    this.batch.reports.push({ index, keysetDigest, nonce, salt, report, collateral });
    return this.#append(id, salt);
  }

  #succession(id: number, { keysetDigest, successor, time }: SuccessionEntry): Outcome {
    if (!this.#sequencer.admits(keysetDigest)) return ended(id, keysetDigest);
    const salt = decodeHex(SUCCESSION_SALT);
    const index = this.#index;
    this.#sequencer.next({
      kind: 'succession',
      body: decodeUtf8(successionBody(successor as Digest)),
      salt,
      nonce: null,
      keysetDigest: keysetDigest as Digest,
      time,
    });
    this.#sequencer.dismiss(keysetDigest);
    this.batch.successions.push({ index, keysetDigest, successor });
    return this.#append(id, salt);
  }

  #append(id: number, salt: Uint8Array): Outcome {
    this.#unsigned.push({ at: this.batch.outcomes.length, salt });
    this.#index += 1;
    return { id };
  }
}

/** A payload with its hash as databases hold it. */
export function plannedPayload({ digest, bytes, kind }: StoredPayload): PlannedPayload {
  return { hash: Buffer.from(digest.slice('sha256:'.length), 'hex'), bytes, kind };
}

function ended(id: number, keysetDigest: string): Outcome {
  const message = `keyset ${keysetDigest} was replaced, and its keys are gone; send the request again`;
  return { id, error: { code: 'ledger/keyset-ended', message } };
}
