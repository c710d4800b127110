/**
 * The ledger: opens drafts, signs receipts with the key of the keyset in force and hands them to the store, which logs them. See
 * ports/ledger.ts for the contract and spec/receipt.md, spec/log.md for the formats.
 */

import { decodeHex } from '@assay/encoding/hex';
import { canonicalJson, type JsonObject, parseJson } from '@assay/encoding/json';
import {
  type Digest,
  isDigest,
  isNonce,
  parseReceipt,
  type Receipt,
  ReceiptError,
  reportBody,
  type Signer,
  sealReceiptText,
} from '@assay/receipt';
import { attestedKeyset } from './attested-keyset.ts';
import { type Clock, systemClock } from './clock.ts';
import { StoreCoordination } from './coordination/store-coordination.ts';
import { Draft, newReceiptId } from './draft.ts';
import { LedgerError } from './errors.ts';
import { consistencyIn, proofOf, rootAt, tileOf } from './exports.ts';
import { StoreFleet } from './fleet/store-fleet.ts';
import { JobQueue } from './jobs/queue.ts';
import { KeyBook } from './keys/key-book.ts';
import { logKeysIn } from './keys/log-keys.ts';
import type {
  BundleOptions,
  DraftOptions,
  KeysetRegistration,
  Ledger,
  ListOptions,
  ReceiptDraft,
  ReceiptSummary,
  ReservedReceipt,
  SealedReceipt,
  SealOptions,
  StoredBytes,
} from './port.ts';
import { summaryOf } from './receipt-summary.ts';
import { ed25519Signer } from './signing-keys.ts';
import { newestFloor, newestWrittenState } from './state-rows.ts';
import type { LogStore, StoredReceipt, SuccessionEntry } from './store.ts';
import { storedBundle } from './stored-bundle.ts';
import { StoreUpkeepLog } from './upkeep-log/store-upkeep-log.ts';

export interface LedgerOptions {
  readonly store: LogStore;
  readonly clock?: Clock;
}

const LIST_LIMIT = 500;

/**
 * A ledger over an open store. `registerReport` must come before the first `seal`.
 * @example
 * const ledger = createLedger({ store: await openSqliteStore({ directory: '.assay' }) })
 * await ledger.registerReport({ report, nonce: null, keys: createSigningKeys() })
 */
export function createLedger(options: LedgerOptions): Ledger {
  return new LogLedger(options.store, options.clock ?? systemClock);
}

/** The keyset in force. */
interface SealingKeyset {
  readonly digest: Digest;
  /** Epoch seconds. */
  readonly notAfter: number;
  readonly signer: Signer;
}

class LogLedger implements Ledger {
  readonly jobs: JobQueue;
  readonly keys: KeyBook;
  readonly coordination: StoreCoordination;
  readonly fleet: StoreFleet | null;
  readonly upkeep: StoreUpkeepLog;
  readonly #store: LogStore;
  readonly #clock: Clock;
  /** Nonces of open drafts. */
  readonly #claimed = new Set<string>();
  #keyset: SealingKeyset | null = null;
  /** The last leaf of the keyset before, until it is durable. */
  #owed: Omit<SuccessionEntry, 'time'> | null = null;
  #settling: Promise<void> | null = null;

  constructor(store: LogStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
    this.jobs = new JobQueue(store, clock);
    this.keys = new KeyBook(store, clock, logKeysIn(this));
    this.fleet = store.shared ? new StoreFleet(store, clock) : null;
    this.coordination = new StoreCoordination(store, clock);
    this.upkeep = new StoreUpkeepLog(store);
  }

  get shared(): boolean {
    return this.#store.shared;
  }

  get storeName(): string {
    return this.#store.name;
  }

  get origin(): string {
    return this.#store.origin;
  }

  get verifierKeys(): readonly string[] {
    return this.#store.verifierKeys;
  }

