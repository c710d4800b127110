/** The main thread's end of the writer: numbers requests, posts them in lists, and settles their promises. */

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Json } from '@assay/encoding/json';
import { formatInclusion } from '@assay/receipt';
import { LedgerError } from '../errors.ts';
import type { Appended, ReceiptEntry, ReportEntry, SuccessionEntry, TaskStart } from '../store.ts';
import {
  type Answer,
  type FromWriter,
  packedSeal,
  type ToWriter,
  type WriteRequest,
  type WriterSetup,
  type WrittenEntry,
} from './protocol.ts';

/** Requests that are posted at once rather than at the end of the turn, so that both threads work. */
const POST_AT = 32;
/** A task's first row waits this long for company, so that a short task costs one commit. */
const START_DELAY_MS = 5;

type Unnumbered<T> = T extends { readonly id: number } ? Omit<T, 'id'> : never;
type WriteMessage = Extract<ToWriter, { readonly kind: 'write' }>;
interface Waiter {
  readonly resolve: (value: never) => void;
  readonly reject: (error: unknown) => void;
}

export class WriterClient {
  readonly #worker: Worker;
  readonly #waiters = new Map<number, Waiter>();
  #queue: WriteMessage['requests'][number][] = [];
  /** Rows of tasks that are not written yet, by receipt id. */
  readonly #starts = new Map<string, { readonly id: number; readonly task: TaskStart }>();
  #scheduled = false;
  #late: NodeJS.Timeout | null = null;
  #nextId = 1;
  #ended: LedgerError | null = null;

  private constructor(worker: Worker) {
    this.#worker = worker;
    worker.on('message', (message: FromWriter) => {
      if (message.kind === 'answers') for (const answer of message.answers) this.#settle(answer, message.checkpoint);
    });
    worker.on('error', (cause) =>
      this.#end(new LedgerError('ledger/unavailable', 'the writer of the log failed; start the agent again', { cause })),
    );
    worker.on('exit', () => this.#end(new LedgerError('ledger/closed', 'the log is closed; start the agent again')));
  }

  /**
   * Starts the thread and waits until it has checked the log.
   * @throws {LedgerError} whatever the check found.
   */
  static async start(setup: WriterSetup): Promise<WriterClient> {
    const source = import.meta.url.endsWith('.ts');
    const worker = new Worker(new URL(source ? './thread.ts' : './thread.js', import.meta.url), {
      workerData: setup,
      ...(source ? { execArgv: ['--conditions=@assay/source'] } : {}),
    });
    await new Promise<void>((resolve, reject) => {
      worker.once('message', (message: FromWriter) => {
        if (message.kind === 'refused') reject(new LedgerError(message.error.code, message.error.message));
        else resolve();
      });
      worker.once('error', (cause) =>
        reject(new LedgerError('ledger/unavailable', 'the writer of the log did not start', { cause })),
      );
    });
    return new WriterClient(worker);
  }

  /**
   * Makes a task's row durable. It waits a little for company, and goes with the task's own seal when that comes first.
   */
  start(task: TaskStart): Promise<void> {
    return this.#wait((id) => {
      this.#starts.set(task.receiptId, { id, task });
      this.#late ??= setTimeout(() => this.#postStarts(), START_DELAY_MS);
    });
  }

  /** Gives a task up; one that was not written yet leaves no trace. */
  async discard(receiptId: string): Promise<void> {
    const start = this.#starts.get(receiptId);
    if (start === undefined) return this.#write({ kind: 'discard', receiptId });
    this.#starts.delete(receiptId);
    this.#settle({ id: start.id, value: null });
  }

  /** Logs a receipt; resolves when it is durable. */
  seal(entry: ReceiptEntry): Promise<Appended> {
    const start = this.#starts.get(entry.receiptId);
    this.#starts.delete(entry.receiptId);
    const sealed = this.#write<Appended>({ kind: 'seal', entry });
    if (start !== undefined)
      sealed.then(
        () => this.#settle({ id: start.id, value: null }),
        (error: LedgerError) => this.#settle({ id: start.id, error }),
      );
    return sealed;
  }

  report(entry: ReportEntry): Promise<Appended> {
    return this.#write({ kind: 'report', entry });
  }

  succession(entry: SuccessionEntry): Promise<Appended> {
    return this.#write({ kind: 'succession', entry });
  }

  /** Runs an operation of a room, in the transaction of what is written with it. */
  rows<T extends Json>(operation: string, args: unknown): Promise<T> {
    return this.#write({ kind: 'rows', operation, args });
  }

  #write<T>(request: Unnumbered<WriteRequest>): Promise<T> {
    return this.#wait((id) => {
      this.#queue.push(request.kind === 'seal' ? packedSeal({ id, ...request }) : ({ id, ...request } as never));
      if (this.#queue.length >= POST_AT) this.#post();
      else this.#schedule();
    });
  }

  /** Asks for something that is not a write, after all writes queued so far. */
  ask<T>(message: Unnumbered<Exclude<ToWriter, { readonly kind: 'write' }>>): Promise<T> {
    return this.#wait((id) => {
      this.#postStarts();
      this.#worker.postMessage({ id, ...message });
    });
  }

  async close(): Promise<void> {
    if (this.#ended !== null) return;
    const exited = once(this.#worker, 'exit');
    await this.ask({ kind: 'close' });
    await exited;
  }

  #wait<T>(send: (id: number) => void): Promise<T> {
    if (this.#ended !== null) return Promise.reject(this.#ended);
    return new Promise<T>((resolve, reject) => {
      const id = this.#nextId++;
      this.#waiters.set(id, { resolve, reject });
      send(id);
    });
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => this.#post());
  }

  #postStarts(): void {
    if (this.#late !== null) clearTimeout(this.#late);
    this.#late = null;
    for (const start of this.#starts.values()) this.#queue.push({ kind: 'start', ...start });
    this.#starts.clear();
    this.#post();
  }

  #post(): void {
    this.#scheduled = false;
    if (this.#queue.length === 0) return;
    const message: ToWriter = { kind: 'write', requests: this.#queue };
    this.#queue = [];
    this.#worker.postMessage(message);
  }

  #settle(answer: Answer, checkpoint = ''): void {
    const waiter = this.#waiters.get(answer.id);
    this.#waiters.delete(answer.id);
    if ('error' in answer) waiter?.reject(new LedgerError(answer.error.code, answer.error.message));
    else if ('entry' in answer) waiter?.resolve(proven(answer.entry, checkpoint) as never);
    else waiter?.resolve(answer.value as never);
  }

  #end(error: LedgerError): void {
    this.#ended ??= error;
    for (const waiter of this.#waiters.values()) waiter.reject(error);
    this.#waiters.clear();
  }
}

function proven({ index, leaf, salt, path }: WrittenEntry, checkpoint: string): Appended {
  return { index, leaf, salt, proof: formatInclusion({ index, path, checkpoint }) };
}
