/** Lines and tables that fit a terminal. In a pipe (`columns` is `null`) lines are never broken, so that programs find them whole. */

import { stripVTControlCharacters } from 'node:util';

/** The last column of a table gets this much room at least, or goes below the others. */
const LEAST_ROOM = 28;
/** Of text below the other columns. */
const BELOW = 6;

/** One paragraph with its line end, broken between words; further lines are indented by `hang`. Words are never broken. */
export function wrapped(text: string, columns: number | null, hang = 0): string {
  return `${linesOf(text, columns, hang).join('\n')}\n`;
}

/** The first of many names, and how many more there are. @example shortList(['a', 'b', 'c', 'd', 'e'], 3) // 'a, b, c and 2 more' */
export function shortList(names: readonly string[], most = 4): string {
  const left = names.length - most;
  return left <= 1 ? names.join(', ') : `${names.slice(0, most).join(', ')} and ${left} more`;
}

export interface TableOptions {
  /** In front of every line. */
  readonly indent?: string;
  /** Of the terminal; `null` in a pipe. */
  readonly columns: number | null;
}

/**
 * Columns padded to the widest cell, two spaces between them, no trailing space. In a terminal the last column is broken to fit, or goes
 * below the others; so do cells that have no room on their line. Colour codes take no width.
 */
export function table(rows: readonly (readonly string[])[], { indent = '  ', columns }: TableOptions): string {
  const count = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: count }, (_, column) => Math.max(...rows.map((row) => width(row[column] ?? ''))));
  const before = widths.slice(0, -1).reduce((sum, each) => sum + each + 2, indent.length);
  const below = columns !== null && columns - before < LEAST_ROOM && before > BELOW;
  return rows.map((row) => rowText(row, { widths, indent, columns, before, below })).join('');
}

interface Placement {
  readonly widths: readonly number[];
  readonly indent: string;
  readonly columns: number | null;
  /** Where the last column begins. */
  readonly before: number;
  /** The last column goes below the others. */
  readonly below: boolean;
}

function rowText(row: readonly string[], { widths, indent, columns, before, below }: Placement): string {
  const last = row[widths.length - 1] ?? '';
  const head = row
    .slice(0, widths.length - 1)
    .map((cell, column) => `${cell}${' '.repeat((widths[column] ?? 0) - width(cell))}  `);
  const line = `${indent}${head.join('')}${last}`.trimEnd();
  if (columns === null || before + width(last) <= columns) return `${line}\n`;
  if (!below) return wrapped(line, columns, before);
  return [...filled(head, indent, columns), ' '.repeat(BELOW) + last].map((each) => wrapped(each, columns, BELOW)).join('');
}

/** Cells on as few lines as the columns allow, each whole. */
function filled(cells: readonly string[], indent: string, columns: number): readonly string[] {
  const lines: string[] = [];
  let line = indent;
  for (const cell of cells) {
    if (line.trim() !== '' && width(line + cell.trimEnd()) > columns) {
      lines.push(line.trimEnd());
      line = ' '.repeat(BELOW);
    }
    line += cell;
  }
  return [...lines, line.trimEnd()].filter((each) => each !== '');
}

/** Digits of one line of broken hex. */
const DIGITS = 48;

/** Long hex in lines of equal length where `room` columns do not hold it; other text as it is. */
export function hexLines(value: string, room: number | null): readonly string[] {
  if (room === null || value.length <= room || !/^[0-9a-f]+$/.test(value)) return [value];
  const digits = Math.max(16, Math.min(DIGITS, room - (room % 16)));
  return Array.from({ length: Math.ceil(value.length / digits) }, (_, line) => value.slice(line * digits, (line + 1) * digits));
}

/** Names and values, long hex in full. */
export function valueTable(pairs: Readonly<Record<string, string>>, columns: number | null): string {
  const widest = Math.max(0, ...Object.keys(pairs).map((name) => name.length));
  const room = columns === null ? null : columns - widest - 4;
  const rows = Object.entries(pairs).flatMap(([name, value]) =>
    hexLines(value, room).map((line, at) => [at === 0 ? name : '', line]),
  );
  return table(rows, { columns });
}

/** An instant for lists that people read: to the minute, UTC. @param ms epoch milliseconds. @example '2026-11-30T17:19Z' */
export function minuteOf(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 16)}Z`;
}

/** Of the text as it is seen. */
function width(text: string): number {
  return stripVTControlCharacters(text).length;
}

/** Words, each with the spaces before it. */
function* piecesOf(text: string): Generator<string> {
  let spaces = '';
  for (const word of text.split(' ')) {
    if (word !== '') yield spaces + word;
    spaces = word === '' ? `${spaces} ` : ' ';
  }
}

function linesOf(text: string, columns: number | null, hang: number): readonly string[] {
  if (columns === null || width(text) <= columns) return [text];
  const start = /^ */.exec(text)?.[0] ?? '';
  const lines: string[] = [];
  let line = start;
  for (const piece of piecesOf(text.slice(start.length))) {
    if (width(line) + width(piece) > columns && line.trim() !== '') {
      lines.push(line);
      line = ' '.repeat(hang) + piece.trimStart();
    } else line += piece;
  }
  return [...lines, line];
}