  open(options: DraftOptions): ReceiptDraft {
    const { nonce } = options;
    if (nonce !== null) {
      if (!isNonce(nonce))
        throw new LedgerError(
          'ledger/event-refused',
          'expected a nonce of 64 lower-case hex characters; send 32 random bytes as hex',
        );
      if (this.#claimed.has(nonce)) throw nonceReused();
    }
    const draft = this.#draft(options);
    if (nonce !== null) this.#claimed.add(nonce);
    if (nonce !== null) draft.admitted = this.#admit(nonce);
    draft.started = this.#start(draft);
    draft.started.catch(() => undefined);
    return draft;
  }

  async reserve({ taskId, task, nonce, access = null }: Parameters<Ledger['reserve']>[0]): Promise<ReservedReceipt> {
    if (nonce !== null && (this.#claimed.has(nonce) || (await this.#store.hasNonce(nonce)))) throw nonceReused();
    const startedAt = this.#clock.now();
    const receiptId = newReceiptId(startedAt);
    await this.#store.start({ receiptId, taskId, task, startedAt, access });
    return { receiptId, startedAt };
  }

  async unreserve({ receiptId }: ReservedReceipt): Promise<void> {
    await this.#store.discard(receiptId);
  }

  async #admit(nonce: string): Promise<void> {
    if (await this.#store.hasNonce(nonce)) throw nonceReused();
  }

  async #start({ receiptId, taskId, startedAt, admitted, options }: Draft): Promise<void> {
    const { nonce, task, access = null } = options;
    if (nonce !== null) await admitted;
    return this.#store.start({ receiptId, taskId, task, startedAt, access });
  }

  async seal(draft: ReceiptDraft, options: SealOptions = {}): Promise<SealedReceipt> {
    const own = this.#own(draft);
    const keyset = this.#keyset;
    if (keyset === null)
      throw new LedgerError(
        'ledger/report-missing',
        'no attestation report is registered, so nothing can be sealed; call registerReport first',
      );
    const time = this.#clock.now();
    const servedAt = Math.floor(time / 1000);
    if (servedAt >= keyset.notAfter)
      throw new LedgerError(
        'ledger/report-missing',
        'the registered keyset has expired, so nothing can be sealed; register a report of a new one',
      );
    // Signed and posted in the turn of the call: a caller that has just looked knows which keyset seals.
    const { receipt, text } = this.#sign(own, keyset, servedAt, options.chatId ?? null);
    own.finished = true;
    if (this.#owed !== null) this.#settle().catch(() => undefined); // this seal meets the same error
    const { receiptId, startedAt } = own;
    const { taskId, task, nonce, access = null } = own.options;
    try {
      const proof = await this.#store.seal({
        receiptId,
        taskId,
        task,
        startedAt,
        access,
        body: text,
        chatId: receipt.chat_id,
        nonce,
        keysetDigest: keyset.digest,
        time,
        payloads: own.payloads(),
        changes: options.changes ?? [],
        again: own.tried,
      });
      if (nonce !== null) this.#claimed.delete(nonce);
      return { receiptId, receipt, proof, access };
    } catch (cause) {
      own.finished = false;
      own.tried = true;
      throw cause;
    }
  }

  async discard(draft: ReceiptDraft): Promise<void> {
    const own = this.#own(draft);
    own.finished = true;
    if (own.options.nonce !== null) this.#claimed.delete(own.options.nonce);
    await own.admitted.catch(() => undefined); // the row to be removed is on its way from then on
    await this.#store.discard(own.receiptId);
  }

  async registerReport(first: KeysetRegistration): Promise<void> {
    this.#keyset = await this.#logReport(first);
  }

  async succeed(next: KeysetRegistration, publish: () => void): Promise<void> {
    if (this.#keyset === null)
      throw new LedgerError('ledger/report-missing', 'no keyset is in force that could be followed; call registerReport first');
    await this.#settle();
    const following = await this.#logReport(next);
    this.#owed = { keysetDigest: this.#keyset.digest, successor: following.digest };
    this.#keyset = following;
    publish();
    await this.#settle();
  }

  /** Has the keyset before sign its last leaf, if that is still to be done. Nothing sealed later is logged before it. */
  #settle(): Promise<void> {
    if (this.#owed === null) return Promise.resolve();
    this.#settling ??= this.#store.logSuccession({ ...this.#owed, time: this.#clock.now() }).then(
      () => {
        this.#owed = null;
        this.#settling = null;
      },
      (error: unknown) => {
        this.#settling = null;
        if (!LedgerError.is(error) || error.code !== 'ledger/keyset-ended') throw error;
        this.#owed = null; // its time was over before there was room: it cannot be signed any more
      },
    );
    return this.#settling;
  }

  async #logReport(registration: KeysetRegistration): Promise<SealingKeyset> {
    const { keyset, keysetDigest } = attestedKeyset(registration);
    const { report: document, nonce, collateral = [], keys } = registration;
    await this.#store.logReport({
      leafKey: { keyId: keys.leaf.entry.key_id, privateKey: keys.leaf.privateKey, notAfter: keyset.not_after },
      report: canonicalJson(document),
      body: reportBody(document, nonce, collateral),
      keysetDigest,
      nonce,
      time: this.#clock.now(),
      collateral,
    });
    const signer = ed25519Signer(keys.receipt.entry.key_id, keys.receipt.privateKey);
    return { digest: keysetDigest, notAfter: keyset.not_after, signer };
  }

  async find(receiptId: string): Promise<SealedReceipt | null> {
    const stored = await this.#stored(receiptId);
    if (stored === null) return null;
    const receipt = parseReceipt(parseJson(stored.body));
    const head = await this.#store.publish(this.#clock.now());
    return { receiptId: receipt.receipt_id, receipt, proof: await proofOf(this.#store, stored, head), access: stored.access };
  }

  async findTask(taskId: string, access?: string | null): Promise<ReceiptSummary | null> {
    const task = await this.#store.task(taskId, access);
    return task === null ? null : summaryOf(task);
  }

  async list(options: ListOptions): Promise<readonly ReceiptSummary[]> {
    const limit = Math.max(1, Math.min(LIST_LIMIT, Math.floor(options.limit)));
    return (await this.#store.tasks({ ...options, limit })).map(summaryOf);
  }

  async bundle(
    receiptIds: string | readonly string[],
    { redact = false, access }: BundleOptions = {},
  ): Promise<StoredBytes | null> {
    const ids = [...new Set(typeof receiptIds === 'string' ? [receiptIds] : receiptIds)];
    if (ids.length === 0) return null;
    const find = async (id: string): Promise<StoredReceipt | null> => {
      const stored = await this.#stored(id);
      const visible = stored !== null && (access === undefined || stored.access === null || stored.access === access);
      return visible ? stored : null;
    };
    return storedBundle(this.#store, { ids, find, redact, publish: () => this.#store.publish(this.#clock.now()) });
  }

  async payload({ receipt, proof }: SealedReceipt, digest: string): Promise<StoredBytes | null> {
    const kept = receipt.event_log.some(({ type, hash }) => type === 'payload.kept' && hash === digest);
    if (!kept || !isDigest(digest)) return null;
    if (!(await this.upkeep.erased(proof.index)).includes(digest)) return this.#store.payload(hashOf(digest));
    throw new LedgerError(
      'ledger/payload-erased',
      `expected ${digest} in the store, got its erasure: an operator erased what this receipt kept, and the log says so; ask the person who has a copy`,
    );
  }

  async session(id: string): Promise<StoredBytes | null> {
    const digest = `sha256:${id}`;
    return isDigest(digest) ? this.#store.session(hashOf(digest)) : null;
  }

  async loggedReport(keysetDigest: string) {
    const stored = await this.#store.report(keysetDigest, Number.MAX_SAFE_INTEGER);
    return stored === null ? null : { report: parseJson(stored.report) as JsonObject, nonce: stored.nonce };
  }

  async readState(collection: string, key: string) {
    return this.#store.state(collection, key);
  }

  async listState(collection: string) {
    return this.#store.states(collection);
  }

  writtenState(collection: string) {
    return this.#store.read(newestWrittenState(collection));
  }

  loggedFloor() {
    return this.#store.read(newestFloor());
  }

  async checkpoint(): Promise<string> {
    return (await this.#store.publish(this.#clock.now())).note;
  }

  rootAt(size: number): Promise<Uint8Array | null> {
    return rootAt(this.#store, size);
  }

  consistency(size1: number, size2: number): Promise<readonly Uint8Array[]> {
    return consistencyIn(this.#store, size1, size2);
  }

  async tile(path: string): Promise<Uint8Array | null> {
    return tileOf(this.#store, path);
  }

  async close(): Promise<void> {
    await this.jobs.close();
    await this.keys.close();
    await this.fleet?.close();
    await this.#store.close();
  }

  #draft(options: DraftOptions): Draft {
    try {
      return new Draft(options, this.#clock.now());
    } catch (cause) {
      if (!ReceiptError.is(cause)) throw cause;
      throw new LedgerError('ledger/event-refused', cause.message, { cause });
    }
  }

  #own(draft: ReceiptDraft): Draft {
    if (!(draft instanceof Draft) || draft.finished)
      throw new LedgerError(
        'ledger/draft-finished',
        `the draft ${draft.receiptId} is sealed, given up or of another ledger; open another`,
      );
    return draft;
  }

  #sign(
    draft: Draft,
    keyset: SealingKeyset,
    servedAt: number,
    chatId: string | null,
  ): { readonly receipt: Receipt; readonly text: string } {
    const { method, endpoint, model = null } = draft.options;
    return sealReceiptText(
      {
        api_version: 'aci/1',
        receipt_id: draft.receiptId,
        chat_id: chatId,
        model,
        workload_keyset_digest: keyset.digest,
        endpoint,
        method,
        served_at: servedAt,
        event_log: draft.events(),
      },
      keyset.signer,
    );
  }

  async #stored(id: string): Promise<StoredReceipt | null> {
    return (await this.#store.receipt(id)) ?? (await this.#store.receiptByChat(id));
  }
}

function nonceReused(): LedgerError {
  return new LedgerError('ledger/nonce-reused', 'this nonce was used before; send 32 fresh random bytes');
}

function hashOf(digest: Digest): Uint8Array {
  return decodeHex(digest.slice('sha256:'.length), { bytes: 32 });
}
