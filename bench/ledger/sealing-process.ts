/** A process that seals with the ledger of one tree, one round a message: `same` payload for all tasks, or each its `own`. Forked by sealed-append.ts. */

import { generateKeyPairSync, sign } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { processorTime } from './figures.ts';
import { type SealingLedger, sealMany } from './small-task.ts';

export interface RoundResult {
  /** Processor microseconds. */
  readonly signature: number;
  readonly append: number;
  readonly perSecond: number;
}

const IN_FLIGHT = 64;
const APPENDS = 4_000;
const SIGNATURES = 2_000;
const SAME = new TextEncoder().encode('print(42)');

const [root = '', ledgerModule = '', keysModule = ''] = process.argv.slice(2);
const directory = mkdtempSync(join(tmpdir(), 'assay-bench-ledger-'));
const { openLedger } = await import(join(root, ledgerModule));
const { createSigningKeys } = await import(join(root, keysModule));
const { fakeReport } = await import(join(root, 'packages/testing/src/index.ts'));
const keys = createSigningKeys();
const ledger = await openLedger({ directory });
await ledger.registerReport({ ...fakeReport(keys.keysetEntries), keys });
const { privateKey } = generateKeyPairSync('ed25519');
const message = new TextEncoder().encode('x'.repeat(1_000));

process.on('message', async (payload: 'same' | 'own') => {
  let before = processorTime();
  for (let n = 0; n < SIGNATURES; n += 1) sign(null, message, privateKey);
  const signature = (processorTime() - before) / SIGNATURES;
  const begun = performance.now();
  before = processorTime();
  await sealMany(ledger as SealingLedger, {
    count: APPENDS,
    inFlight: IN_FLIGHT,
    task: () => ({ code: payload === 'same' ? SAME : undefined }),
  });
  const append = (processorTime() - before) / APPENDS;
  process.send?.({ signature, append, perSecond: (APPENDS * 1000) / (performance.now() - begun) } satisfies RoundResult);
});
process.once('disconnect', async () => {
  await ledger.close();
  rmSync(directory, { recursive: true });
  process.exit(0);
});
