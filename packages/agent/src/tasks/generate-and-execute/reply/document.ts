/**
 * The grammar of a reply. At the level of prose a reply is a row of parts: words, fenced blocks, elements (`<code>…</code>`, tool
 * calls, artifacts) and thoughts. What opens first, from the outside, holds what is in it: a mark inside a fenced program is text
 * of the program, and a program inside a thought is a draft, which is left out.
 *
 * Where a fence or element closes is decided with the parser of the wanted language: at the first possible end after which the
 * content is a program, or else at the first possible end (CommonMark's rule).
 */

import { closing, type Fence, inside, type Line, linesOf, opening } from './fences.ts';
import { CODE_NAMES, labelOf } from './language.ts';
import { type Mark, marksOf } from './marks.ts';
import { withEscapedTicks, withoutCdata } from './repairs.ts';
import type { Syntax } from './syntax.ts';

export interface Part {
  readonly kind: 'words' | 'block' | 'call' | 'code' | 'wrapper';
  readonly text: string;
  /** What the reply calls it: the fence's info, the element's attributes and name. */
  readonly label: string;
  /** False when the reply ended inside it. */
  readonly closed: boolean;
}

export interface Document {
  readonly parts: readonly Part[];
  /** Whether something was left out as a thought. */
  readonly thoughts: boolean;
}

/** Tokens that end a turn; the others of their kind only do so behind code. */
const ENDS: ReadonlySet<string> = new Set(
  (
    'im_end eot_id eot endoftext end_of_text end_of_turn s eos sentence turn return end_turn endofturn end_of_turn_token ' +
    'user im_user observation stop eop text end_of_sentence'
  ).split(' '),
);
const BARE_ENDS: ReadonlySet<string> = new Set(['end_code', 'end_of_turn', 'eos', 'eot', 'endoftext', 'end_turn']);
const FENCE_RUNS = ['``', '~~', '´´', '｀｀', 'ˋˋ', '‵‵', "'''", '"""'];

/** Longest line on which a fence may stand behind marks and words. Characters. */
const MAX_LABELLED_LINE = 400;
/** Ends tried for one fence or element. */
const MAX_ENDS = 12;
const CODE_ARGUMENTS: ReadonlySet<string> = new Set(CODE_NAMES);

/** Reads a reply as a row of parts. `loose`: rarer forms of fences count as well. */
export function readDocument(text: string, syntax: Syntax, loose = false): Document {
  return new Reader(text, syntax, loose).read();
}

class Reader {
  readonly #text: string;
  readonly #syntax: Syntax;
  readonly #loose: boolean;
  readonly #lines: readonly Line[];
  readonly #marks: readonly Mark[];
  /** Names whose closing mark was looked for in vain; it is in no later place either. */
  readonly #unclosed = new Set<string>();
  #parts: Part[] = [];
  #thoughts = false;
  #line = 0;
  #mark = 0;
  #at = 0;
  #ended = false;
  /** Lines and marks that may still be looked at twice. */
  #lookahead = 200_000;
  readonly #first: number;
  /** Lines that hold a fence, so that the search for an end passes over everything else. */
  readonly #fenceLines: readonly number[];

  constructor(text: string, syntax: Syntax, loose: boolean) {
    this.#text = text;
    this.#syntax = syntax;
    this.#loose = loose;
    this.#lines = linesOf(text);
    this.#marks = marksOf(text);
    this.#first = text.length - text.trimStart().length;
    this.#fenceLines = [...this.#lines.keys()].filter((line) => mayFence(this.#textOf(this.#lines[line] as Line)));
  }

