/**
 * One amount that many draw from: bytes held in memory, bytes a run may move, parts a document may have. It is taken before the work
 * begins and given back when the work has ended. Budgets may lie inside one another: what a run takes is also taken from all runs.
 * Pure counting: no clock, no queue. A reservation that does not fit is refused at once.
 */

import { EncodingError } from './errors.ts';

export interface BudgetOptions {
  /** What the limit is called in errors, e.g. `bytes held for requests`. */
  readonly name: string;
  /** The most that may be reserved at any time. */
  readonly limit: number;
  /** Everything reserved here is reserved there as well. */
  readonly parent?: Budget | undefined;
  /** The error to throw instead of `budget/exceeded`: a caller's own code, for example one with an HTTP status. */
  readonly refuse?: ((excess: BudgetExcess) => Error) | undefined;
}

/** What was asked of a budget that could not give it. */
export interface BudgetExcess {
  readonly name: string;
  readonly limit: number;
  readonly wanted: number;
  readonly left: number;
}

/** A part of a budget, held until it is released. */
export interface Reservation {
  /** What is held now. */
  readonly amount: number;
  /** Takes more. Refused as a whole when it does not fit; then nothing changes. @throws as {@link Budget.reserve}. */
  grow(by: number): void;
  /** Gives back all but `amount`, e.g. when less came than was reserved. Never takes more. */
  shrinkTo(amount: number): void;
  /** Gives everything back. Calls after the first do nothing. */
  release(): void;
}

/**
 * A limit that is enforced before the work begins.
 *
 * @example
 * const held = new Budget({ name: 'bytes held for requests', limit: 64 * 1024 * 1024 });
 * const body = held.reserve(contentLength);
 * try { await work() } finally { body.release() }
 */
export class Budget {
  readonly #options: BudgetOptions;
  #used = 0;

  constructor(options: BudgetOptions) {
    if (!isAmount(options.limit))
      throw new EncodingError(
        'budget/bad-amount',
        `expected a limit from 0, got ${options.limit}; set ${options.name} to a whole number`,
      );
    this.#options = options;
  }

  get limit(): number {
    return this.#options.limit;
  }

  /** What is reserved now. */
  get used(): number {
    return this.#used;
  }

  /** What can still be reserved, here and in every budget around this one. */
  get left(): number {
    const { limit, parent } = this.#options;
    return Math.min(limit - this.#used, parent?.left ?? Number.POSITIVE_INFINITY);
  }

  /**
   * Takes `amount`, or throws and takes nothing.
   * @throws {EncodingError} `budget/exceeded` naming the limit, or the error of `refuse`; `budget/bad-amount`.
   */
  reserve(amount: number): Reservation {
    this.#take(amount);
    let held = amount;
    let open = true;
    const giveBack = (to: number): void => {
      this.#give(held - to);
      held = to;
    };
    return {
      get amount() {
        return held;
      },
      grow: (by) => {
        if (!open)
          throw new EncodingError('budget/bad-amount', 'expected a reservation in force, got a released one; reserve again');
        this.#take(by);
        held += by;
      },
      shrinkTo: (to) => {
        if (open && isAmount(to) && to < held) giveBack(to);
      },
      release: () => {
        if (open) giveBack(0);
        open = false;
      },
    };
  }

  /** @param refuse of the innermost budget that has one: who asks decides how a refusal reads. */
  #take(amount: number, refuse = this.#options.refuse): void {
    const { name, limit, parent } = this.#options;
    if (!isAmount(amount))
      throw new EncodingError(
        'budget/bad-amount',
        `expected a whole number from 0, got ${amount}; count what is to be reserved`,
      );
    const left = limit - this.#used;
    if (amount > left) {
      const excess: BudgetExcess = { name, limit, wanted: amount, left };
      throw refuse?.(excess) ?? exceeded(excess);
    }
    if (parent !== undefined) parent.#take(amount, refuse ?? parent.#options.refuse);
    this.#used += amount;
  }

  #give(amount: number): void {
    this.#used -= amount;
    const { parent } = this.#options;
    if (parent !== undefined) parent.#give(amount);
  }
}

function isAmount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function exceeded({ name, limit, wanted, left }: BudgetExcess): EncodingError {
  return new EncodingError(
    'budget/exceeded',
    `expected at most ${limit} ${name}, got ${wanted} with ${left} left; ask for less, or wait until other work has ended`,
    { details: { name, limit, wanted, left } },
  );
}
