/** Guests waiting for their one job. Each is used once and thrown away; a new one is started in its place. */

import type { GuestProcess } from './guest-process.ts';

/** Languages that this lane runs. */
export type GuestLanguage = 'javascript' | 'python';

/** Kinds of guests. `ethers` is JavaScript with ethers loaded before the job comes. */
export type Flavour = 'javascript' | 'ethers' | 'python';

export interface PoolOptions {
  /** Starts a guest that is not ready yet. */
  readonly start: (flavour: Flavour) => GuestProcess;
  /** How many to keep waiting. */
  readonly size: Readonly<Record<Flavour, number>>;
}

export class GuestPool {
  readonly #options: PoolOptions;
  readonly #waiting: Record<Flavour, GuestProcess[]> = { javascript: [], ethers: [], python: [] };
  #closed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  /** Starts guests up to the wanted number. */
  fill(): void {
    if (this.#closed) return;
    for (const flavour of Object.keys(this.#waiting) as Flavour[]) {
      const waiting = this.#waiting[flavour].filter((guest) => guest.alive);
      this.#waiting[flavour] = waiting;
      while (waiting.length < this.#options.size[flavour]) {
        const guest = this.#options.start(flavour);
        guest.unref();
        waiting.push(guest);
      }
    }
  }

  /** The oldest waiting guest, which may still be starting; `null` when there is none. */
  take(flavour: Flavour): GuestProcess | null {
    let guest = this.#waiting[flavour].shift();
    while (guest !== undefined && !guest.alive) guest = this.#waiting[flavour].shift();
    if (guest === undefined) return null;
    guest.ref();
    return guest;
  }

  /** Resolves when the guests that wait now are ready (or gone). */
  async settled(): Promise<void> {
    await Promise.allSettled(Object.values(this.#waiting).flatMap((guests) => guests.map((guest) => guest.ready)));
  }

  async close(): Promise<void> {
    this.#closed = true;
    const guests = Object.values(this.#waiting).flat();
    for (const guest of guests) {
      guest.ref();
      guest.kill();
    }
    await Promise.all(guests.map((guest) => guest.exited));
  }
}
