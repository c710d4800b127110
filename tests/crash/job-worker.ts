/**
 * A child that works on the queue `audit` until it is killed: three steps a job, a receipt sealed in the last. It loads, waits for a line on
 * stdin with the directory, and the database if there is one, and says `step <job> <name>` for each step that it does, `done <job>` at its end.
 */

import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { LedgerError } from '../../packages/ledger/src/errors.ts';
import { openLedger } from '../../packages/ledger/src/open-ledger.ts';
import { createSigningKeys } from '../../packages/ledger/src/signing-keys.ts';
import { fakeReport } from '../../packages/testing/src/fake-report.ts';
import { say } from './say.ts';

const LEASE_MS = 600;
const STEP_MS = 15;

say('loaded');
const [line] = (await once(createInterface({ input: process.stdin }), 'line')) as [string];
const [directory = '', databaseUrl = null] = line.split(' ');
const ledger = await openLedger({ directory, databaseUrl });
const keys = createSigningKeys();
await ledger.registerReport({ ...fakeReport(keys.keysetEntries), keys });

ledger.jobs.work(
  'audit',
  async (job) => {
    for (const name of ['fetch', 'analyse'])
      await job.step(name, async () => {
        say(`step ${job.id} ${name}`);
        await sleep(STEP_MS);
        return name;
      });
    const draft = ledger.open({
      taskId: job.id,
      task: 'audit',
      method: 'JOB',
      endpoint: 'audit',
      requestBody: new Uint8Array(),
      nonce: null,
    });
    try {
      await ledger.seal(draft, { changes: [job.evidence('seal')] });
    } catch (error) {
      if (!LedgerError.is(error) || error.code !== 'ledger/conflict') throw error; // an attempt before this one sealed it
      await ledger.discard(draft);
    }
    say(`done ${job.id}`);
    return null;
  },
  { concurrency: 3, leaseMs: LEASE_MS },
);
