/**
 * Lines of a reply and the fences among them: CommonMark's rule (https://spec.commonmark.org/0.31.2/#fenced-code-blocks), and the
 * ways in which models depart from it: fences in quotes and list items, behind a few words, of acute accents or full-width
 * ticks, with end marks behind the closing one.
 */

import { isBareLabel } from './language.ts';

export interface Line {
  readonly start: number;
  /** Without the line end. */
  readonly end: number;
}

export interface Fence {
  readonly char: string;
  readonly length: number;
  /** The rest of the line. */
  readonly info: string;
  /** Columns before the fence that its content repeats. */
  readonly indent: number;
  /** Words in front of the fence on its line. */
  readonly behindWords: boolean;
  readonly quoted: boolean;
}

const FENCE_CHARS = '`~´｀ˋ‵';
/** Written as fences by models that avoid ticks; they are also program text, so they only count in a loose reading. */
const LOOSE_CHARS = '\'"';
const BLANKS = ' \t\u00a0\u200b\u200c\u200d\u2060\ufeff\u3000';

/** Every line of `text`. */
export function linesOf(text: string): readonly Line[] {
  const lines: Line[] = [];
  let start = 0;
  for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', start)) {
    lines.push({ start, end });
    start = end + 1;
  }
  lines.push({ start, end: text.length });
  return lines;
}

/**
 * The fence that `line` opens, or `null`. With `loose`, two ticks and three quotation marks in front of a language open one too.
 */
export function opening(line: string, loose: boolean): Fence | null {
  const { at, quoted } = behindContainers(line);
  const char = line[at] ?? '';
  const length = runLength(line, at);
  const info = line.slice(at + length).trim();
  const usual = FENCE_CHARS.includes(char) && length >= 3 && char !== '';
  const unusual = loose && ((char === '`' && length === 2) || (LOOSE_CHARS.includes(char) && length === 3 && char !== ''));
  if ((usual && !info.includes(char === '~' ? '\u0000' : char)) || (unusual && isBareLabel(info))) {
    return { char, length, info, indent: at, behindWords: false, quoted };
  }
  return behindWords(line);
}

/** `Here is the code: ```python`: a fence at the end of a line, which only counts with a language. */
function behindWords(line: string): Fence | null {
  const last = line.lastIndexOf('```');
  if (last <= 0 || line.length - last > 40) return null;
  let at = last;
  while (at > 0 && line[at - 1] === '`') at -= 1;
  if (at === 0 || line.slice(0, at).includes('`')) return null;
  const length = runLength(line, at);
  const info = line.slice(at + length).trim();
  return isBareLabel(info) ? { char: '`', length, info, indent: 0, behindWords: true, quoted: false } : null;
}

/** Where the text of a line begins, behind blanks, `>` and list marks. */
function behindContainers(line: string): { readonly at: number; readonly quoted: boolean } {
  let at = 0;
  let quoted = false;
  for (;;) {
    while (at < line.length && BLANKS.includes(line[at] as string)) at += 1;
    const char = line[at] ?? '';
    if (char === '>') {
      quoted = true;
      at += 1;
      continue;
    }
    const mark = listMark(line, at);
    if (mark === 0) return { at, quoted };
    at += mark;
  }
}

function listMark(line: string, at: number): number {
  const next = line[at + 1];
  if ('-*+•'.includes(line[at] ?? '\n') && (next === ' ' || next === '\t')) return 2;
  let digits = at;
  while (digits - at < 3 && isDigit(line[digits])) digits += 1;
  const closes = digits > at && (line[digits] === '.' || line[digits] === ')');
  return closes && (line[digits + 1] === ' ' || line[digits + 1] === '\t') ? digits + 2 - at : 0;
}

export type Closing =
  /** Nothing but the fence, and marks behind it. */
  | { readonly kind: 'plain' }
  /** The fence with words behind it. */
  | { readonly kind: 'with-words' }
  /** The fence at the end of the last line of code, which ends at `codeEnd` of the line. */
  | { readonly kind: 'behind-code'; readonly codeEnd: number };

/** Whether `line` can close `fence`, and how. */
export function closing(line: string, fence: Fence): Closing | null {
  if (!line.includes(fence.char)) return null;
  let at = 0;
  while (at < line.length && (BLANKS.includes(line[at] as string) || (fence.quoted && line[at] === '>'))) at += 1;
  const length = line[at] === fence.char ? runLength(line, at) : 0;
  if (length >= fence.length) return isMarkup(line.slice(at + length)) ? { kind: 'plain' } : { kind: 'with-words' };
  const last = line.lastIndexOf(fence.char.repeat(fence.length));
  if (last < 0 || !isMarkup(line.slice(last + fence.length))) return null;
  let codeEnd = last;
  while (codeEnd > 0 && line[codeEnd - 1] === fence.char) codeEnd -= 1;
  return { kind: 'behind-code', codeEnd };
}

/** Nothing, or only marks such as `<|im_end|>`, `</code>` and `<end_code>`. */
function isMarkup(rest: string): boolean {
  let text = rest.trim();
  while (text !== '' && ((text.startsWith('<') && text.includes('>')) || (text.startsWith('[') && text.includes(']')))) {
    text = text.slice(text.indexOf(text.startsWith('<') ? '>' : ']') + 1).trim();
  }
  return text === '';
}

/** The line without what the fence's own indentation and quotation put in front of it. */
export function inside(line: string, fence: Fence): string {
  let at = 0;
  if (fence.quoted) {
    while (at < line.length && ' \t'.includes(line[at] as string)) at += 1;
    if (line[at] !== '>') return line;
    while (line[at] === '>') at += 1;
    return line[at] === ' ' ? line.slice(at + 1) : line.slice(at);
  }
  while (at < fence.indent && at < line.length && BLANKS.includes(line[at] as string)) at += 1;
  return line.slice(at);
}

function runLength(line: string, at: number): number {
  let end = at;
  while (end < line.length && line[end] === line[at]) end += 1;
  return end - at;
}

function isDigit(char: string | undefined): boolean {
  return char !== undefined && char >= '0' && char <= '9';
}
