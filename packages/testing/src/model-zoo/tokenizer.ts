/** Byte-level BPE as GPT-2 and llama.cpp have it (`tokenizer.ggml.model=gpt2`, `pre=gpt-2`): a trainer, and both directions. */

const WORDS = /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu;
/** Number of the token that begins every sequence. */
export const BEGIN = 0;

/** GPT-2's printable stand-in for each byte. */
const LETTER_OF_BYTE: readonly string[] = (() => {
  const printable = (byte: number): boolean =>
    (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || (byte >= 174 && byte <= 255);
  let added = 0;
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(printable(byte) ? byte : 256 + added++));
})();
const BYTE_OF_LETTER = new Map(LETTER_OF_BYTE.map((letter, byte) => [letter, byte]));

export interface Vocabulary {
  /** Token by number; number 0 is `<|endoftext|>`. */
  readonly tokens: readonly string[];
  /** `left right`, most frequent first. */
  readonly merges: readonly string[];
}

const lettersOf = (text: string): string[] => [...Buffer.from(text, 'utf8')].map((byte) => LETTER_OF_BYTE[byte] ?? '');

/** @example trainVocabulary(corpus({ seed: 7, sentences: 4000 }), 255).tokens.length // 512 */
export function trainVocabulary(text: string, mergeCount: number): Vocabulary {
  const counts = new Map<string, number>();
  for (const [word] of text.matchAll(WORDS)) counts.set(word, (counts.get(word) ?? 0) + 1);
  const words = [...counts].map(([word, count]) => ({ letters: lettersOf(word), count }));
  const merges: string[] = [];
  while (merges.length < mergeCount) {
    const pairs = new Map<string, number>();
    for (const { letters, count } of words)
      for (let index = 0; index + 1 < letters.length; index += 1) {
        const pair = `${letters[index]} ${letters[index + 1]}`;
        pairs.set(pair, (pairs.get(pair) ?? 0) + count);
      }
    const [best] = [...pairs].reduce((a, b) => (b[1] > a[1] || (b[1] === a[1] && b[0] < a[0]) ? b : a), ['', 0]);
    if (best === '') break;
    merges.push(best);
    for (const word of words) word.letters = merged(word.letters, best);
  }
  return { tokens: ['<|endoftext|>', ...LETTER_OF_BYTE, ...merges.map((pair) => pair.replace(' ', ''))], merges };
}

function merged(letters: readonly string[], pair: string): string[] {
  const out: string[] = [];
  for (let index = 0; index < letters.length; index += 1) {
    const [one, two] = [letters[index] ?? '', letters[index + 1]];
    if (two !== undefined && `${one} ${two}` === pair) {
      out.push(one + two);
      index += 1;
    } else out.push(one);
  }
  return out;
}

/** Text ⇄ numbers. */
export class Tokenizer {
  readonly #numbers: ReadonlyMap<string, number>;
  readonly #ranks: ReadonlyMap<string, number>;
  readonly #known = new Map<string, readonly number[]>();
  readonly #bytes: readonly Uint8Array[];

  constructor({ tokens, merges }: Vocabulary) {
    this.#numbers = new Map(tokens.map((token, index) => [token, index]));
    this.#ranks = new Map(merges.map((pair, index) => [pair, index]));
    this.#bytes = tokens.map((token, index) =>
      index === BEGIN ? new Uint8Array() : Uint8Array.from([...token].map((letter) => BYTE_OF_LETTER.get(letter) ?? 0)),
    );
  }

  encode(text: string): number[] {
    return [...text.matchAll(WORDS)].flatMap(([word]) => this.#word(word));
  }

  bytesOf(token: number): Uint8Array {
    return this.#bytes[token] ?? new Uint8Array();
  }

  decode(tokens: readonly number[]): string {
    return Buffer.concat(tokens.map((token) => this.bytesOf(token))).toString('utf8');
  }

  #word(word: string): readonly number[] {
    const known = this.#known.get(word);
    if (known !== undefined) return known;
    let letters = lettersOf(word);
    for (;;) {
      const pairs = letters.slice(1).map((letter, index) => `${letters[index]} ${letter}`);
      const best = pairs.reduce<string | null>((found, pair) => (this.#rank(pair) < this.#rank(found) ? pair : found), null);
      if (best === null) break;
      letters = merged(letters, best);
    }
    const tokens = letters.map((letter) => this.#numbers.get(letter) ?? BEGIN);
    this.#known.set(word, tokens);
    return tokens;
  }

  #rank(pair: string | null): number {
    return pair === null ? Number.POSITIVE_INFINITY : (this.#ranks.get(pair) ?? Number.POSITIVE_INFINITY);
  }
}
