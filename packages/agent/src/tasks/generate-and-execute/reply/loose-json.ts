/**
 * Reads JSON as models write it: with raw line ends in strings, single, triple or back quotes, trailing commas, comments, bare
 * names, Python's `True` and `None`. One pass; what cannot be read ends the value, which is then marked as not whole.
 */

export type Loose = string | number | boolean | null | readonly Loose[] | LooseObject;

export interface LooseObject {
  readonly [name: string]: Loose;
}

export interface LooseValue {
  readonly value: Loose;
  /** Where reading stopped. */
  readonly end: number;
  /** False when the text ended, or made no sense, inside the value. */
  readonly whole: boolean;
}

const MAX_DEPTH = 32;
const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', b: '\b', f: '\f', '0': '\0', '\n': '' };

/** The value that begins at `start` of `text`. */
export function looseJson(text: string, start = 0): LooseValue {
  const reader = new Reader(text, start);
  const value = reader.value(0);
  return { value, end: reader.at, whole: reader.whole };
}

class Reader {
  readonly #text: string;
  at: number;
  whole = true;

  constructor(text: string, start: number) {
    this.#text = text;
    this.at = start;
  }

  value(depth: number): Loose {
    this.#skip();
    const char = this.#text[this.at];
    if (char === undefined || depth > MAX_DEPTH) return this.#broken();
    if (char === '{') return this.#object(depth);
    if (char === '[') return this.#list(depth);
    if (`"'\``.includes(char)) return this.#string();
    return this.#word();
  }

  #object(depth: number): Loose {
    const members: Record<string, Loose> = Object.create(null) as Record<string, Loose>;
    this.at += 1;
    for (;;) {
      this.#skip();
      const char = this.#text[this.at];
      if (char === '}') {
        this.at += 1;
        return members;
      }
      if (char === undefined) return this.#broken(members);
      const name = `"'\``.includes(char) ? this.#string() : this.#bareName();
      this.#skip();
      if (name === '' || this.#text[this.at] !== ':') return this.#broken(members);
      this.at += 1;
      members[name] = this.value(depth + 1);
      if (!this.whole) return members;
    }
  }

  #list(depth: number): Loose {
    const items: Loose[] = [];
    this.at += 1;
    for (;;) {
      this.#skip();
      const char = this.#text[this.at];
      if (char === ']') {
        this.at += 1;
        return items;
      }
      if (char === undefined) return this.#broken(items);
      items.push(this.value(depth + 1));
      if (!this.whole) return items;
    }
  }

  #string(): string {
    const quote = this.#text[this.at] as string;
    const triple = quote.repeat(3);
    const mark = quote !== '`' && this.#text.startsWith(triple, this.at) ? triple : quote;
    this.at += mark.length;
    let value = '';
    let from = this.at;
    for (; this.at < this.#text.length; this.at += 1) {
      const char = this.#text[this.at] as string;
      if (char === '\\') {
        value += this.#text.slice(from, this.at) + this.#escape();
        from = this.at + 1;
      } else if (char === quote && this.#text.startsWith(mark, this.at)) {
        value += this.#text.slice(from, this.at);
        this.at += mark.length;
        return value;
      }
    }
    this.whole = false;
    return value + this.#text.slice(from);
  }

  /** The character that an escape at `at` stands for; leaves `at` on its last character. */
  #escape(): string {
    this.at += 1;
    const char = this.#text[this.at] ?? '';
    const digits = char === 'u' ? 4 : char === 'x' ? 2 : 0;
    const hex = this.#text.slice(this.at + 1, this.at + 1 + digits);
    if (digits > 0 && hex.length === digits && /^[0-9a-fA-F]+$/.test(hex)) {
      this.at += digits;
      return String.fromCharCode(Number.parseInt(hex, 16));
    }
    return ESCAPES[char] ?? char;
  }

  #word(): Loose {
    const word = this.#bareName();
    if (word === '') return this.#broken();
    const number = Number(word);
    if (!Number.isNaN(number)) return number;
    if (/^(?:true|false)$/i.test(word)) return word.toLowerCase() === 'true';
    return /^(?:null|none|undefined)$/i.test(word) ? null : this.#broken();
  }

  #bareName(): string {
    const start = this.at;
    while (this.at < this.#text.length && this.at - start < 200 && /[\w$.+-]/.test(this.#text[this.at] as string)) this.at += 1;
    return this.#text.slice(start, this.at);
  }

  #skip(): void {
    for (;;) {
      const char = this.#text[this.at];
      if (char === ' ' || char === '\n' || char === '\r' || char === '\t' || char === ',' || char === '\u00a0') this.at += 1;
      else if (char === '/' && this.#text[this.at + 1] === '/') this.#skipLine();
      else return;
    }
  }

  #skipLine(): void {
    const end = this.#text.indexOf('\n', this.at);
    this.at = end < 0 ? this.#text.length : end;
  }

  #broken(value: Loose = null): Loose {
    this.whole = false;
    return value;
  }
}
