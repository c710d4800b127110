/**
 * The list of checks of a bundle (spec/bundle.md §2), made from what the verifying steps returned and from nothing else: a step that was
 * not taken proved nothing, so its question reads `not-checked`.
 */

import type { Bundle } from './bundle.ts';
import type { Check } from './check.ts';
import type { Checkpoint } from './checkpoint.ts';
import type { Digest } from './digest.ts';
import { erasedPayloads, keptPayloads } from './events.ts';
import type { SignedReceipt } from './verify-receipt.ts';

/** What each step returned. */
export interface BundleProofs {
  readonly bundle: Bundle;
  readonly checkpoint: Checkpoint;
  /** Kinds of the log's own signatures that verified. */
  readonly logSigners: readonly string[];
  /** Names of trusted witnesses whose cosignatures verified. */
  readonly witnesses: readonly string[];
  /** Keysets that evidence was found to bind. */
  readonly bound: readonly Digest[];
  readonly signed: readonly SignedReceipt[];
  /** Indexes that were proved to be in the log: of reports, receipts and successions. */
  readonly logged: readonly number[];
  /** Keysets that their predecessors were found to name. */
  readonly joined: readonly Digest[];
  /** Payloads whose bytes were compared with their hash. */
  readonly payloads: ReadonlySet<Digest>;
}

export function bundleChecks(proofs: BundleProofs): readonly Check[] {
  const { bundle, checkpoint, logSigners, witnesses, bound, signed, logged, payloads } = proofs;
  const receipts = bundle.receipts.length;
  const entries = [...bundle.reports, ...bundle.receipts, ...bundle.successions].map(({ entry }) => entry.index);
  const keysets = bundle.reports.map(({ entry }) => entry.leaf.keyset_digest);
  const named = bundle.receipts.flatMap(({ receipt }) => keptPayloads(receipt.event_log));
  const erasures = bundle.receipts.flatMap(({ receipt }) => erasedPayloads(receipt.event_log));
  const absent = bundle.receipts.flatMap(({ receipt }) =>
    keptPayloads(receipt.event_log)
      .filter(({ hash }) => !payloads.has(hash as Digest))
      .map(({ name, hash }) => ({
        name,
        erased: erasures.some(({ receiptId, hashes }) => receiptId === receipt.receipt_id && hashes.has(hash)),
      })),
  );
  const missing = absent.filter(({ erased }) => !erased);
  const erased = absent.filter((each) => each.erased);
  return [
    answer('bundle.form', 'spec/bundle.md §1', 'canonical, no unknown member', true),
    answer(
      'bundle.checkpoint',
      'spec/log.md §4',
      `${checkpoint.origin}, ${many(checkpoint.size, 'entry', 'entries')}, ${logSigners.join(' and ')}`,
      logSigners.length === 2,
    ),
    answer(
      'bundle.keyset-binding',
      'spec/keyset.md §3',
      `${many(bound.length, 'keyset')} bound by evidence`,
      keysets.every((keyset) => bound.includes(keyset)),
    ),
    answer(
      'bundle.signatures',
      'spec/receipt.md §4',
      `${many(signed.length, 'receipt')} signed by attested keys`,
      bundle.receipts.every(({ receipt }) => signed.some(({ receiptId }) => receiptId === receipt.receipt_id)),
    ),
    ...successionChecks(proofs),
    answer(
      'bundle.inclusion',
      'spec/log.md §5',
      `${many(receipts, 'receipt')} in the log`,
      entries.every((index) => logged.includes(index)),
    ),
    ...(erased.length === 0
      ? []
      : [
          answer(
            'bundle.erased',
            'spec/bundle.md §3',
            `erased, as the log says: ${erased.map(({ name }) => name).join(', ')}`,
            true,
          ),
        ]),
    missing.length === 0
      ? answer('bundle.payloads', 'spec/bundle.md §2', `${many(named.length - erased.length, 'payload')} as named`, true)
      : answer('bundle.payloads', 'spec/bundle.md §3', `left out: ${missing.map(({ name }) => name).join(', ')}`, false),
    answer(
      'bundle.witnessed',
      'spec/bundle.md §2',
      witnesses.length === 0
        ? 'no trusted witness cosigned: the log could have shown another tree to others'
        : witnesses.join(', '),
      witnesses.length > 0,
    ),
  ];
}

/** Whether the keysets of one boot are joined by successions; nothing to ask when each boot has one. */
function successionChecks({ bundle, joined }: BundleProofs): readonly Check[] {
  const boots = new Set(bundle.reports.map(({ entry }) => entry.leaf.boot));
  const links = bundle.reports.length - boots.size;
  if (links === 0) return [];
  const actual = `${joined.length} of ${links} keysets named by their predecessors`;
  return [answer('bundle.succession', 'spec/log.md §3', actual, joined.length === links)];
}

function answer(id: string, spec: string, actual: string, proved: boolean): Check {
  return proved
    ? { id, outcome: 'pass', expected: actual, actual, spec }
    : { id, outcome: 'not-checked', expected: null, actual, spec };
}

function many(count: number, noun: string, plural = `${noun}s`): string {
  return `${count} ${count === 1 ? noun : plural}`;
}
