/** Reproducible randomness: the same seed gives the same numbers on every machine. Not for keys, nonces or anything that must not be guessed. */

/**
 * Numbers in [0, 1) by mulberry32, whose whole state is 32 bits.
 * @param seed its lowest 32 bits count.
 * @example const next = uniformNumbers(7); next() // 0.01170…
 */
export function uniformNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/**
 * Normal deviates of mean 0 and deviation 1 (Box–Muller).
 * @param next uniform numbers in [0, 1).
 * @example const next = normalNumbers(uniformNumbers(7))
 */
export function normalNumbers(next: () => number): () => number {
  return () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
}
