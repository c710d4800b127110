/** The story of receipts for people: what was asked, what ran and what came out, a step a line, with the first lines of each text. */

import type { Receipt } from '@assay/receipt';
import { type PayloadOf, type Quote, type StoryLog, type StoryStep, storyOf } from '../story/index.ts';
import type { Io } from './io.ts';
import { table, wrapped } from './layout.ts';
import { printable, styleOf } from './output.ts';

/** One receipt, with what is known around it. */
export interface ToldReceipt {
  readonly receipt: Receipt;
  /** `null` outside of bundles. */
  readonly log: StoryLog | null;
  readonly payload: PayloadOf;
}

export interface StoryLinesOptions {
  /** Every receipt, and texts in full. */
  readonly verbose: boolean;
}

const MOST_RECEIPTS = 5;
const QUOTE_LINES = 4;
/** Characters of a quoted line. */
const QUOTE_WIDTH = 160;
/** Quotes stand below the text of their step. */
const INDENT = 14;
const PLAIN_COLUMNS = 100;

/** @example storyLines([{ receipt, log: null, payload }], io, { verbose: false }) */
export function storyLines(receipts: readonly ToldReceipt[], io: Io, { verbose }: StoryLinesOptions): string {
  const shown = verbose ? receipts : receipts.slice(0, MOST_RECEIPTS);
  const more = receipts.length - shown.length;
  const rest =
    more > 0 ? `\n${more} more ${more === 1 ? 'receipt' : 'receipts'}; --verbose tells ${more === 1 ? 'it' : 'them'}\n` : '';
  return `${shown.map((told) => receiptLines(told, io, verbose)).join('\n')}${rest}`;
}

function receiptLines({ receipt, log, payload }: ToldReceipt, io: Io, verbose: boolean): string {
  const style = styleOf(io);
  const heading = `${style.strong(`Receipt ${printable(receipt.receipt_id, { full: true })}`)}\n`;
  const steps = storyOf(receipt, { payload, log }).steps.map((step) => {
    const row = table([[style.faint(step.kind.padEnd(INDENT - 4)), printable(wordsOf(step))]], { columns: io.columns });
    return `${row}${quotesOf(step, verbose)
      .map((quote) => quoteLines(quote, io, verbose))
      .join('')}`;
  });
  return `${heading}${steps.join('')}`;
}

/** The kind stands in front, so the title is said only where there is nothing else. */
function wordsOf({ title, text, attempt }: StoryStep): string {
  const said = text === '' ? title : text;
  return attempt !== null && attempt > 1 ? `${said} (attempt ${attempt})` : said;
}

/** The first text; all of them, raw documents aside, with `--verbose`. */
function quotesOf({ quotes }: StoryStep, verbose: boolean): readonly Quote[] {
  const shown = quotes.filter(({ folded }) => !folded);
  return verbose ? shown : shown.slice(0, 1);
}

function quoteLines({ text: whole }: Quote, io: Io, verbose: boolean): string {
  const style = styleOf(io);
  const lines = whole.replaceAll('\t', '    ').split('\n');
  const shown = verbose ? lines : lines.slice(0, QUOTE_LINES);
  const more = lines.length - shown.length;
  const width = verbose ? Number.POSITIVE_INFINITY : Math.min(QUOTE_WIDTH, (io.columns ?? PLAIN_COLUMNS) - INDENT - 2);
  const cut = (line: string): string => (line.length > width ? `${line.slice(0, width - 1)}…` : line);
  const text = shown
    .map((line) => `${' '.repeat(INDENT)}${style.faint('│')} ${printable(cut(line), { full: true })}\n`)
    .join('');
  return `${text}${more > 0 ? wrapped(`${' '.repeat(INDENT)}${style.faint(`│ … ${more} more line${more === 1 ? '' : 's'}`)}`, null) : ''}`;
}
