/** Scores of queries by log probabilities, the tolerance that they are measured against, and the seeds of challenges (spec/model-comparison.md §1, §4). */

import { concatBytes, utf8 } from '@assay/encoding/bytes';
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { ModelError } from '../errors.ts';

/** Token → natural log probability, of one position. */
export type LogProbabilities = ReadonlyMap<string, number>;

/** Rounding of servers: a total probability may exceed 1 by this. */
const SLACK = 1e-3;

/**
 * A lower bound of the total variation at one position, over the tokens that the candidate returned.
 * @param reference must know every one of those tokens.
 * @throws {ModelError} `comparison/bad-logprobs` for log probabilities that are none: above 0, not finite, of more than 1 in sum, or of a
 * token that the reference does not have (another tokenizer).
 * @example totalVariation(candidate, reference) // 0 for the same probabilities
 */
export function totalVariation(candidate: LogProbabilities, reference: LogProbabilities): number {
  if (candidate.size === 0) throw bad('at least one token', 'none');
  let [difference, ours, theirs] = [0, 0, 0];
  for (const [token, log] of candidate) {
    const known = reference.get(token);
    if (known === undefined) throw bad('tokens that the reference knows', JSON.stringify(token.slice(0, 40)));
    const [q, p] = [probability(log), probability(known)];
    difference += Math.abs(q - p);
    ours += q;
    theirs += p;
  }
  if (ours > 1 + SLACK || theirs > 1 + SLACK) throw bad('probabilities of at most 1 in sum', String(Math.max(ours, theirs)));
  return Math.min(1, (difference + Math.abs(ours - theirs)) / 2);
}

/**
 * The score of one query by its worst position: 0 up to half of the tolerance, which is the reference's own noise, and 1 from the tolerance on.
 * @param tolerance τ, above 0.
 * @throws {ModelError} `comparison/bad-logprobs` for another tolerance, or no position.
 * @example queryScore([0.01, 0.002], 0.05) // 0: below half of the tolerance
 */
export function queryScore(variations: readonly number[], tolerance: number): number {
  if (!(tolerance > 0 && tolerance <= 1)) throw bad('a tolerance above 0 and at most 1', String(tolerance));
  if (variations.length === 0) throw bad('at least one position', 'none');
  return Math.min(1, Math.max(0, (2 * Math.max(...variations)) / tolerance - 1));
}

/**
 * τ from the twin's queries: twice the 99th percentile of their worst positions.
 * @throws {ModelError} `comparison/bad-logprobs` with fewer than 30.
 * @example const tolerance = toleranceOf(worstVariations)
 */
export function toleranceOf(worstVariations: readonly number[]): number {
  if (worstVariations.length < 30) throw bad('at least 30 queries of the twin', String(worstVariations.length));
  const sorted = worstVariations.toSorted((a, b) => a - b);
  const at = Math.min(sorted.length - 1, Math.ceil(0.99 * sorted.length) - 1);
  return Math.min(1, Math.max(1e-6, 2 * (sorted[at] ?? 1)));
}

/**
 * Which listed alternatives lie inside of the tolerance: what a SAME cannot tell apart.
 * @example resolutionOf(0.05, { 'q8_0 of the same model': 0.04 }).inside // ['q8_0 of the same model']
 */
export function resolutionOf(
  tolerance: number,
  alternatives: Readonly<Record<string, number>>,
): { readonly coarse: boolean; readonly inside: readonly string[] } {
  const inside = Object.entries(alternatives)
    .filter(([, variation]) => variation <= tolerance)
    .sort(([, a], [, b]) => a - b)
    .map(([name]) => name);
  return { coarse: inside.length > 0, inside };
}

/**
 * The seed of challenge `index`, 32 bytes.
 * @param key K, committed to by its SHA-256 before the first query.
 * @example challengeSeed(key, run, 0).length // 32
 */
export function challengeSeed(key: Uint8Array, run: string, index: number): Uint8Array {
  const place = new Uint8Array(8);
  new DataView(place.buffer).setBigUint64(0, BigInt(index), true);
  return hmac(sha256, key, concatBytes(utf8(run), Uint8Array.of(0), place));
}

function probability(log: number): number {
  if (Number.isFinite(log) && log <= 1e-6) return Math.exp(Math.min(0, log));
  if (log === Number.NEGATIVE_INFINITY) return 0;
  throw bad('natural log probabilities', String(log));
}

function bad(expected: string, got: string): ModelError {
  return new ModelError('comparison/bad-logprobs', `expected ${expected}, got ${got}; compare on another tier`);
}
