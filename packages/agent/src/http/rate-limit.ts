/** A token bucket for each client, for requests that start work. Bounded in memory: the longest idle buckets go first. */

import { ServerError } from '../errors.ts';

const MOST_CLIENTS = 10_000;

export class RateLimit {
  readonly #perMinute: number;
  readonly #now: () => number;
  readonly #buckets = new Map<string, { tokens: number; at: number }>();

  /** @param perMinute - requests a minute, also the burst; 0 is no limit. */
  constructor(perMinute: number, now: () => number) {
    this.#perMinute = perMinute;
    this.#now = now;
  }

  /** Takes one token. @throws {ServerError} `http/rate-limited` with the seconds to wait. */
  take(client: string): void {
    if (this.#perMinute === 0) return;
    const now = this.#now();
    const before = this.#buckets.get(client) ?? { tokens: this.#perMinute, at: now };
    const tokens = Math.min(this.#perMinute, before.tokens + ((now - before.at) / 60_000) * this.#perMinute);
    this.#buckets.delete(client); // set again below, so that the map stays ordered by last use
    this.#buckets.set(client, { tokens: Math.max(0, tokens - 1), at: now });
    const [oldest] = this.#buckets.keys();
    if (this.#buckets.size > MOST_CLIENTS && oldest !== undefined) this.#buckets.delete(oldest);
    if (tokens >= 1) return;
    const retryAfterSeconds = Math.ceil(((1 - tokens) * 60) / this.#perMinute);
    throw new ServerError('http/rate-limited', `more than ${this.#perMinute} requests a minute; wait ${retryAfterSeconds} s`, {
      details: { retryAfterSeconds },
    });
  }
}
