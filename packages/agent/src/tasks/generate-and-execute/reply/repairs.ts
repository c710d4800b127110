/**
 * Slips that models make with characters, each with the one change that mends it. A repair is only tried on text that is not a
 * program as it stands, and only kept when the text is one afterwards (or at least understood further). What it changed is said
 * in the answer's warnings.
 */

import { dedented } from './carriers.ts';
import type { GeneratedLanguage } from './language.ts';
import { marksOf } from './marks.ts';
import { withoutNotebookLines } from './notebook-lines.ts';
import type { Syntax } from './syntax.ts';

export interface Repair {
  /** For the answer's warnings. */
  readonly note: string;
  /** The mended text, or `null` when there is nothing of this kind. */
  readonly mend: (code: string, language: GeneratedLanguage) => string | null;
}

/** Characters that stand for others, one for one, so that string literals can be given back what they held. */
const STAND_INS: ReadonlyMap<string, string> = new Map([
  ...pairs('\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033', '"'),
  ...pairs('\u2018\u2019\u201a\u201b\u2032\u02bc', "'"),
  ...pairs('\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000', ' '),
  ...pairs('\u2212\u2013\u2014\u2010\u2011', '-'),
  ...pairs('\u3001\uff0c', ','),
  ['\u3002', '.'],
  ['\u00d7', '*'],
  ['\u00f7', '/'],
]);
const INVISIBLE = '\u200b\u200c\u200d\u2060\ufeff\u00ad\u200e\u200f\u202a\u202b\u202c\u2066\u2067\u2068\u2069';
const ENTITIES: readonly (readonly [string, string])[] = [
  ['&lt;', '<'],
  ['&gt;', '>'],
  ['&quot;', '"'],
  ['&#34;', '"'],
  ['&#39;', "'"],
  ['&#x27;', "'"],
  ['&apos;', "'"],
  ['&nbsp;', ' '],
  ['&#96;', '`'],
  ['&#61;', '='],
  ['&#10;', '\n'],
  ['&amp;', '&'],
];

/** In the order in which they are tried. */
export const REPAIRS: readonly Repair[] = [
  { note: 'prompts of an interactive session were taken off', mend: (code) => withoutPrompts(code) },
  { note: 'lines for notebooks or shells were turned into comments', mend: withoutNotebookLines },
  {
    note: 'ticks inside template strings were escaped',
    mend: (code, language) => (language === 'javascript' ? withEscapedTicks(code) : null),
  },
  { note: 'HTML entities were decoded', mend: (code) => decodedEntities(code) },
  { note: 'other line ends were read as line ends', mend: (code) => plainLineEnds(code) },
  { note: 'invisible characters were taken out', mend: (code) => without(code, INVISIBLE) },
  { note: 'line numbers were taken off', mend: (code) => withoutLineNumbers(code) },
  { note: 'indentation that all lines share was taken off', mend: (code) => shifted(code) },
  { note: 'a label in front of the program was left out', mend: (code) => withoutLabel(code) },
  { note: 'escapes of Markdown were taken off', mend: (code) => unescapedMarkdown(code) },
  { note: 'written-out line ends were read as line ends', mend: (code) => withLineEnds(code) },
];

/** A text without what stands behind its first end mark, when only that keeps it from being a program. */
export function withoutEndMarks(code: string, syntax: Syntax): string | null {
  const ends = marksOf(code).filter(
    ({ kind, special, close, name }) => kind !== 'unknown' && (special || close || name === 'end_code'),
  );
  for (const { start } of ends.slice(0, 8)) {
    const before = code.slice(0, start).trimEnd();
    if (before !== '' && syntax.fits(before)) return before;
  }
  return null;
}

/** Typographic characters as their plain ones, outside string literals. `null` when that does not make a program. */
export function withPlainCharacters(code: string, syntax: Syntax): string | null {
  let plain = '';
  for (const char of code) plain += char.length === 1 ? plainOf(char) : char;
  if (plain === code) return null;
  const checked = syntax.check(plain);
  if (!checked.fits) return null;
  let mended = '';
  let at = 0;
  for (const { from, to } of checked.facts.literals) {
    if (from < at) continue;
    const open = innerStart(plain, from);
    const close = Math.max(open, plain[to - 1] === plain[open - 1] ? to - 1 : to);
    mended += plain.slice(at, open) + code.slice(open, close);
    at = close;
  }
  mended += plain.slice(at);
  return mended !== plain && syntax.fits(mended) ? mended : plain;
}

function plainOf(char: string): string {
  const code = char.charCodeAt(0);
  if (code >= 0xff01 && code <= 0xff5e && code !== 0xff0c) return String.fromCharCode(code - 0xfee0);
  return STAND_INS.get(char) ?? char;
}

