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

  /** Knows that the chain used every nonce below this one: none of them is free, whatever was given back. */
  usedBelow(chainId: number, nonce: number): void {
    this.#next.set(chainId, Math.max(this.next(chainId), nonce));
    const returned = this.#returned.get(chainId) ?? new Set<number>();
    this.#returned.set(chainId, new Set([...returned].filter((each) => each >= nonce)));
  }

  /** The first nonce of a chain that was never taken; 0 when none was. */
  next(chainId: number): number {
    return this.#next.get(chainId) ?? 0;
  }

  /** The lowest nonce that is free; with `many` the first of so many in a row, which are all taken. */
  take(chainId: number, many = 1): number {
    const returned = this.#returned.get(chainId) ?? new Set<number>();
    const next = this.next(chainId);
    const rowFrom = (start: number): readonly number[] => Array.from({ length: many }, (_, index) => start + index);
    const isFree = (nonce: number): boolean => nonce >= next || returned.has(nonce);
    const start = [...returned].sort((a, b) => a - b).find((nonce) => rowFrom(nonce).every(isFree)) ?? next;
    for (const nonce of rowFrom(start)) returned.delete(nonce);
    this.#next.set(chainId, Math.max(next, start + many));
    return start;
  }

  /** Gives a nonce back that nothing was signed and kept under. */
  giveBack(chainId: number, nonce: number): void {
    const returned = this.#returned.get(chainId) ?? new Set<number>();
    this.#returned.set(chainId, returned.add(nonce));
  }
}
