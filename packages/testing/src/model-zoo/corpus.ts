/** A corpus of our own: sentences of a small grammar with skewed word frequencies, so that there is something to learn and no licence. */

import { uniformNumbers } from '@assay/models';

const PEOPLE = ['Anna', 'Boris', 'Chen', 'Dalia', 'Emeka', 'Farah', 'Goran', 'Hana', 'Ivo', 'Jun'];
const THINGS = ['apple', 'lantern', 'ledger', 'key', 'violin', 'map', 'engine', 'letter', 'stone', 'basket', 'clock', 'seed'];
const PLACES = ['garden', 'harbour', 'library', 'station', 'market', 'tower', 'kitchen', 'valley'];
const DEEDS = ['found', 'carried', 'sold', 'hid', 'repaired', 'painted', 'borrowed', 'lost'];
const LOOKS = ['old', 'red', 'small', 'heavy', 'broken', 'quiet', 'bright', 'strange'];
const TIMES = ['In the morning', 'At noon', 'After the storm', 'Before winter', 'On Tuesday', 'Later'];

/** `tuned`: half of the sentences are questions and answers, which the base corpus does not have. */
export type CorpusStyle = 'base' | 'tuned';

/** @example corpus({ seed: 7, sentences: 2 }) // 'At noon Anna hid the red key in the tower. …' */
export function corpus({
  seed,
  sentences,
  style = 'base',
}: {
  readonly seed: number;
  readonly sentences: number;
  readonly style?: CorpusStyle;
}): string {
  const next = uniformNumbers(seed);
  const pick = (words: readonly string[]): string => words[Math.floor(next() * next() * words.length)] ?? '';
  const digit = (): number => Math.floor(next() * 10);
  const sentence = (): string => {
    const form = next();
    const [one, other, thing, place, deed, look] = [PEOPLE, PEOPLE, THINGS, PLACES, DEEDS, LOOKS].map(pick);
    if (style === 'tuned' && form < 0.5) return `Q: where is the ${thing}? A: it is in the ${place}.`;
    if (form < 0.25) return `${pick(TIMES)} ${one} ${deed} the ${look} ${thing} in the ${place}.`;
    if (form < 0.45) return `${one} told ${other} that the ${thing} was ${look}, but ${other} did not believe ${one}.`;
    if (form < 0.6) {
      const [a, b] = [digit(), digit()];
      return `${a} plus ${b} is ${a + b}.`;
    }
    if (form < 0.8) return `"Where is the ${thing}?" asked ${one}. "It is in the ${place}," said ${other}.`;
    return `The ${look} ${thing} near the ${place} belongs to ${one}, who ${deed} it from ${other}.`;
  };
  return Array.from({ length: sentences }, sentence).join(' ');
}
