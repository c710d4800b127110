/**
 * A token bucket for each client, for requests that start work. Bounded in memory: the longest idle buckets go first. Agents on one store
 * moreover share a bucket there, which is asked only when the one in memory has room: a flood costs the store nothing.
 */

import { createHash } from 'node:crypto';
import type { Coordination } from '@assay/ledger';
import { ServerError } from '../errors.ts';

const MOST_CLIENTS = 10_000;

export class RateLimit {
  readonly #perMinute: number;
  readonly #now: () => number;
  readonly #buckets = new Map<string, { tokens: number; at: number }>();

  readonly #shared: Pick<Coordination, 'take'> | null;

  /**
   * @param perMinute - requests a minute, also the burst; 0 is no limit.
   * @param shared - where other agents count, too.
   */
  constructor(perMinute: number, now: () => number, shared: Pick<Coordination, 'take'> | null = null) {
    this.#perMinute = perMinute;
    this.#now = now;
    this.#shared = shared;
  }

  /** Takes one token. @throws {ServerError} `http/rate-limited` with the seconds to wait. */
  async take(client: string): Promise<void> {
    if (this.#perMinute === 0) return;
    this.#takeHere(client);
    // The store gets hashes: addresses of clients stay here.
    const name = createHash('sha256').update(client).digest('hex');
    const waitMs = (await this.#shared?.take(name, this.#perMinute)) ?? 0;
    if (waitMs > 0) throw limited(this.#perMinute, Math.ceil(waitMs / 1000));
  }

  #takeHere(client: string): void {
    const now = this.#now();
    const before = this.#buckets.get(client) ?? { tokens: this.#perMinute, at: now };
    const tokens = Math.min(this.#perMinute, before.tokens + ((now - before.at) / 60_000) * this.#perMinute);
    this.#buckets.delete(client); // set again below, so that the map stays ordered by last use
    this.#buckets.set(client, { tokens: Math.max(0, tokens - 1), at: now });
    const [oldest] = this.#buckets.keys();
    if (this.#buckets.size > MOST_CLIENTS && oldest !== undefined) this.#buckets.delete(oldest);
    if (tokens >= 1) return;
    throw limited(this.#perMinute, Math.ceil(((1 - tokens) * 60) / this.#perMinute));
  }
}

function limited(perMinute: number, retryAfterSeconds: number): ServerError {
  return new ServerError('http/rate-limited', `more than ${perMinute} requests a minute; wait ${retryAfterSeconds} s`, {
    details: { retryAfterSeconds },
  });
}
