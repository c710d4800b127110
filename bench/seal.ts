/**
 * What sealing costs, beside the raw operations it is made of, all in one run.
 *
 *   node --conditions=@assay/source bench/seal.ts [seconds per slice]
 *
 * 1. seal + log of one task at a time, over the same task without sealing (reach: p50 ≤ 1 ms over it);
 * 2. sealed appends with 64 in flight, over the slower of one core's raw Ed25519 signing and raw append + fdatasync (reach: ≥ 0.5).
 *    Each signs twice (receipt and leaf), so 1.0 is out of reach on two cores;
 * 3. verifying a bundle of 10 receipts, warm (reach: ≤ 10 ms), evidence left out.
 *
 * Slices are interleaved and medians reported, because the machine is shared.
 */

import { generateKeyPairSync, sign } from 'node:crypto';
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { utf8 } from '../packages/encoding/src/bytes.ts';
import { openLedger } from '../packages/ledger/src/open-ledger.ts';
import type { Ledger, StoredBytes } from '../packages/ledger/src/port.ts';
import { createSigningKeys } from '../packages/ledger/src/signing-keys.ts';
import { readStored } from '../packages/ledger/src/stored-bytes.ts';
import { authenticateBundle } from '../packages/receipt/src/index.ts';
import { believeFakeEvidence, fakeReport } from '../packages/testing/src/index.ts';
import { programOptions } from '../tools/program-options.ts';

const { positionals } = programOptions({
  call: 'npm run bench:seal',
  does: 'What sealing costs compared with the raw operations it is made of.',
  options: {},
  arguments: [{ name: 'SECONDS', about: 'a slice (0.5)', number: 'positive' }],
});
const SLICE_MS = Number(positionals[0] ?? 0.5) * 1000;
const ROUNDS = 7;
const IN_FLIGHT = 64;
const BODY = utf8(JSON.stringify({ data: { type: 'execute', language: 'python', code: 'print(42)' } }));
const CODE = utf8('print(42)');

const directory = mkdtempSync(join(tmpdir(), 'assay-bench-'));
const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

let serial = 0;
/** A small task: one payload, three events. */
function work(ledger: Ledger) {
  const draft = ledger.open({
    taskId: `t${serial++}`,
    task: 'execute',
    method: 'POST',
    endpoint: '/api/process',
    requestBody: BODY,
    nonce: null,
  });
  const code_hash = draft.payload('code.py', 'text/x-python', CODE);
  draft.append({ type: 'code.generated', language: 'python', code_hash, source: 'client' });
  draft.append({ type: 'task.completed', result_hash: code_hash });
  draft.append({ type: 'response.returned', body_hash: code_hash });
  return draft;
}

async function latency(step: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (const end = performance.now() + SLICE_MS; performance.now() < end; ) {
    const start = performance.now();
    await step();
    times.push(performance.now() - start);
  }
  return median(times);
}

function rate(step: () => number): number {
  let done = 0;
  const start = performance.now();
  while (performance.now() - start < SLICE_MS) done += step();
  return done / ((performance.now() - start) / 1000);
}

async function sealedRate(ledger: Ledger): Promise<number> {
  let done = 0;
  const start = performance.now();
  await Promise.all(
    Array.from({ length: IN_FLIGHT }, async () => {
      while (performance.now() - start < SLICE_MS) {
        await ledger.seal(work(ledger));
        done++;
      }
    }),
  );
  return done / ((performance.now() - start) / 1000);
}

const keys = createSigningKeys();
const ledger = await openLedger({ directory });
await ledger.registerReport({ ...fakeReport(keys.keysetEntries), keys });
const { privateKey } = generateKeyPairSync('ed25519');
const message = utf8('x'.repeat(1_000));
const raw = openSync(join(directory, 'raw'), 'a');
const block = new Uint8Array(1_000 * IN_FLIGHT);
const fill = await Promise.all(Array.from({ length: 10 }, () => ledger.seal(work(ledger))));
const stored = (await ledger.bundle(fill.map(({ receiptId }) => receiptId))) as StoredBytes;
const bundle = await readStored(stored, stored.length);