  read(): Document {
    let words = 0;
    const flush = (end: number): void => {
      const text = this.#text.slice(words, end);
      if (text.trim() !== '') this.#parts.push({ kind: 'words', text, label: '', closed: true });
    };
    while (this.#at < this.#text.length && !this.#ended) {
      const before = this.#at;
      const line = this.#lineAt(before);
      const fence = this.#mayOpen(line, before) ? opening(this.#text.slice(before, line.end), this.#loose) : null;
      if (fence !== null && !(fence.behindWords && this.#knownMarkIn(before, line.end))) {
        flush(fence.behindWords ? this.#text.indexOf(fence.char.repeat(fence.length), before) : before);
        this.#block(fence);
        words = this.#at;
        continue;
      }
      const mark = this.#nextMark(before, line.end);
      if (mark === null) {
        this.#at = line.end + 1;
        continue;
      }
      this.#at = mark.end;
      const kept = this.#parts.length;
      if (!this.#take(mark)) continue;
      if (this.#parts.length >= kept) {
        const own = this.#parts.splice(kept);
        flush(mark.start);
        this.#parts.push(...own);
      }
      words = this.#at;
    }
    flush(Math.min(this.#at, this.#text.length));
    return { parts: this.#parts, thoughts: this.#thoughts };
  }

  /** Deals with a mark at the level of prose; `false` when it is only text. */
  #take(mark: Mark): boolean {
    switch (mark.kind) {
      case 'thought':
        return mark.close ? this.#thoughtEnd(mark) : this.#thought(mark);
      case 'channel':
        return this.#channel(mark);
      case 'end-of-turn':
        return this.#turn(mark);
      case 'call':
      case 'code':
      case 'wrapper':
      case 'argument':
        return mark.close || this.#inSpan(mark) ? mark.close && this.#startsLine(mark) : this.#element(mark);
      case 'message':
      case 'unknown':
        return mark.special;
    }
  }

  /** A thought is left out. One that opens a reply and does not end has no answer behind it. */
  #thought(mark: Mark): boolean {
    const first = this.#parts.length === 0 && mark.start <= this.#first;
    if (!first && !this.#startsLine(mark) && !mark.special) return false;
    const end = this.#endOf(mark, (other) => other.kind === 'thought' && other.close);
    if (end === null) {
      if (!first && !mark.special && mark.name !== 'think' && mark.name !== 'thinking') return false;
      this.#ended = true;
      this.#at = this.#text.length;
    } else this.#at = end.end;
    this.#thoughts = true;
    return true;
  }

  /** The end of a thought whose beginning was in the prompt: everything before it is thought, unless it is only spoken about. */
  #thoughtEnd(mark: Mark): boolean {
    const next = this.#text[mark.end] ?? '\n';
    const spokenOf = '`"\'.,;:)'.includes(next) || (next === ' ' && /[a-z]/.test(this.#text[mark.end + 1] ?? ''));
    if (spokenOf && !this.#startsLine(mark)) return false;
    this.#parts = [];
    this.#thoughts = true;
    return true;
  }

  /** Harmony (gpt-oss): only the `final` channel answers; a channel with a recipient is a tool call. */
  #channel(mark: Mark): boolean {
    if (mark.close) return true;
    const message = this.#marks[this.#mark];
    const headed = message?.kind === 'message' && message.start - mark.end <= 200;
    const header = this.#text.slice(mark.end, headed ? message.start : mark.end + 24).trim();
    if (header.startsWith('final')) {
      this.#parts = [];
      if (headed) this.#at = message.end;
      return true;
    }
    const from = headed ? message.end : mark.end;
    const ends = (other: Mark): boolean =>
      other.kind === 'channel' || (other.kind === 'end-of-turn' && other.special) || (other.kind === 'thought' && other.close);
    const end = this.#endOf({ ...mark, end: from }, ends);
    const text = this.#text.slice(from, end?.start ?? this.#text.length);
    if (header.includes('to=') || header.includes(' code'))
      this.#parts.push({ kind: 'call', text, label: header, closed: end !== null });
    else this.#thoughts = true;
    this.#at = end === null ? this.#text.length : end.kind === 'channel' && !end.close ? end.start : end.end;
    return true;
  }

  /** A turn that ends after words or code ends the reply; what a model writes behind it is another speaker's. */
  #turn(mark: Mark): boolean {
    if (!mark.special && !mark.close && !BARE_ENDS.has(mark.name)) return false;
    const goesOn = this.#marks.slice(this.#mark, this.#mark + 3).some(({ kind }) => kind === 'channel');
    const said = ENDS.has(mark.name) ? mark.start > this.#first : this.#parts.some(({ kind }) => kind !== 'words');
    if (said && !goesOn) this.#ended = true;
    return true;
  }

  #element(mark: Mark): boolean {
    const bounds = this.#elementBounds(mark);
    if (bounds === null) return false;
    const text = withoutCdata(this.#text.slice(mark.end, bounds.end));
    const label = `${mark.name} ${mark.attributes}`;
    const kind = mark.kind === 'argument' ? this.#argumentKind(mark) : mark.kind;
    if (kind === 'call' || kind === 'code' || kind === 'wrapper')
      this.#parts.push({ kind, text, label, closed: bounds.closed });
    this.#at = bounds.next;
    return true;
  }

  /** Only an argument that is called code counts; GLM names it in an element in front. */
  #argumentKind({ name, attributes, start }: Mark): 'code' | 'words' {
    if (name === 'arg_value') {
      const before = this.#text.slice(Math.max(0, start - 60), start).toLowerCase();
      return CODE_NAMES.some((code) => before.includes(`<arg_key>${code}</arg_key>`)) ? 'code' : 'words';
    }
    const called = attributes.toLowerCase().split(/["'=\s]+/);
    return called.some((word) => CODE_ARGUMENTS.has(word)) ? 'code' : 'words';
  }

  #elementBounds(mark: Mark): { readonly end: number; readonly next: number; readonly closed: boolean } | null {
    const ends = this.#endsOf(mark);
    const fitting = ends.find(({ start }) => this.#syntax.fits(withoutCdata(this.#text.slice(mark.end, start)).trim()));
    const end = fitting ?? ends[0];
    if (end !== undefined) return { end: end.start, next: end.end, closed: true };
    if (mark.kind === 'wrapper' || mark.kind === 'argument') return null;
    if (!mark.special && mark.kind !== 'call' && !this.#startsLine(mark)) return null;
    // Unclosed: `<|python_tag|>`, `[TOOL_CALLS]` and their like run to the end of the turn.
    const turn = this.#endOf(mark, (other) => other.kind === 'end-of-turn' && (other.special || other.close));
    const bare = mark.special || mark.name === 'tool_calls';
    const stop = turn?.start ?? this.#text.length;
    return { end: stop, next: turn?.end ?? stop, closed: bare };
  }

  #endsOf(mark: Mark): readonly Mark[] {
    const key = `</${mark.name}`;
    if (this.#unclosed.has(key)) return [];
    const ends: Mark[] = [];
    for (let index = this.#mark; index < this.#marks.length && ends.length < MAX_ENDS; index += 1) {
      const other = this.#marks[index] as Mark;
      if (other.close && other.name === mark.name) ends.push(other);
    }
    if (ends.length === 0) this.#unclosed.add(key);
    return ends;
  }

  /** The first mark after `mark` that ends it: outside fences, or else anywhere. */
  #endOf(mark: Mark, isEnd: (other: Mark) => boolean): Mark | null {
    const key = `${mark.kind} ${mark.name} ${String(mark.end === mark.start)}`;
    if (this.#unclosed.has(key)) return null;
    let anywhere: Mark | null = null;
    const here = this.#indexOfLine(mark.end);
    let open = opening(this.#text.slice(mark.end, this.#lines[here]?.end), false);
    let line = here + 1;
    for (let index = this.#mark; index < this.#marks.length; index += 1) {
      const other = this.#marks[index] as Mark;
      if (other.start < mark.end || !isEnd(other)) continue;
      if (anywhere !== null) {
        this.#lookahead -= 1;
        if (this.#lookahead < 0) return anywhere;
      }
      for (; line < this.#lines.length && (this.#lines[line] as Line).start <= other.start; line += 1) {
        const text = this.#textOf(this.#lines[line] as Line);
        if (open === null) open = opening(text, false);
        else if (closing(text, open)?.kind === 'plain') open = null;
      }
      if (open === null) return other;
      anywhere ??= other;
    }
    if (anywhere === null) this.#unclosed.add(key);
    return anywhere;
  }

  #block(fence: Fence): void {
    const first = this.#indexOfLine(this.#at) + 1;
    const wanted = labelOf(fence.info);
    const judge = wanted === this.#syntax.language || wanted === 'neutral';
    const ends = this.#fenceEnds(fence, first, judge ? MAX_ENDS : 1);
    const content = (end: FenceEnd): string => this.#content(fence, first, end);
    const chosen = (judge ? this.#fittingEnd(ends, content) : undefined) ?? ends.find(({ sure }) => sure);
    const last = chosen ?? ends[0] ?? { line: this.#lines.length, codeEnd: 0, sure: false };
    this.#parts.push({ kind: 'block', text: content(last), label: fence.info, closed: last.line < this.#lines.length });
    this.#line = Math.min(last.line + 1, this.#lines.length);
    this.#at = this.#lines[this.#line]?.start ?? this.#text.length;
  }

  #fittingEnd(ends: readonly FenceEnd[], content: (end: FenceEnd) => string): FenceEnd | undefined {
    const fitting = ends.find((end) => this.#syntax.fits(content(end)));
    if (fitting !== undefined || this.#syntax.language === 'python') return fitting;
    return ends.find((end) => this.#syntax.fits(withEscapedTicks(content(end)) ?? ''));
  }

  /** Possible ends in the order in which they are tried: plain ones, then those that a program could also hold. */
  #fenceEnds(fence: Fence, first: number, most: number): readonly FenceEnd[] {
    const plain: FenceEnd[] = [];
    const others: FenceEnd[] = [];
    const known = this.#unclosed.has(`fence ${fence.char}${fence.length}`);
    for (let at = known ? this.#fenceLines.length : this.#fenceLineFrom(first); at < this.#fenceLines.length; at += 1) {
      if (plain.length >= most || others.length >= 4 * MAX_ENDS) break;
      const line = this.#fenceLines[at] as number;
      const end = closing(this.#textOf(this.#lines[line] as Line), fence);
      if (end?.kind === 'plain') plain.push({ line, codeEnd: 0, sure: true });
      else if (end?.kind === 'with-words') others.push({ line, codeEnd: 0, sure: false });
      else if (end?.kind === 'behind-code') others.push({ line, codeEnd: end.codeEnd, sure: false });
    }
    if (plain.length === 0 && others.length === 0) this.#unclosed.add(`fence ${fence.char}${fence.length}`);
    const open: FenceEnd = { line: this.#lines.length, codeEnd: 0, sure: plain.length === 0 };
    return [...plain, ...(plain.length === 0 ? [open] : []), ...others.slice(0, MAX_ENDS)];
  }

  #content(fence: Fence, first: number, end: FenceEnd): string {
    const lines: string[] = [];
    for (let line = first; line < Math.min(end.line, this.#lines.length); line += 1)
      lines.push(inside(this.#textOf(this.#lines[line] as Line), fence));
    const last = this.#lines[end.line];
    if (end.codeEnd > 0 && last !== undefined) lines.push(inside(this.#textOf(last).slice(0, end.codeEnd), fence));
    return lines.join('\n');
  }

  /** Index of the first fence line from `line` on. */
  #fenceLineFrom(line: number): number {
    let low = 0;
    let high = this.#fenceLines.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#fenceLines[middle] as number) < line) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** At the start of a line, behind a mark, and on short lines behind words. */
  #mayOpen(line: Line, at: number): boolean {
    return at <= line.start || this.#behindMark(line, at) || line.end - line.start <= MAX_LABELLED_LINE;
  }

  #knownMarkIn(from: number, to: number): boolean {
    for (let index = this.#mark; index < this.#marks.length; index += 1) {
      const mark = this.#marks[index] as Mark;
      if (mark.start >= to) return false;
      if (mark.start >= from && mark.kind !== 'unknown') return true;
    }
    return false;
  }

  #nextMark(from: number, to: number): Mark | null {
    while (this.#mark < this.#marks.length && (this.#marks[this.#mark] as Mark).start < from) this.#mark += 1;
    const mark = this.#marks[this.#mark];
    if (mark === undefined || mark.start >= to) return null;
    this.#mark += 1;
    return mark;
  }

  #lineAt(at: number): Line {
    return this.#lines[this.#indexOfLine(at)] as Line;
  }

  /** Index of the line that holds `at`; the reader only moves forward. */
  #indexOfLine(at: number): number {
    while (this.#line > 0 && (this.#lines[this.#line]?.start ?? Number.POSITIVE_INFINITY) > at) this.#line -= 1;
    while (this.#line + 1 < this.#lines.length && (this.#lines[this.#line + 1] as Line).start <= at) this.#line += 1;
    return this.#line;
  }

  #textOf({ start, end }: Line): string {
    return this.#text.slice(start, end);
  }

  /** Whether `at` comes behind a mark, and a fence may begin there, as in `</think>```python`. */
  #behindMark(line: Line, at: number): boolean {
    let next = at;
    while (next < line.end && this.#text[next] === ' ') next += 1;
    return FENCE_RUNS.some((run) => this.#text.startsWith(run, next)) && this.#blankBefore(line, at);
  }

  /** Whether nothing, or only another mark, stands before `at` on its line. */
  #blankBefore(line: Line, at: number): boolean {
    let before = at - 1;
    while (before >= line.start && ' \t\u00a0\u200b\ufeff'.includes(this.#text[before] as string)) before -= 1;
    return before < line.start || '>]▷'.includes(this.#text[before] as string);
  }

  #startsLine(mark: Mark): boolean {
    const line = this.#lineAt(mark.start);
    return this.#blankBefore(line, mark.start);
  }

  /** Whether the mark is quoted in the prose, as `<code>`. */
  #inSpan({ start, end }: Mark): boolean {
    return '`"\''.includes(this.#text[start - 1] ?? ' ') && '`"\''.includes(this.#text[end] ?? ' ');
  }
}

function mayFence(line: string): boolean {
  return FENCE_RUNS.some((run) => line.includes(run));
}

interface FenceEnd {
  /** The line of the closing fence; the number of lines when there is none. */
  readonly line: number;
  /** Where code ends on that line, 0 when none is on it. */
  readonly codeEnd: number;
  readonly sure: boolean;
}
