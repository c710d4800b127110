/** Checks for people: failed ones first, with what was expected and found; what passed and what was not asked in one line, unless all is wanted. */

import { type Check, type CheckOutcome, checkName } from '@assay/attestation';
import type { Io } from './io.ts';
import { table, wrapped } from './layout.ts';
import { printable, type Style, styleOf } from './output.ts';

export interface CheckLinesOptions {
  /** Every check, long values in full, and the section behind each. */
  readonly verbose: boolean;
  /** Lists passed checks too: of a file that came to no verdict they are all there is. */
  readonly listPassed: boolean;
}

/** Parts whose names stand beside a check that failed in several. */
const MOST_PARTS = 3;
/** Passed checks that are listed without `--verbose`. */
const MOST_LISTED = 24;
const ORDER: readonly CheckOutcome[] = ['fail', 'not-checked', 'pass'];

/** @example checkLines(verdict.checks, io, { verbose: false, listPassed: false }) */
export function checkLines(checks: readonly Check[], io: Io, { verbose, listPassed }: CheckLinesOptions): string {
  const style = styleOf(io);
  const of = (outcome: CheckOutcome): readonly Check[] => checks.filter((check) => check.outcome === outcome);
  const failed = of('fail');
  const passed = of('pass');
  const open = of('not-checked');
  if (verbose) {
    const rows = ORDER.flatMap((outcome) =>
      of(outcome).map((check) => rowOf(check, printable(check.id, { full: true }), style, true)),
    );
    return table(rows, { columns: io.columns });
  }
  const listed = listPassed && passed.length <= MOST_LISTED;
  const rows = [
    ...failuresByCause(failed).map(({ check, name }) => rowOf(check, name, style, false)),
    ...(listed ? passed.map((check) => rowOf(check, printable(check.id, { full: true }), style, false)) : []),
  ];
  const folded = [
    ...(listed || passed.length === 0 ? [] : [`${style.good('✓')} ${passed.length} passed`]),
    ...(open.length === 0 ? [] : [`${style.open('○')} ${open.length} not checked`]),
  ];
  const rest =
    folded.length === 0 ? '' : wrapped(`  ${folded.join('   ')}   ${style.faint('--verbose lists them')}`, io.columns, 2);
  return `${table(rows, { columns: io.columns })}${rest}`;
}

interface Failure {
  readonly check: Check;
  /** With the parts it failed in. */
  readonly name: string;
}

/** One row where several parts fail in the same way. */
function failuresByCause(failed: readonly Check[]): readonly Failure[] {
  const byCause = new Map<string, Check[]>();
  for (const check of failed) {
    const cause = JSON.stringify([checkName(check.id), check.expected, check.actual]);
    byCause.set(cause, [...(byCause.get(cause) ?? []), check]);
  }
  return [...byCause.values()].flatMap((same) => {
    const [check] = same;
    if (check === undefined) return [];
    if (same.length === 1) return [{ check, name: printable(check.id, { full: true }) }];
    const parts = same.map(({ id }) => id.slice(0, -checkName(id).length - 1) || 'the whole');
    const more = parts.length - MOST_PARTS;
    const named = more > 1 ? `${parts.slice(0, MOST_PARTS).join(', ')} and ${more} more` : parts.join(', ');
    return [{ check, name: printable(`${checkName(check.id)} (${named})`, { full: true }) }];
  });
}

function rowOf({ outcome, expected, actual, spec }: Check, name: string, style: Style, verbose: boolean): readonly string[] {
  const show = (text: string): string => printable(text, { full: verbose });
  const source = verbose ? ` ${style.faint(`(${printable(spec, { full: true })})`)}` : '';
  if (outcome === 'pass') return [style.good('✓'), name, `${show(actual ?? '')}${source}`];
  if (outcome === 'not-checked') return [style.open('○'), name, `${style.open(`not checked: ${show(actual ?? '')}`)}${source}`];
  const text = expected === null ? show(actual ?? '') : `expected ${show(expected)}, got ${show(actual ?? 'nothing')}`;
  return [style.bad('✗'), name, `${style.bad(text)}${source}`];
}
