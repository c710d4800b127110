/** A check passes by what its step returned: take one proof away, and its question alone reads `not-checked`. */

import { fakeLog } from '@assay/testing';
import { expect, it } from 'vitest';
import { parseBundle } from './bundle.ts';
import { type BundleProofs, bundleChecks } from './bundle-checks.ts';
import { parseCheckpoint } from './checkpoint.ts';
import type { Digest } from './digest.ts';
import { keptPayloads, type ReceiptEvent } from './events.ts';

const bundle = parseBundle(fakeLog({ receipts: 2, rotateAfter: 1 }).bytes);
const whole: BundleProofs = {
  bundle,
  checkpoint: parseCheckpoint(bundle.checkpoint),
  logSigners: ['Ed25519', 'ML-DSA-44'],
  witnesses: ['witness.example/w1'],
  bound: bundle.reports.map(({ entry }) => entry.leaf.keyset_digest),
  signed: bundle.receipts.map(({ receipt }) => ({ receiptId: receipt.receipt_id, keyId: receipt.key_id })),
  logged: [...bundle.reports, ...bundle.receipts, ...bundle.successions].map(({ entry }) => entry.index),
  joined: bundle.successions.map(({ successor }) => successor),
  payloads: new Set(bundle.payloads.keys()),
};
const open = (proofs: BundleProofs): readonly string[] =>
  bundleChecks(proofs).flatMap(({ id, outcome }) => (outcome === 'pass' ? [] : [id]));

it('passes everything that was proved', () => {
  expect(open(whole)).toEqual([]);
});

it.each<[string, Partial<BundleProofs>]>([
  ['bundle.checkpoint', { logSigners: ['Ed25519'] }],
  ['bundle.keyset-binding', { bound: whole.bound.slice(1) }],
  ['bundle.signatures', { signed: whole.signed.slice(1) }],
  ['bundle.succession', { joined: [] }],
  ['bundle.inclusion', { logged: whole.logged.slice(1) }],
  ['bundle.payloads', { payloads: new Set() }],
  ['bundle.witnessed', { witnesses: [] }],
])('%s rests on its own step', (id, without) => {
  expect(open({ ...whole, ...without })).toEqual([id]);
});

it('says what was erased, of the receipt that the log names', () => {
  const [first] = fakeLog({ receipts: 2 }).receipts;
  const hashes = keptPayloads(first!.event_log).map(({ hash }) => hash);
  const erasing = fakeLog({
    receipts: 2,
    events: (events) =>
      events.some(({ task_id }) => task_id === 'task-1')
        ? [events[0]!, { type: 'task.received', task: 'erasure' }, erasure(first!.receipt_id, hashes)]
        : events,
  });
  const proofs = { ...whole, bundle: erasing.bundle, payloads: new Set<Digest>() };
  const found = bundleChecks(proofs).map(({ id, outcome, actual }) => `${id} ${outcome} ${actual}`);
  expect(found).toContain('bundle.erased pass erased, as the log says: code.py, stdout');
  expect(found).toContain('bundle.payloads pass 0 payloads as named');
});

function erasure(receiptId: string, hashes: readonly string[]): ReceiptEvent {
  return { type: 'payloads.erased', receipt_id: receiptId, hashes };
}
