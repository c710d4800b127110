/** The embedded store without its second thread: what an append costs can be taken apart, and rounds of two kinds compared in one process. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDataKey } from '../../packages/ledger/src/data-key-file.ts';
import { createLedger } from '../../packages/ledger/src/ledger.ts';
import { openLogKey } from '../../packages/ledger/src/log-key.ts';
import type { Ledger } from '../../packages/ledger/src/port.ts';
import { createSigningKeys } from '../../packages/ledger/src/signing-keys.ts';
import { openSqliteWriter } from '../../packages/ledger/src/sqlite/writer.ts';
import type { LogStore, ReceiptEntry, ReportEntry } from '../../packages/ledger/src/store.ts';
import type { LogWriter } from '../../packages/ledger/src/writer/thread.ts';
import { fakeReport } from '../../packages/testing/src/index.ts';
import { processorTime } from './figures.ts';
import { smallTask, type TaskOptions } from './small-task.ts';

/** Entries of one transaction, as 64 in flight make them. */
const BATCH = 32;

export class OneThread {
  readonly #directory: string;
  readonly #ledger: Ledger;
  readonly #writer: LogWriter;
  readonly #entries: ReceiptEntry[];

  private constructor(directory: string, ledger: Ledger, writer: LogWriter, entries: ReceiptEntry[]) {
    this.#directory = directory;
    this.#ledger = ledger;
    this.#writer = writer;
    this.#entries = entries;
  }

  static async open(): Promise<OneThread> {
    const directory = mkdtempSync(join(tmpdir(), 'assay-bench-ledger-'));
    const logKey = openLogKey(directory);
    const dataKey = openDataKey(directory);
    const database = { engine: 'sqlite' } as const;
    const boot = 'ab'.repeat(16);
    const writer = await openSqliteWriter({ directory, database, logKey, dataSecret: dataKey.secret, boot });
    const entries: ReceiptEntry[] = [];
    const store = {
      shared: false,
      directory,
      dataKey,
      start: async () => undefined,
      hasNonce: async () => false,
      logReport: async (entry: ReportEntry) => writer.write([{ id: 0, kind: 'report', entry }]),
      seal: async (entry: ReceiptEntry) => {
        entries.push(entry);
        return { index: 0, leaf: '', salt: '', proof: '' };
      },
    };
    const ledger = createLedger({ store: store as unknown as LogStore });
    const keys = createSigningKeys();
    await ledger.registerReport({ ...fakeReport(keys.keysetEntries), keys });
    return new OneThread(directory, ledger, writer, entries);
  }

  /** Processor microseconds of one append, of `count`. */
  async append(count: number, task: () => TaskOptions): Promise<number> {
    const begun = processorTime();
    for (let done = 0; done < count; done += BATCH) {
      await Promise.all(Array.from({ length: BATCH }, () => this.#ledger.seal(smallTask(this.#ledger, task()))));
      const requests = this.#entries.splice(0).map((entry, id) => ({ id, kind: 'seal' as const, entry }));
      for (const answer of await this.#writer.write(requests)) if ('error' in answer) throw new Error(answer.error.message);
    }
    return (processorTime() - begun) / count;
  }

  async close(): Promise<void> {
    await this.#writer.close();
    rmSync(this.#directory, { recursive: true });
  }
}