const runs = {
  unsealed: [] as number[],
  sealed: [] as number[],
  signing: [] as number[],
  single: [] as number[],
  appending: [] as number[],
  sealing: [] as number[],
  verifying: [] as number[],
};
for (let round = 0; round <= ROUNDS; round++) {
  const results = {
    unsealed: await latency(async () => {
      const draft = work(ledger);
      await ledger.discard(draft);
    }),
    sealed: await latency(() => ledger.seal(work(ledger))),
    signing: rate(() => sign(null, message, privateKey).length / 64),
    single: rate(() => {
      writeSync(raw, message);
      fdatasyncSync(raw);
      return 1;
    }),
    appending: rate(() => {
      writeSync(raw, block);
      fdatasyncSync(raw);
      return IN_FLIGHT;
    }),
    sealing: await sealedRate(ledger),
    verifying: await latency(() => authenticateBundle(bundle, { verifyEvidence: believeFakeEvidence })),
  };
  if (round > 0) for (const name of Object.keys(runs) as (keyof typeof runs)[]) runs[name].push(results[name]);
}
const processor = async (work: () => Promise<number> | number) => {
  const before = process.cpuUsage();
  const done = await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / done;
};
const cpu = {
  signing: await processor(() => (rate(() => sign(null, message, privateKey).length / 64) * SLICE_MS) / 1000),
  sealing: await processor(async () => ((await sealedRate(ledger)) * SLICE_MS) / 1000),
};
closeSync(raw);
await ledger.close();
rmSync(directory, { recursive: true });

const value = Object.fromEntries(Object.entries(runs).map(([name, values]) => [name, median(values)])) as Record<
  keyof typeof runs,
  number
>;
const ratioTo = (append: 'single' | 'appending') =>
  median(runs.sealing.map((rate, i) => rate / Math.min(runs.signing[i] ?? Number.NaN, runs[append][i] ?? Number.NaN)));
const thousands = (rate: number) => `${Math.round(rate).toLocaleString('en')}/s`;
console.log(
  `Node ${process.version}, SQLite ${process.versions.sqlite}, ${cpus().length} × ${cpus()[0]?.model ?? '?'}, ${ROUNDS} rounds of ${SLICE_MS} ms, medians\n`,
);
console.log('| what | result | reach |\n| --- | --- | --- |');
console.log(`| task opened and given up, nothing sealed | ${value.unsealed.toFixed(2)} ms | |`);
console.log(`| task sealed and logged, one at a time | ${value.sealed.toFixed(2)} ms | ≤ 1 ms over it |`);
console.log(`| raw Ed25519, one core | ${thousands(value.signing)} | |`);
console.log(`| raw append + fdatasync, 1 × 1 KB | ${thousands(value.single)} | |`);
console.log(`| raw append + fdatasync, ${IN_FLIGHT} × 1 KB | ${thousands(value.appending)} | |`);
console.log(`| sealed appends, ${IN_FLIGHT} in flight | ${thousands(value.sealing)} | |`);
console.log(
  `| … over the slower of signing and ${IN_FLIGHT} × 1 KB appends | ${ratioTo('appending').toFixed(2)} × | ≥ 0.5 × |`,
);
console.log(`| … over the slower of signing and 1 × 1 KB appends | ${ratioTo('single').toFixed(2)} × | |`);
console.log(
  `| processor time of one signature / of one sealed append, all threads | ${cpu.signing.toFixed(0)} / ${cpu.sealing.toFixed(0)} µs | |`,
);
console.log(
  `| verify a bundle of 10 receipts, ${(bundle.length / 1024).toFixed(0)} KiB | ${value.verifying.toFixed(1)} ms | ≤ 10 ms |`,
);
