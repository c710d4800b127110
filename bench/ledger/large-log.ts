/**
 * A log of 1,000,000 entries and one of 10,000: latency of an append and of a proof of inclusion, in turn. The entries are written by SQL as
 * the agent would have stored them, signatures apart; the agent's own code opens, checks and serves both logs.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { entryHash } from '../../packages/ledger/src/native-hash.ts';
import { openLedger } from '../../packages/ledger/src/open-ledger.ts';
import type { Ledger } from '../../packages/ledger/src/port.ts';
import { createSigningKeys } from '../../packages/ledger/src/signing-keys.ts';
import { GrowingTree } from '../../packages/ledger/src/tree.ts';
import { contentText, sealReceiptText, signedText } from '../../packages/receipt/src/index.ts';
import { fakeReport } from '../../packages/testing/src/index.ts';
import { type BenchRow, percentile } from './figures.ts';
import { smallTask } from './small-task.ts';

const SIZES = [10_000, 1_000_000] as const;
const TRANSACTION = 25_600;
const MOST = 1.3;
const DIGEST = `sha256:${'5a'.repeat(32)}` as const;
const unsigned = { keyId: 'receipt-0123456789abcdef', sign: () => new Uint8Array(64) };
const STARTED = 1_795_219_200_000;

interface Log {
  readonly directory: string;
  readonly ledger: Ledger;
  readonly size: number;
}

const receiptId = (index: number): string => `rcpt_${(STARTED + index).toString(16).padStart(12, '0')}${'0'.repeat(20)}`;

function leafOf(seq: number): string {
  const content = contentText({
    v: 'assay-leaf/2',
    kind: 'receipt',
    origin: 'log.assay/0123456789abcdef',
    log_keys: DIGEST,
    replica: '0'.repeat(16),
    boot: '1'.repeat(32),
    seq,
    prev: '2'.repeat(64),
    time: STARTED + seq,
    nonce: null,
    keyset_digest: DIGEST,
    commitment: seq.toString(16).padStart(64, '0'),
    key_id: 'leaf-0123456789abcdef',
  });
  return signedText(content, { batch: '0/1', signature: '0'.repeat(128) });
}

function bodyOf(index: number): string {
  return sealReceiptText(
    {
      api_version: 'aci/1',
      receipt_id: receiptId(index),
      chat_id: null,
      model: null,
      workload_keyset_digest: DIGEST,
      endpoint: '/api/process',
      method: 'POST',
      served_at: Math.floor((STARTED + index) / 1000),
      event_log: [
        { type: 'request.received', body_hash: DIGEST },
        { type: 'task.received', task_id: `t${index}`, task: 'execute', nonce: null },
        { type: 'task.completed', result_hash: DIGEST },
        { type: 'response.returned', body_hash: DIGEST },
      ],
    },
    unsigned,
  ).text;
}

/** Makes the log in `directory` as long as `size`. */
function fill(directory: string, size: number): void {
  const db = new DatabaseSync(join(directory, 'log.db'));
  db.exec('PRAGMA synchronous = OFF; PRAGMA cache_size = -200000');
  const entry = db.prepare('INSERT INTO entries VALUES (?, ?)');
  const receipt = db.prepare(
    "INSERT INTO receipts (receipt_id, task_id, task, boot, started_at, sealed_at, idx, salt, body) VALUES (?, ?, 'execute', ?, ?, ?, ?, ?, ?)",
  );
  const tile = db.prepare('INSERT INTO tiles VALUES (?, ?, ?) ON CONFLICT (level, n) DO UPDATE SET hashes = excluded.hashes');
  const read = db.prepare('SELECT hashes FROM tiles WHERE level = ? AND n = ?');
  const tree = new GrowingTree(
    db.prepare('SELECT size FROM head').get()?.size as number,
    (level, index) => (read.get(level, index)?.hashes as Uint8Array | undefined) ?? null,
  );
  const salt = new Uint8Array(32);
  while (tree.size < size) {
    db.exec('BEGIN');
    for (const end = Math.min(size, tree.size + TRANSACTION); tree.size < end; ) {
      const index = tree.size;
      const leaf = leafOf(index);
      const time = STARTED + index;
      entry.run(index, leaf);
      receipt.run(receiptId(index), `t${index}`, '1'.repeat(32), time, time, index, salt, bodyOf(index));
      tree.append(entryHash(leaf, 'base64'));
      if (tree.size % 256 === 0) for (const { level, index: n, bytes } of tree.takeChanged()) tile.run(level, n, bytes);
    }
    for (const { level, index: n, bytes } of tree.takeChanged()) tile.run(level, n, bytes);
    db.prepare('UPDATE head SET size = ?, root = ?').run(tree.size, tree.root());
    db.exec('COMMIT');
  }
  db.close();
}

async function open(size: number): Promise<Log> {
  const directory = mkdtempSync(join(tmpdir(), 'assay-bench-ledger-'));
  const report = async (): Promise<Ledger> => {
    const ledger = await openLedger({ directory });
    const keys = createSigningKeys();
    await ledger.registerReport({ ...fakeReport(keys.keysetEntries), keys });
    return ledger;
  };
  await (await report()).close();
  fill(directory, size);
  return { directory, ledger: await report(), size };
}

/** The rows of a large log; `rounds` of 100 appends and 200 proofs in each. */
export async function largeLog(rounds: number): Promise<readonly BenchRow[]> {
  const logs: Log[] = [];
  for (const size of SIZES) logs.push(await open(size));
  const times = logs.map(() => ({ append: [] as number[], proof: [] as number[] }));
  const timed = async (list: number[], count: boolean, work: () => Promise<unknown>): Promise<void> => {
    const begun = performance.now();
    await work();
    if (count) list.push(performance.now() - begun);
  };
  for (let round = 0; round <= rounds; round += 1) {
    const order = round % 2 === 0 ? [0, 1] : [1, 0];
    for (const n of order) {
      const { ledger, size } = logs[n] as Log;
      const { append, proof } = times[n] as (typeof times)[number];
      for (let i = 0; i < 100; i += 1) await timed(append, round > 0, () => ledger.seal(smallTask(ledger)));
      await ledger.checkpoint();
      for (let i = 0; i < 200; i += 1) {
        const id = receiptId(1 + Math.floor(Math.random() * (size - 2)));
        await timed(proof, round > 0, async () => {
          if ((await ledger.find(id)) === null) throw new Error(`${id} was not found`);
        });
      }
    }
  }
  for (const { ledger, directory } of logs) {
    await ledger.close();
    rmSync(directory, { recursive: true });
  }
  return (['append', 'proof'] as const).map((kind) => {
    const [small = [], large = []] = times.map((each) => each[kind]);
    const p = (list: readonly number[], share: number) => percentile(list, share);
    const ratio = p(large, 0.99) / p(small, 0.99);
    const what = kind === 'append' ? 'append' : 'proof of inclusion';
    const ms = (list: readonly number[]) => `p50 ${p(list, 0.5).toFixed(2)}, p99 ${p(list, 0.99).toFixed(2)} ms`;
    return {
      what: `${what}, log of 1,000,000 entries over one of 10,000, p99`,
      figure: `${ms(large)}; ${ms(small)}; ${large.length.toLocaleString('en')} each`,
      ratio,
      reach: `≤ ${MOST}`,
      met: ratio <= MOST,
    };
  });
}
