/**
 * The writer thread: the only place that writes to the log. It gathers what is waiting into one transaction (group commit) and answers
 * when that is committed and signed. Started by writer-client.ts; it speaks protocol.ts.
 */

import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { LedgerError } from '../errors.ts';
import { openPostgresWriter } from '../postgres/writer.ts';
import { openSqliteWriter } from '../sqlite/writer.ts';
import type { PublishedHead } from '../store.ts';
import {
  type Answer,
  type FromWriter,
  type PackedSeal,
  type ToWriter,
  unpackedSeal,
  type WriteRequest,
  type WriterSetup,
} from './protocol.ts';

/** Entries in one transaction; more wait for the next. */
const BATCH_LIMIT = 256;

/** What an engine does in this thread. One call at a time. */
export interface LogWriter {
  /** The last signed head, with its Ed25519 signature. */
  readonly checkpoint: string;
  /** One transaction. Resolves when it is committed and its head is signed. Never rejects. */
  write(requests: readonly WriteRequest[]): readonly Answer[] | Promise<readonly Answer[]>;
  /** The committed head with all signatures. `time` in epoch milliseconds. */
  publish(time: number): PublishedHead | Promise<PublishedHead>;
  close(): void | Promise<void>;
}

async function main(): Promise<void> {
  const port = parentPort;
  if (port === null) throw new Error('thread.ts runs as a worker thread of writer-client.ts');
  const say = (message: FromWriter) => port.postMessage(message);
  const setup = workerData as WriterSetup;
  let writer: LogWriter;
  try {
    writer = await open(setup);
  } catch (cause) {
    const { code, message } = LedgerError.is(cause) ? cause : unexpected(cause);
    say({ kind: 'refused', error: { code, message } });
    return;
  }
  const answer = (answers: readonly Answer[]) => say({ kind: 'answers', answers, checkpoint: writer.checkpoint });

  const inbox: ToWriter[] = [];
  const next = () => inbox.shift() ?? (receiveMessageOnPort(port)?.message as ToWriter | undefined);

  /** Obeys all that waits; what is to be written goes into as few transactions as the limit allows. */
  const obey = async (): Promise<void> => {
    let waiting: WriteRequest[] = [];
    const flush = async () => {
      const requests = waiting;
      waiting = [];
      if (requests.length > 0) answer(await writer.write(requests));
    };
    for (;;) {
      const message = next();
      if (message?.kind === 'write') {
        for (const request of message.requests) waiting.push(isPacked(request) ? unpackedSeal(request) : request);
        if (waiting.length >= BATCH_LIMIT) await flush();
        continue;
      }
      if (waiting.length > 0) {
        await flush();
        if (message !== undefined) inbox.unshift(message);
        continue;
      }
      if (message === undefined) return;
      if (message.kind === 'publish') {
        answer([await published(writer, message)]);
        continue;
      }
      await writer.close();
      answer([{ id: message.id, value: null }]);
      port.close();
      return;
    }
  };

  let obeying = false;
  port.on('message', (message: ToWriter) => {
    inbox.push(message);
    if (obeying) return;
    obeying = true;
    obey()
      .finally(() => {
        obeying = false;
      })
      .catch((cause: unknown) => {
        throw cause; // ends the thread; the main thread rejects what waits
      });
  });
  say({ kind: 'ready' });
}

function isPacked(request: Extract<ToWriter, { readonly kind: 'write' }>['requests'][number]): request is PackedSeal {
  return Array.isArray(request);
}

async function published(writer: LogWriter, { id, time }: { readonly id: number; readonly time: number }): Promise<Answer> {
  try {
    return { id, value: await writer.publish(time) };
  } catch (cause) {
    const { code, message } = LedgerError.is(cause) ? cause : unexpected(cause);
    return { id, error: { code, message } };
  }
}

function open(setup: WriterSetup): Promise<LogWriter> {
  const { database } = setup;
  return database.engine === 'sqlite' ? openSqliteWriter(setup) : openPostgresWriter(setup, database.url);
}

function unexpected(cause: unknown): LedgerError {
  return new LedgerError('ledger/unavailable', `the database failed: ${String(cause)}; check it, then start the agent again`);
}

await main();
