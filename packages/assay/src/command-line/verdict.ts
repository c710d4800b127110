/** Prints a verdict: one sentence with its scope, failed checks, what happened, what is authentic, warnings, what it does not prove. Returns the exit code. */

import type { VerificationOutcome } from '@assay/attestation';
import { type Verdict, verdictDocument } from '../index.ts';
import { checkLines } from './check-lines.ts';
import { claimsLines } from './claims-lines.ts';
import { type ExitCode, exitCodeOfOutcome } from './exit-codes.ts';
import type { Io } from './io.ts';
import { wrapped } from './layout.ts';
import { jsonText, printable, printError, type Style, styleOf } from './output.ts';
import { storyLines } from './story-lines.ts';
import { toldReceipts } from './told-receipts.ts';
import { verificationHint } from './verification-hints.ts';

const WORDS: Readonly<Record<VerificationOutcome, string>> = {
  accepted: 'ACCEPTED',
  refused: 'REFUSED',
  malformed: 'MALFORMED',
  'not-authentic': 'NOT AUTHENTIC',
  unavailable: 'CANNOT TELL',
};

const TOO_OLD =
  '--at TIME verifies as of the instant you received the file, --max-age allows more seconds; the bundle of its receipt has no age';

export interface PrintOptions {
  readonly json: boolean;
  /** Long values in full and the section behind each check. */
  readonly verbose: boolean;
  /** For evidence that no trusted root signed, where more is known than the error says. */
  readonly rootHint?: string | undefined;
  /** Why what is missing could not be fetched, for a verdict that is missing it. */
  readonly unfetched?: string | undefined;
}

export async function printVerdict(verdict: Verdict, io: Io, options: PrintOptions): Promise<ExitCode> {
  const code = exitCodeOfOutcome(verdict.outcome);
  if (options.json) {
    io.stdout(jsonText(verdictDocument(verdict)));
    return code;
  }
  const style = styleOf(io);
  const show = (text: string): string => printable(text, { full: options.verbose });
  io.stdout(wrapped(`${headline(verdict, style)}  ${show(verdict.scope)}`, io.columns, 2));
  const { claims, warnings, limits, error } = verdict;
  const checks = error === undefined ? verdict.checks : verdict.checks.filter(({ id }) => id !== error.code.replace('/', '.'));
  const failing = checks.some(({ outcome }) => outcome === 'fail');
  const shown = checkLines(checks, io, { verbose: options.verbose, listPassed: claims === undefined });
  if (failing) io.stdout(`\n${shown}`);
  const told = await toldReceipts(verdict);
  if (told.length > 0) io.stdout(`\n${storyLines(told, io, options)}`);
  if (claims !== undefined) io.stdout(`\n${claimsLines(claims, checks, io, options)}`);
  if (!failing && checks.length > 0) io.stdout(`\n${shown}`);
  if (warnings.length > 0)
    io.stdout(`\n${warnings.map((line) => wrapped(`${style.open('!')} ${show(line)}`, io.columns, 2)).join('')}`);
  if (limits.length > 0)
    io.stdout(`\nThis does not prove:\n${limits.map((line) => wrapped(`  - ${show(line)}`, io.columns, 4)).join('')}`);
  if (verdict.error !== undefined && verdict.outcome !== 'refused')
    printError(verdict.error, io, hintOn(verdict.error.code, options));
  if (verdict.outcome === 'refused' && checks.some(({ id, outcome }) => id === 'result.freshness' && outcome === 'fail'))
    io.stderr(wrapped(`hint: ${TOO_OLD}`, io.columns, 6));
  return code;
}

function hintOn(code: string, { rootHint, unfetched }: PrintOptions): string | undefined {
  if (code === 'certificate/root-not-trusted') return rootHint ?? verificationHint(code);
  const hint = verificationHint(code);
  if (unfetched === undefined) return hint;
  return hint === undefined ? unfetched : `${unfetched.split('; ')[0]}; ${hint}`;
}

function headline({ outcome, simulated }: Verdict, style: Style): string {
  const word = `${WORDS[outcome]}${simulated ? ' (SIMULATED)' : ''}`;
  if (outcome === 'accepted') return style.strong(simulated ? style.open(word) : style.good(word));
  return style.strong(outcome === 'unavailable' ? style.open(word) : style.bad(word));
}
