/**
 * One agent's writer on PostgreSQL; other agents have their own. The row lock on the head is what one of them appends under: it
 * ends with its transaction, which the server ends when the agent says nothing (connection.ts). Each agent signs its own leaves, and a
 * head only after it is committed; heads of one line cannot fork, no matter which agent signs them.
 *
 * When the connection breaks while a commit is under way, it is not known yet whether it happened. The next connection finds out before
 * anything else is written.
 */

import { equalBytes } from '@assay/encoding/bytes';
import { logKeysDigest } from '@assay/receipt';
import type pg from 'pg';
import { DataKey } from '../data-key.ts';
import { LedgerError } from '../errors.ts';
import { Sequencer } from '../sequencer.ts';
import type { PublishedHead } from '../store.ts';
import { GrowingTree } from '../tree.ts';
import { readKeptCheckpoint } from '../writer/kept-checkpoint.ts';
import { answerOf, LogHead } from '../writer/log-head.ts';
import { type PlannedBatch, planBatch, plannedPayload, questionsOf } from '../writer/plan-batch.ts';
import type { Answer, LogRequest, WriteRequest, WriterSetup, WrittenError } from '../writer/protocol.ts';
import type { LogWriter } from '../writer/thread.ts';
import { answerQuestions, appendBatch, putPayloads, writeTasks } from './batch-writer.ts';
import { assertDurable, connect, databaseError } from './connection.ts';
import { assertInForce } from './key-in-force.ts';
import { type CommittedHead, corrupt, loadTree, readHead } from './log-tree.ts';

/** How long a broken connection is tried again before what waits is answered, milliseconds. */
const RECONNECT_MS = 15_000;
const RECONNECT_PAUSE_MS = 200;

/** A commit whose answer did not arrive: its first entry tells whether it happened. */
interface Unsettled {
  readonly index: number;
  readonly leaf: string;
  /** Indices of all its entries. */
  readonly entries: readonly number[];
}

/**
 * Opens a writer and checks the log.
 * @throws {LedgerError} `ledger/corrupt`, `ledger/rolled-back`, `ledger/forked`, `ledger/unavailable`.
 */
export async function openPostgresWriter(setup: WriterSetup, url: string): Promise<LogWriter> {
  const client = await connect(url);
  try {
    await assertDurable(client);
    const signed = await readKeptCheckpoint(setup.directory, setup.logKey);
    const head = await readHead(client, { lock: false });
    const tree = await loadTree(client, { head, known: signed ?? head });
    await assertEdgeEntries(client, tree);
    return new PostgresWriter(client, { tree, erasures: head.erasures }, setup, url);
  } catch (cause) {
    await client.end().catch(() => undefined);
    throw databaseError(cause);
  }
}

async function assertEdgeEntries(client: pg.ClientBase, tree: GrowingTree): Promise<void> {
  const { rows } = await client.query('SELECT max(idx) AS last, count(*) AS n FROM entries WHERE idx >= $1', [
    Math.max(0, tree.size - 256),
  ]);
  const last = rows[0]?.last ?? -1;
  // Another agent may have appended since the head was read; fewer than the head says are missing.
  if (last < tree.size - 1) throw corrupt(`the last entry is ${last} under a head of ${tree.size}`);
  if (rows[0]?.n < Math.min(256, tree.size)) throw corrupt('entries are missing');
}

class PostgresWriter implements LogWriter {
  readonly #url: string;
  readonly #boot: string;
  readonly #dataKey: DataKey;
  readonly #sequencer: Sequencer;
  readonly #head: LogHead;
  #client: pg.Client | null;
  #tree: GrowingTree;
  /** The newest committed head that this agent saw. */
  #known: CommittedHead;
  /** Deletions of payloads that were known at the last lock. */
  #erasures: number;
  #unsettled: Unsettled | null = null;
  #broken: WrittenError | null = null;

  constructor(
    client: pg.Client,
    { tree, erasures }: { readonly tree: GrowingTree; readonly erasures: number },
    { directory, logKey, dataSecret, boot }: WriterSetup,
    url: string,
  ) {
    this.#client = client;
    this.#erasures = erasures;
    this.#url = url;
    this.#boot = boot;
    this.#dataKey = new DataKey(dataSecret);
    this.#tree = tree;
    this.#known = { size: tree.size, root: tree.root() };
    const name = { origin: logKey.origin, logKeys: logKeysDigest(logKey.verifierKeys), replica: boot.slice(0, 16), boot };
    this.#sequencer = new Sequencer(name);
    this.#head = new LogHead(directory, logKey);
    this.#head.sign(tree);
  }

  get checkpoint(): string {
    return this.#head.checkpoint;
  }

  async write(requests: readonly WriteRequest[]): Promise<readonly Answer[]> {
    const broken = this.#broken;
    if (broken !== null) return requests.map(({ id }) => ({ id, error: broken }));
    const log = requests.filter((request): request is LogRequest => request.kind !== 'rows');
    for (const request of log) if ('entry' in request) this.#head.saw(request.entry.time);
    try {
      const client = await this.#connected();
      await this.#putPayloads(client, log);
      this.#sequencer.expire(this.#head.lastTime);
      return await this.#append(client, log);
    } catch (cause) {
      const { code, message } = this.#failed(cause);
      return requests.map(({ id }) => ({ id, error: { code, message } }));
    }
  }

