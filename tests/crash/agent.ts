/**
 * A child that seals as fast as it can until it is killed, and replaces its keyset all the while. It loads, waits for a line on stdin, opens
 * the ledger of the directory, and the database if there is one, in that line, and reports on stdout what it was promised: `open <task>`, `ack <receipt> <index> <nonce>`,
 * `head <size> <root>`, `succeeded <old keyset> <new keyset>`, `fail <code>`.
 */

import { randomBytes } from 'node:crypto';
import { readSync } from 'node:fs';
import { keysetDigest, parseCheckpoint, parseInclusion } from '@assay/receipt';
import { LedgerError } from '../../packages/ledger/src/errors.ts';
import { openLedger } from '../../packages/ledger/src/open-ledger.ts';
import { createSigningKeys } from '../../packages/ledger/src/signing-keys.ts';
import { fakeReport } from '../../packages/testing/src/fake-report.ts';
import { say } from './say.ts';

const IN_FLIGHT = 32;
const ROTATE_EVERY_MS = 2;
function readLine(): string {
  const buffer = Buffer.alloc(4_096);
  let text = '';
  while (!text.includes('\n')) {
    const length = readSync(0, buffer, 0, buffer.length, null);
    if (length === 0) process.exit(0);
    text += buffer.toString('utf8', 0, length);
  }
  return text.trim();
}

say('loaded');
const [directory = '', databaseUrl = null] = readLine().split(' ');
const ledger = await openLedger({ directory, databaseUrl });
function freshKeyset() {
  const keys = createSigningKeys();
  return { ...fakeReport(keys.keysetEntries), keys };
}
const first = freshKeyset();
await ledger.registerReport(first);
const open = (taskId: string, nonce: string | null) =>
  ledger.open({ taskId, task: 'execute', method: 'POST', endpoint: '/api/process', requestBody: Buffer.from(taskId), nonce });

const hanging = `cut-${process.pid}-${randomBytes(4).toString('hex')}`;
await open(hanging, null).started;
say(`open ${hanging}`);

async function sealOne(): Promise<void> {
  const nonce = randomBytes(32).toString('hex');
  const draft = open('busy', nonce);
  draft.payload('noise', 'application/octet-stream', randomBytes(200));
  const { receiptId, proof } = await ledger.seal(draft);
  const head = parseCheckpoint(parseInclusion(proof.proof).checkpoint);
  say(`ack ${receiptId} ${proof.index} ${nonce}\nhead ${head.size} ${Buffer.from(head.root).toString('hex')}`);
}

async function keepSealing(): Promise<void> {
  try {
    for (;;) await sealOne();
  } catch (error) {
    say(`fail ${LedgerError.is(error) ? error.code : String(error)}`);
  }
}

let rotating = true;
async function keepRotating(): Promise<void> {
  for (let current = first; rotating; ) {
    const next = freshKeyset();
    try {
      await ledger.succeed(next, () => undefined);
    } catch (error) {
      say(`fail ${LedgerError.is(error) ? error.code : String(error)}`);
      return;
    }
    say(`succeeded ${keysetDigest(current.keyset)} ${keysetDigest(next.keyset)}`);
    current = next;
    await new Promise((resolve) => setTimeout(resolve, ROTATE_EVERY_MS));
  }
}

const publishing = setInterval(() => {
  ledger.checkpoint().catch(() => undefined);
}, 20);
const rotations = keepRotating();
await Promise.all(Array.from({ length: IN_FLIGHT }, keepSealing));
rotating = false;
await rotations;
clearInterval(publishing);
say('stopped');
