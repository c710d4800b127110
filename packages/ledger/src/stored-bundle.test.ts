/**
 * Bundles are written in memory of a fixed size: piece by piece, byte for byte as {@link encodeBundle} writes them, refused before
 * anything is read when no verifier would take them. Also out of databases that hold payloads in one row.
 */

import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { joinBytes } from '@assay/encoding/bytes';
import { authenticateBundle, encodeBundle, parseBundle } from '@assay/receipt';
import { believeFakeEvidence } from '@assay/testing';
import { expect, test } from 'vitest';
import { bundleBytes, codeOf, directory, downgrade, NOW, open, start } from '../../../tests/crash/test-ledger.ts';
import { createLedger } from './ledger.ts';
import type { Ledger, SealedReceipt } from './port.ts';
import type { LogStore } from './store.ts';

const MIB = 1024 * 1024;
const LENGTHS = [0, 1, 2, 3, 64 * 1024 - 1, 64 * 1024, 64 * 1024 + 1, 3 * MIB + 1];

function work(ledger: Ledger, taskId: string, payloads: readonly Uint8Array[]): Promise<SealedReceipt> {
  const draft = open(ledger, taskId);
  for (const [i, bytes] of payloads.entries()) draft.payload(`file-${i}`, 'application/octet-stream', bytes);
  return ledger.seal(draft);
}

test('the pieces are the bundle, and each of them is short', async () => {
  const { ledger } = await start(directory());
  const sealed = await Promise.all([
    work(
      ledger,
      'a',
      LENGTHS.map((length) => randomBytes(length)),
    ),
    work(ledger, 'b', [new Uint8Array(5)]),
  ]);
  const stored = (await ledger.bundle(sealed.map(({ receiptId }) => receiptId)))!;
  const pieces: Uint8Array[] = [];
  for await (const piece of stored.pieces()) pieces.push(piece.slice());
  expect(Math.max(...pieces.map(({ length }) => length))).toBeLessThan(100 * 1024);
  const bytes = joinBytes(pieces);
  expect(bytes.length).toBe(stored.length);
  expect(encodeBundle(parseBundle(bytes))).toEqual(bytes);
  const { receipts } = await authenticateBundle(bytes, { verifyEvidence: believeFakeEvidence });
  expect(receipts[0]!.payloads.map(({ content }) => content?.length)).toEqual(LENGTHS);
  expect(stored.heldBytes).toBeLessThan(16 * 1024);
});

test('a large bundle costs no more memory than a small one', async () => {
  const { ledger } = await start(directory());
  const ids: string[] = [];
  for (let i = 0; i < 8; i += 1) ids.push((await work(ledger, `t-${i}`, [randomBytes(8 * MIB)])).receiptId);
  setFlagsFromString('--expose_gc');
  const collect = runInNewContext('gc') as () => void;
  const held = async (): Promise<number> => {
    collect();
    await sleep(20); // arrays are freed in the background
    collect();
    return process.memoryUsage().arrayBuffers;
  };
  const before = await held();
  let most = 0;
  let length = 0;
  for await (const piece of (await ledger.bundle(ids))!.pieces()) {
    const tenth = Math.floor((length + piece.length) / MIB / 10) > Math.floor(length / MIB / 10);
    length += piece.length;
    if (tenth) most = Math.max(most, (await held()) - before);
  }
  expect(length).toBeGreaterThan(80 * MIB);
  expect(most).toBeLessThan(2 * MIB);
});

test('ledger/bundle-too-large before anything of it is read', async () => {
  const { ledger, store } = await start(directory());
  const two = await Promise.all([work(ledger, 'a', [randomBytes(10)]), work(ledger, 'b', [randomBytes(11)])]);
  const ids = two.map(({ receiptId }) => receiptId);
  const unread = (): never => {
    throw new Error('it was read');
  };
  const vast: LogStore = { ...store, payload: async () => ({ length: 100 * MIB, heldBytes: 0, pieces: unread }) };
  const tooLarge = createLedger({ store: vast, clock: { now: () => NOW } });
  expect(await codeOf(tooLarge.bundle(ids))).toBe('ledger/bundle-too-large');
  expect((await tooLarge.bundle(ids[0]!))!.length).toBeGreaterThan(133 * MIB);
  expect(await tooLarge.bundle(ids, { redact: true })).not.toBeNull();
});

test('receipts of another key are not there', async () => {
  const { ledger } = await start(directory());
  const draft = ledger.open({
    taskId: 'mine',
    task: 'execute',
    method: 'POST',
    endpoint: '/api/process',
    requestBody: new Uint8Array(),
    nonce: null,
    access: 'a'.repeat(64),
  });
  const mine = await ledger.seal(draft);
  const other = await work(ledger, 'of no task', []);
  const both = [other.receiptId, mine.receiptId];
  expect(await ledger.bundle(both, { access: null })).toBeNull();
  expect(await ledger.bundle(both, { access: 'b'.repeat(64) })).toBeNull();
  expect(await ledger.bundle(both, { access: 'a'.repeat(64) })).not.toBeNull();
  expect(await ledger.bundle(other.receiptId, { access: null })).not.toBeNull();
});

test('a database from before pieces, and from before payloads were sealed, gives the same bundle', async () => {
  const place = directory();
  const first = await start(place);
  const payloads = [randomBytes(700_001), randomBytes(2 * MIB)];
  const { receiptId } = await work(first.ledger, 'old', payloads);
  const before = await bundleBytes(first.ledger, receiptId);
  await first.close();
  const db = downgrade(place, 3);
  for (const bytes of payloads)
    db.prepare('INSERT INTO blobs VALUES (?, ?)').run(createHash('sha256').update(bytes).digest(), bytes);
  db.close();
  const second = await start(place, { silent: true });
  const after = await bundleBytes(second.ledger, receiptId);
  const [a, b] = [parseBundle(before!), parseBundle(after!)];
  expect([...b.payloads]).toEqual([...a.payloads]);
  expect(await codeOf(work(second.ledger, 'new', [randomBytes(MIB)]))).toBe('ledger/report-missing');
});
