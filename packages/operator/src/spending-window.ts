/** What was spent, in memory: one entry a transaction, counted by rule in rolling windows. Exact: sums of whole numbers. */

import type { Spend } from './calldata.ts';
import type { Usage } from './decision.ts';
import type { Asset } from './policy.ts';

/** What one transaction counts for. */
export interface SpendingEntry {
  readonly rule: string;
  /** Epoch seconds; `Infinity` for a transaction that waits: it counts in every window until it ends. */
  readonly time: number;
  readonly spends: readonly Pick<Spend, 'asset' | 'amount'>[];
}

/**
 * Entries by the key of their transaction.
 * @example window.add('84532/7', { rule: 'daily-eth', time, spends }); window.spent('daily-eth', 'native', time - 86_400)
 */
export class SpendingWindow implements Usage {
  readonly #entries = new Map<string, SpendingEntry>();

  /** Counts a transaction; one with the same key is counted in its place. */
  add(key: string, entry: SpendingEntry): void {
    this.#entries.set(key, entry);
  }

  /** Counts a transaction no more. */
  remove(key: string): void {
    this.#entries.delete(key);
  }

  spent(rule: string, asset: Asset, since: number): bigint {
    let sum = 0n;
    for (const entry of this.#entries.values()) {
      if (entry.rule !== rule || entry.time <= since) continue;
      for (const spend of entry.spends) if (spend.asset === asset) sum += spend.amount;
    }
    return sum;
  }

  count(rule: string, since: number): number {
    let count = 0;
    for (const entry of this.#entries.values()) if (entry.rule === rule && entry.time > since) count += 1;
    return count;
  }

  /** Forgets what no window of a policy reaches any more: entries up to `before`, epoch seconds. */
  forget(before: number): void {
    for (const [key, { time }] of this.#entries) if (time <= before) this.#entries.delete(key);
  }
}