  async publish(time: number): Promise<PublishedHead> {
    const client = await this.#connected();
    try {
      await this.#follow(client, await readHead(client, { lock: false }));
    } catch (cause) {
      throw this.#failed(cause);
    }
    return this.#head.publish(this.#tree, time);
  }

  async close(): Promise<void> {
    if (this.#broken === null) this.#head.close(this.#tree);
    await this.#client?.end().catch(() => undefined);
  }

  /** One transaction, and its head signed. */
  async #append(client: pg.Client, log: readonly LogRequest[]): Promise<readonly Answer[]> {
    const grows = log.some((request) => 'entry' in request);
    let batch: PlannedBatch;
    try {
      await client.query('BEGIN');
      if (grows) {
        const head = await readHead(client, { lock: true });
        this.#assertKey(head.dataKey);
        // Payloads were stored before the lock was taken; those that an erasure has removed since are stored again.
        if (head.erasures !== this.#erasures) await this.#putPayloads(client, log);
        this.#erasures = head.erasures;
        await this.#follow(client, head);
      }
      const sizeBefore = this.#tree.size;
      const facts = await answerQuestions(client, questionsOf(log));
      batch = planBatch(log, facts, { sequencer: this.#sequencer, tree: this.#tree });
      await writeTasks(client, this.#boot, batch);
      if (this.#tree.size > sizeBefore)
        await appendBatch(client, { batch, boot: this.#boot, tree: this.#tree, sizeBefore, dataKey: this.#dataKey });
    } catch (cause) {
      this.#sequencer.rollback();
      this.#tree = new GrowingTree(0, () => null); // read again before the next entry
      await client.query('ROLLBACK').catch(() => this.#drop());
      throw cause;
    }
    const [first] = batch.entries;
    try {
      await client.query('COMMIT');
    } catch (cause) {
      this.#drop();
      this.#tree = new GrowingTree(0, () => null);
      if (first === undefined) throw cause;
      this.#unsettled = { ...first, entries: batch.entries.map(({ index }) => index) };
      await this.#connected(); // finds out; when it cannot, nothing is known and nothing is answered as sealed
      if (this.#tree.size <= first.index) throw cause;
      return this.#answers(batch);
    }
    this.#sequencer.commit();
    return this.#answers(batch);
  }

  #answers({ outcomes, entries }: PlannedBatch): readonly Answer[] {
    if (entries.length > 0) {
      this.#known = { size: this.#tree.size, root: this.#tree.root() };
      this.#head.sign(this.#tree);
    }
    return outcomes.map((outcome) => answerOf(outcome, this.#tree));
  }

  async #putPayloads(client: pg.Client, log: readonly LogRequest[]): Promise<void> {
    const payloads = log.flatMap((request) => (request.kind === 'seal' ? request.entry.payloads.map(plannedPayload) : []));
    if (payloads.length > 0) await putPayloads(client, this.#dataKey, payloads);
  }

  /** Nothing more is written under a key that is no longer in force. */
  #assertKey(found: string | null): void {
    try {
      assertInForce(found, this.#dataKey.id);
    } catch (cause) {
      if (LedgerError.is(cause)) this.#broken = { code: cause.code, message: cause.message };
      throw cause;
    }
  }

  /** Brings the tree to a committed head; `paths`: entries whose inclusion will be asked for. */
  async #follow(client: pg.Client, head: CommittedHead, paths: readonly number[] = []): Promise<void> {
    const { size } = this.#tree;
    if (size > 0 && size === head.size && size === this.#known.size && equalBytes(head.root, this.#known.root)) return;
    try {
      this.#tree = await loadTree(client, { head, known: this.#known, paths });
    } catch (cause) {
      if (LedgerError.is(cause)) this.#broken = { code: cause.code, message: cause.message };
      throw cause;
    }
    this.#known = head;
  }

  /** A connection on which nothing is left open. */
  async #connected(): Promise<pg.Client> {
    const until = performance.now() + RECONNECT_MS;
    for (;;) {
      try {
        this.#client ??= await connect(this.#url);
        if (this.#unsettled !== null) await this.#settle(this.#client, this.#unsettled);
        return this.#client;
      } catch (cause) {
        this.#drop();
        if (this.#broken !== null || performance.now() > until) throw cause;
        await new Promise((resolve) => setTimeout(resolve, RECONNECT_PAUSE_MS));
      }
    }
  }

  /** Finds out whether a commit happened. The lock waits for the end of the transaction that may still hold it. */
  async #settle(client: pg.Client, { index, leaf, entries }: Unsettled): Promise<void> {
    await client.query('BEGIN');
    const head = await readHead(client, { lock: true });
    const { rows } = await client.query('SELECT leaf FROM entries WHERE idx = $1', [index]);
    await client.query('COMMIT');
    const happened = rows[0]?.leaf === leaf;
    if (happened) this.#sequencer.commit();
    else this.#sequencer.rollback();
    this.#unsettled = null;
    this.#tree = new GrowingTree(0, () => null);
    if (happened) await this.#follow(client, head, entries);
  }

  #drop(): void {
    const client = this.#client;
    this.#client = null;
    client?.end().catch(() => undefined);
  }

  #failed(cause: unknown): LedgerError {
    const error = databaseError(cause);
    if (error.code === 'ledger/unavailable') this.#drop();
    return error;
  }
}
