/** Prints a verdict: one line with its scope, then every check, then what it does not prove. Returns the exit code. */

import type { Check, VerificationOutcome } from '@assay/attestation';
import { type Verdict, verdictDocument } from '../index.ts';
import { type ExitCode, exitCodeOfOutcome } from './exit-codes.ts';
import type { Io } from './io.ts';
import { jsonText, printable, printError, type Style, styleOf, table } from './output.ts';

const WORDS: Readonly<Record<VerificationOutcome, string>> = {
  accepted: 'ACCEPTED',
  refused: 'REFUSED',
  malformed: 'MALFORMED',
  'not-authentic': 'NOT AUTHENTIC',
  unavailable: 'CANNOT TELL',
};

/** What to do, where the error alone does not say it. */
const HINTS: Readonly<Record<string, string>> = {
  'certificate/expired': '--at verifies at an earlier instant, such as the one at which the evidence was received',
  'certificate/not-yet-valid': '--at verifies at another instant',
  'certificate/root-not-trusted':
    'no pinned vendor root signed this; --simulated-root names a simulator, --root a private root',
};

export interface PrintOptions {
  readonly json: boolean;
  /** Long values in full and the section behind each check. */
  readonly verbose: boolean;
}

export function printVerdict(verdict: Verdict, io: Io, options: PrintOptions): ExitCode {
  const code = exitCodeOfOutcome(verdict.outcome);
  if (options.json) {
    io.stdout(jsonText(verdictDocument(verdict)));
    return code;
  }
  const style = styleOf(io);
  const show = (text: string): string => printable(text, { full: options.verbose });
  io.stdout(`${headline(verdict, style)}  ${show(verdict.scope)}\n`);
  if (verdict.checks.length > 0)
    io.stdout(`\n${table(verdict.checks.map((check) => checkRow(check, style, options.verbose)))}`);
  if (verdict.warnings.length > 0)
    io.stdout(`\n${verdict.warnings.map((line) => `${style.open('!')} ${show(line)}\n`).join('')}`);
  if (verdict.limits.length > 0)
    io.stdout(`\nThis does not prove:\n${verdict.limits.map((line) => `  - ${show(line)}\n`).join('')}`);
  if (verdict.error !== undefined && verdict.outcome !== 'refused') printError(verdict.error, io, HINTS[verdict.error.code]);
  return code;
}

function headline({ outcome, simulated }: Verdict, style: Style): string {
  const word = `${WORDS[outcome]}${simulated ? ' (SIMULATED)' : ''}`;
  if (outcome === 'accepted') return style.strong(simulated ? style.open(word) : style.good(word));
  return style.strong(outcome === 'unavailable' ? style.open(word) : style.bad(word));
}

function checkRow({ id, outcome, expected, actual, spec }: Check, style: Style, verbose: boolean): readonly string[] {
  const show = (text: string): string => printable(text, { full: verbose });
  const name = printable(id, { full: true });
  const tail = verbose ? [style.faint(printable(spec, { full: true }))] : [];
  if (outcome === 'pass') return [style.good('✓'), name, show(actual ?? ''), ...tail];
  if (outcome === 'not-checked') return [style.open('○'), name, style.open(`not checked: ${show(actual ?? '')}`), ...tail];
  const text = expected === null ? show(actual ?? '') : `expected ${show(expected)}, got ${show(actual ?? 'nothing')}`;
  return [style.bad('✗'), name, style.bad(text), ...tail];
}
