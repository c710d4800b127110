/**
 * Challenges: prompts that follow from the key of a comparison, so that a provider cannot foresee them and a reader of the record can make them
 * again (spec/model-comparison.md §4). They read like what people write, so that they cannot be told apart from other traffic.
 */

import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { challengeSeed } from './score.ts';

export interface ChallengePlace {
  /** K, 32 bytes. */
  readonly key: Uint8Array;
  readonly run: string;
  readonly index: number;
  /** Further prompts of the same query, of which a test may choose; from 0 to 255. */
  readonly variant: number;
}

const TIMES =
  'In the morning|At noon|After the storm|Before winter|On Tuesday|Later|Last year|During the meeting|One evening|By accident|Early on|Without a word|Near the end|For the first time|As agreed|To save time';
const PEOPLE =
  'Anna|Boris|Chen|Dalia|Emeka|Farah|Goran|Hana|Ivo|Jun|Kofi|Lena|Mateo|Nadia|Omar|Priya|Quentin|Rosa|Sven|Tariq|Uma|Victor|Wanda|Yusuf';
const DEEDS =
  'found|carried|sold|hid|repaired|painted|borrowed|lost|measured|described|photographed|returned|designed|tested|replaced|ordered';
const LOOKS = 'old|red|small|heavy|broken|quiet|bright|strange|expensive|wooden|empty|famous|useful|round|cold|missing';
const THINGS =
  'apple|lantern|ledger|key|violin|map|engine|letter|stone|basket|clock|seed|report|bridge|camera|recipe|server|ticket|telescope|contract|garden|battery|painting|ladder';
const PLACES =
  'in the garden|in the harbour|in the library|at the station|at the market|in the tower|in the kitchen|in the valley|at the office|on the roof|near the river|behind the school|on the train|at the hospital|in the workshop|under the table';
const ENDINGS =
  'told everyone that|wanted to know why|did not believe that|explained that|belongs to|asked whether the|wrote down that|said: "It is|remembered how the|decided to|was surprised because|promised that the';

const WORDS = {
  times: TIMES.split('|'),
  people: PEOPLE.split('|'),
  deeds: DEEDS.split('|'),
  looks: LOOKS.split('|'),
  things: THINGS.split('|'),
  places: PLACES.split('|'),
  endings: ENDINGS.split('|'),
} as const;

/**
 * The prompt of a query: a sentence and the beginning of another.
 * @example challengeText({ key, run: 'a1', index: 0, variant: 0 }) // 'At noon Lena sold the red clock in the tower. Omar explained that'
 */
export function challengeText({ key, run, index, variant }: ChallengePlace): string {
  const stream = hmac(sha256, challengeSeed(key, run, index), Uint8Array.of(variant));
  const view = new DataView(stream.buffer, stream.byteOffset, stream.byteLength);
  let at = 0;
  const pick = (words: readonly string[]): string => {
    const number = view.getUint16(at);
    at += 2;
    return words[number % words.length] ?? '';
  };
  const { times, people, deeds, looks, things, places, endings } = WORDS;
  const first = `${pick(times)} ${pick(people)} ${pick(deeds)} the ${pick(looks)} ${pick(things)} ${pick(places)}.`;
  return `${first} ${pick(people)} ${pick(endings)}`;
}
