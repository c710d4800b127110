/**
 * A bet that two endpoints write differently, from their texts alone (pairwise classifier two-sample test by betting; Podkopaev and Ramdas,
 * 2305.00143). When both write alike, a pair is as likely in either order, and the wealth has mean 1 whatever was learned before. It can prove
 * DIFFERENT only: texts that look alike never prove SAME.
 */

/** Features are hashed into so many places. */
const PLACES = 1 << 18;
const WORD = /[\p{L}\p{N}]+|[^\s\p{L}\p{N}]/gu;
/** Words of one text that are looked at. */
const MAX_WORDS = 64;

/** Words; words at their places behind the prompt; words with the prompt; pairs of words. */
type Kind = 'word' | 'place' | 'prompt' | 'pair';
const KINDS = ['word', 'place', 'prompt', 'pair'] as const;
/** Feature → how often. */
type Features = Readonly<Record<Kind, ReadonlyMap<number, number>>>;

/** Tells from a pair which of the two texts is the reference's: the larger the more likely it is the first. */
interface Guess {
  margin(difference: Features): number;
  /** @param margin what it said of the pair that it learns from. */
  learn(pair: {
    readonly one: Features;
    readonly other: Features;
    readonly difference: Features;
    readonly margin: number;
  }): void;
}

interface Bettor {
  readonly guess: Guess;
  /** Natural logarithm of its wealth. */
  log: number;
}

/**
 * @example
 * const bet = new TextPairBet();
 * bet.push({ prompt: 'Anna', one: 'hid the key', other: 'sold the map' });
 * bet.log; // natural logarithm of the wealth
 */
export class TextPairBet {
  readonly #bettors: readonly Bettor[] = [
    ...[counted(['word'], 30), counted(['word'], 100), counted(['word', 'pair'], 100), counted(['place', 'prompt'], 30)],
    ...[weighed(['word'], 0.03), weighed(KINDS, 0.03), weighed(KINDS, 0.1)],
  ].map((guess) => ({ guess, log: 0 }));

  /** The mean wealth of the bettors, as a natural logarithm. */
  get log(): number {
    const logs = this.#bettors.map(({ log }) => log);
    const most = Math.max(...logs);
    return most + Math.log(logs.reduce((sum, log) => sum + Math.exp(log - most), 0) / logs.length);
  }

  /** Takes what both wrote to the same prompt. Multiplies each wealth by 2σ(d), whose mean over both orders of the pair is 1, then learns. */
  push({ prompt, one, other }: { readonly prompt: string; readonly one: string; readonly other: string }): void {
    const [first, second] = [featuresOf(prompt, one), featuresOf(prompt, other)];
    const difference = differenceOf(first, second);
    for (const bettor of this.#bettors) {
      const margin = bettor.guess.margin(difference);
      bettor.log += Math.log(2 * sigma(margin));
      bettor.guess.learn({ one: first, other: second, difference, margin });
    }
  }
}

/** The odds of each feature by how often each endpoint wrote it, with so many of each more: needs few pairs. */
function counted(kinds: readonly Kind[], prior: number): Guess {
  const counts = { one: new Float64Array(PLACES), other: new Float64Array(PLACES) };
  return {
    margin: (difference) =>
      sumOver(kinds, difference, (feature) =>
        Math.log(((counts.one[feature] ?? 0) + prior) / ((counts.other[feature] ?? 0) + prior)),
      ),
    learn: (pair) => {
      for (const party of ['one', 'other'] as const)
        for (const kind of kinds)
          for (const [feature, count] of pair[party][kind]) counts[party][feature] = (counts[party][feature] ?? 0) + count;
    },
  };
}

/** Weights by logistic regression, step by step (AdaGrad): learns what features say together. */
function weighed(kinds: readonly Kind[], rate: number): Guess {
  const weights = new Float64Array(PLACES);
  const squares = new Float64Array(PLACES);
  return {
    margin: (difference) => sumOver(kinds, difference, (feature) => weights[feature] ?? 0),
    learn: ({ difference, margin }) => {
      for (const kind of kinds)
        for (const [feature, value] of difference[kind]) {
          if (value === 0) continue;
          const gradient = (1 - sigma(margin)) * value;
          const square = (squares[feature] ?? 0) + gradient * gradient;
          squares[feature] = square;
          weights[feature] = (weights[feature] ?? 0) + (rate * gradient) / Math.sqrt(square + 1e-8);
        }
    },
  };
}

function sumOver(kinds: readonly Kind[], features: Features, weight: (feature: number) => number): number {
  let sum = 0;
  for (const kind of kinds) for (const [feature, value] of features[kind]) sum += value * weight(feature);
  return sum;
}

function sigma(margin: number): number {
  return 1 / (1 + Math.exp(-margin));
}

function featuresOf(prompt: string, text: string): Features {
  const words = (text.match(WORD) ?? []).slice(0, MAX_WORDS);
  return {
    word: countsOf(words.map((word) => `w ${word}`)),
    place: countsOf(words.map((word, index) => `p ${prompt} ${index} ${word}`)),
    prompt: countsOf(words.map((word) => `q ${prompt} ${word}`)),
    pair: countsOf(words.slice(1).map((word, index) => `b ${words[index]} ${word}`)),
  };
}

function countsOf(names: readonly string[]): ReadonlyMap<number, number> {
  const counts = new Map<number, number>();
  for (const name of names) {
    const feature = hashOf(name) % PLACES;
    counts.set(feature, (counts.get(feature) ?? 0) + 1);
  }
  return counts;
}

function differenceOf(one: Features, other: Features): Features {
  const of = (kind: Kind): ReadonlyMap<number, number> => {
    const difference = new Map(one[kind]);
    for (const [feature, count] of other[kind]) difference.set(feature, (difference.get(feature) ?? 0) - count);
    return difference;
  };
  return { word: of('word'), place: of('place'), prompt: of('prompt'), pair: of('pair') };
}

/** FNV-1a, 32 bits. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return hash >>> 0;
}
