/**
 * Nonces of the wallet, one counter a chain: a nonce is taken in the turn in which it is signed, and given back when its row could not be
 * written, so that there is neither a gap nor a second use. viem's own manager loses nonces after a failed send.
 */

export class Nonces {
  readonly #next = new Map<number, number>();
  readonly #returned = new Map<number, Set<number>>();

  /** Knows that a nonce of a chain is used: by a row of the state. */
  used(chainId: number, nonce: number): void {
    this.#next.set(chainId, Math.max(this.next(chainId), nonce + 1));
  }

  /** The first nonce of a chain that was never taken; 0 when none was. */
  next(chainId: number): number {
    return this.#next.get(chainId) ?? 0;
  }

  /** The lowest nonce that is free. */
  take(chainId: number): number {
    const returned = this.#returned.get(chainId);
    const lowest = returned === undefined || returned.size === 0 ? null : Math.min(...returned);
    if (lowest !== null) {
      returned?.delete(lowest);
      return lowest;
    }
    const nonce = this.next(chainId);
    this.#next.set(chainId, nonce + 1);
    return nonce;
  }

  /** Gives a nonce back that nothing was signed and kept under. */
  giveBack(chainId: number, nonce: number): void {
    const returned = this.#returned.get(chainId) ?? new Set<number>();
    this.#returned.set(chainId, returned.add(nonce));
  }
}
