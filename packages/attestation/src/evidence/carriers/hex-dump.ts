/**
 * Hex dumps as every system prints them, turned back into bytes: `xxd` (also `-b`), `hexdump -C`, `hexdump`, `od` (octal, `-x`, `-t x1`,
 * `-t x4`, `-t o1`), PowerShell's `Format-Hex`. Every offset in the dump must be the number of bytes before it, so that a dump with lines left out is not taken for whole.
 * Not checked here: anything about the bytes.
 */

const MAX_TEXT = 16 * 1024 * 1024; // characters
const LINE = /^([0-9a-fA-F]{6,16})(:?)(?:[ \t](.*))?$/;
const WORDS_A_LINE = 64;
/** Bytes in a row of most dumps. */
const ROW = 16;

/**
 * The bytes of a dump, `null` when `text` is none.
 * @example bytesOfHexDump('00000000: ff54 4347  .TCG\n') // ff 54 43 47
 */
export function bytesOfHexDump(text: string): Uint8Array | null {
  if (text.length > MAX_TEXT) return null;
  const lines = text.split(/\r?\n/).map((line) => line.trimEnd());
  const from = lines.findIndex((line) => LINE.test(line));
  const rows = from < 0 || from > 8 ? [] : lines.slice(from).filter((line) => line !== '');
  if (rows.length === 0) return null;
  for (const [base, word] of WORDS.flatMap((each) => [16, 8].map((radix) => [radix, each] as const))) {
    const bytes = readRows(rows, base, word);
    if (bytes !== null) return bytes;
  }
  return null;
}

/** The bytes of one word as one program prints it, `null` for another. Which program it was, the offsets tell. */
type WordReader = (word: string) => readonly number[] | null;

const WORDS: readonly WordReader[] = [
  (word) => (/^[01]{8}$/.test(word) ? [Number.parseInt(word, 2)] : null),
  (word) =>
    /^(?:[0-9a-fA-F]{2}){1,32}$/.test(word) ? (word.match(/../g) ?? []).map((pair) => Number.parseInt(pair, 16)) : null,
  (word) => (/^[0-7]{6}$/.test(word) ? littleEndian(Number.parseInt(word, 8), 2) : null),
  (word) => (/^[0-7]{3}$/.test(word) ? littleEndian(Number.parseInt(word, 8), 1) : null),
];

/** Words of the machine, which is little-endian everywhere that matters: `hexdump`, `od -x`, `od -t x4`. */
const MACHINE_WORD: WordReader = (word) =>
  /^(?:[0-9a-fA-F]{4}|[0-9a-fA-F]{8})$/.test(word) ? littleEndian(Number.parseInt(word, 16), word.length / 2) : null;

/** @param base of the offsets: `od` writes them in octal. */
function readRows(rows: readonly string[], base: number, word: WordReader): Uint8Array | null {
  const out = new Bytes();
  let repeated: readonly number[] | null = null;
  let last: readonly number[] = [];
  for (const row of rows) {
    if (row === '*') {
      repeated = last;
      continue;
    }
    const [, digits = '', colon, rest = ''] = LINE.exec(row) ?? [];
    const offset = Number.parseInt(digits, base);
    if (digits === '' || (base === 8 && /[89a-fA-F]/.test(digits)) || !Number.isSafeInteger(offset)) return null;
    if (!out.reach(offset, repeated)) return null;
    repeated = null;
    const bytes = rowBytes(rest, colon === ':', word);
    if (bytes === null) return null;
    if (bytes.length > 0) last = bytes;
    out.append(bytes);
  }
  return repeated === null && out.length > 0 ? out.take() : null;
}

/** The bytes of one row; none for the last one, which holds the length alone. */
function rowBytes(rest: string, isXxd: boolean, read: WordReader): readonly number[] | null {
  const printed = isXxd ? rest.trimStart().split(/ {2}/, 1)[0] : rest.split(/ [|>]| {3}(?=\S)/, 1)[0];
  const all = (printed ?? '').split(/[ \t-]+/).filter((word) => word !== '');
  // PowerShell prints the characters one space behind the sixteenth byte.
  const isWide = !isXxd && all.length > ROW && all.slice(0, ROW).every((word) => word.length === 2);
  const words = isWide ? all.slice(0, ROW) : all;
  if (words.length > WORDS_A_LINE) return null;
  const bytes: number[] = [];
  for (const word of words) {
    // Only `xxd` groups bytes in their order; without its colon, longer groups are words of the machine.
    const found = !isXxd && word.length > 2 ? (MACHINE_WORD(word) ?? read(word)) : read(word);
    if (found === null) return null;
    bytes.push(...found);
  }
  return bytes;
}

function littleEndian(word: number, length: number): readonly number[] {
  return Array.from({ length }, (_, index) => Math.floor(word / 256 ** index) % 256);
}

/** Bytes that grow; bounded by the text they come from, except for repeated rows. */
class Bytes {
  #bytes = new Uint8Array(4096);
  length = 0;

  append(bytes: readonly number[]): void {
    if (this.length + bytes.length > this.#bytes.length) {
      const larger = new Uint8Array(2 * (this.length + bytes.length));
      larger.set(this.#bytes.subarray(0, this.length));
      this.#bytes = larger;
    }
    this.#bytes.set(bytes, this.length);
    this.length += bytes.length;
  }

  /** True when the bytes so far, with a repeated row filled in, end at `offset`. What a last word has too much is cut off. */
  reach(offset: number, repeated: readonly number[] | null): boolean {
    if (repeated !== null && repeated.length > 0 && offset <= MAX_TEXT) while (this.length < offset) this.append(repeated);
    if (offset < this.length && offset > this.length - 4) this.length = offset;
    return this.length === offset;
  }

  take(): Uint8Array {
    return this.#bytes.slice(0, this.length);
  }
}