/** Behind the quotation mark that opens a literal, which a prefix such as `f` may precede. */
function innerStart(code: string, from: number): number {
  for (let at = from; at < from + 4; at += 1) if (`"'\`#/`.includes(code[at] ?? '')) return at + 1;
  return from;
}

function pairs(chars: string, plain: string): readonly (readonly [string, string])[] {
  return [...chars].map((char) => [char, plain] as const);
}

function without(code: string, chars: string): string | null {
  let kept = '';
  for (const char of code) if (!chars.includes(char)) kept += char;
  return kept === code ? null : kept;
}

/** Fences inside a template string, which JavaScript would read as its end. */
export function withEscapedTicks(code: string): string | null {
  return code.includes('```') ? code.replaceAll('```', '\\`\\`\\`') : null;
}

function decodedEntities(code: string): string | null {
  let decoded = code;
  for (const [entity, char] of ENTITIES) decoded = decoded.replaceAll(entity, char);
  return decoded === code ? null : decoded;
}

export function plainLineEnds(code: string): string | null {
  const plain = code
    .replaceAll('\u2028', '\n')
    .replaceAll('\u2029', '\n')
    .replaceAll('\u0085', '\n')
    .replaceAll('\v', '\n')
    .replaceAll('\r', '\n');
  return plain === code ? null : plain;
}

/** `>>> `, `... ` and `In [1]: ` are taken off; what the session answered is left out. */
export function withoutPrompts(code: string): string | null {
  const lines = code.split('\n');
  const first = lines.find((line) => line.trim() !== '')?.trimStart() ?? '';
  if (!first.startsWith('>>>') && inputPrompt(first) === 0 && !first.startsWith('> ')) return null;
  const program: string[] = [];
  let inCell = false;
  for (const raw of lines) {
    const line = raw.trimStart();
    const prompt = inputPrompt(line);
    if (line.startsWith('>>>') || line.startsWith('... ') || line === '...') program.push(line.slice(4));
    else if (first.startsWith('> ') && line.startsWith('> ')) program.push(line.slice(2));
    else if (prompt > 0) program.push(line.slice(prompt));
    else if (inCell && line.startsWith('...: ')) program.push(line.slice(5));
    inCell = prompt > 0 || (inCell && line.startsWith('...:'));
  }
  return program.join('\n');
}

/** Length of `In [12]: ` at the start of a line. */
function inputPrompt(line: string): number {
  return /^In \[[0-9 *]{1,6}\]: ?/.exec(line.slice(0, 20))?.[0].length ?? 0;
}

function withoutLineNumbers(code: string): string | null {
  const lines = code.split('\n').filter((line) => line.trim() !== '');
  let number = 0;
  const program: string[] = [];
  for (const line of lines) {
    const match = /^ {0,8}([0-9]{1,6})(?:[.:|)]| \||\t| )(?: |$)?/.exec(line.slice(0, 24));
    const next = Number(match?.[1] ?? Number.NaN);
    if (match === null || Number.isNaN(next) || (number > 0 && next <= number)) return null;
    number = next;
    program.push(line.slice(match[0].length));
  }
  return program.length === 0 ? null : program.join('\n');
}

/** Without the indentation that all lines share, or that all but the first share. */
function shifted(code: string): string | null {
  const whole = dedented(code);
  if (whole !== code) return whole;
  const end = code.indexOf('\n');
  if (end < 0 || code.slice(0, end).trimEnd().endsWith(':')) return null;
  const rest = dedented(code.slice(end + 1));
  return rest === code.slice(end + 1) ? null : `${code.slice(0, end + 1)}${rest}`;
}

/** Without a first line such as `main.py` or `File: main.py`. */
function withoutLabel(code: string): string | null {
  const end = code.indexOf('\n');
  const first = code.slice(0, Math.max(0, end)).trim();
  return end > 0 && first.length <= 80 && !first.includes('=') ? code.slice(end + 1) : null;
}

function unescapedMarkdown(code: string): string | null {
  let text = code;
  for (const char of '_*[]()<>#`') text = text.replaceAll(`\\${char}`, char);
  return text === code ? null : text;
}

/** `\n` as two characters, as in JSON that was encoded twice. */
export function withLineEnds(code: string): string | null {
  if (!code.includes('\\n')) return null;
  return code
    .replaceAll('\\r', '')
    .replaceAll('\\n', '\n')
    .replaceAll('\\t', '\t')
    .replaceAll('\\"', '"')
    .replaceAll("\\'", "'");
}

/** The text of an element without its CDATA frame. */
export function withoutCdata(text: string): string {
  const trimmed = text.trim();
  if (!trimmed.startsWith('<![CDATA[')) return text;
  return trimmed.slice('<![CDATA['.length, trimmed.endsWith(']]>') ? -3 : undefined);
}
