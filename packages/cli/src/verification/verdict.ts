/** The one shape every kind of subject is answered in, and how it is printed. */

import type { AttestationOutcome, AttestationResult, Check, Claims, TcbStanding } from '@assay/attestation';
import { type ExitCode, exitCodeOfOutcome } from '../exit-codes.ts';
import type { Io } from '../io.ts';
import { jsonText, printable, printError, type Style, styleOf, table } from '../output.ts';

export interface Verdict {
  readonly outcome: AttestationOutcome;
  /** `nitro`, `tdx`, … , `bundle`, `receipt`, `result`; `null` when nothing was recognised. */
  readonly type: string | null;
  readonly claims: Claims | Readonly<Record<string, unknown>> | null;
  readonly checks: readonly Check[];
  readonly tcb: TcbStanding | null;
  readonly error: { readonly code: string; readonly kind: string; readonly message: string } | null;
  readonly scope: string;
  readonly warnings: readonly string[];
  readonly limits: readonly string[];
  readonly simulated: boolean;
  /** Name of the policy applied, `null` when it did not come to that. */
  readonly policy: string | null;
  /** RFC 3339 instant the verdict is about. */
  readonly at: string;
}

export function evidenceVerdict(result: AttestationResult, at: string): Verdict {
  const { outcome, type, claims, checks, tcb, error, appraisal } = result;
  return {
    outcome,
    type,
    claims,
    checks,
    tcb,
    error,
    scope: appraisal?.scope ?? `${type ?? 'this file'} at ${at}`,
    warnings: appraisal?.warnings ?? [],
    limits: appraisal?.limits ?? [],
    simulated: appraisal?.simulated ?? false,
    policy: appraisal?.policy ?? null,
    at,
  };
}

const WORDS: Readonly<Record<AttestationOutcome, string>> = {
  accepted: 'ACCEPTED',
  refused: 'REFUSED',
  malformed: 'MALFORMED',
  'not-authentic': 'NOT AUTHENTIC',
  unavailable: 'CANNOT TELL',
};

export interface PrintOptions {
  readonly json: boolean;
  /** Long values in full and the section behind each check. */
  readonly verbose: boolean;
}

/** Prints a verdict and returns its exit code. */
export function printVerdict(verdict: Verdict, io: Io, options: PrintOptions): ExitCode {
  const code = exitCodeOfOutcome(verdict.outcome);
  if (options.json) {
    io.stdout(jsonText(verdict));
    return code;
  }
  const style = styleOf(io);
  const show = (text: string): string => printable(text, { full: options.verbose });
  io.stdout(`${headline(verdict, style)}  ${show(verdict.scope)}\n`);
  if (verdict.checks.length > 0)
    io.stdout(`\n${table(verdict.checks.map((check) => checkRow(check, style, options.verbose)))}`);
  if (verdict.warnings.length > 0)
    io.stdout(`\n${verdict.warnings.map((warning) => `${style.open('!')} ${show(warning)}\n`).join('')}`);
  if (verdict.limits.length > 0) {
    io.stdout(`\nThis does not prove:\n${verdict.limits.map((limit) => `  - ${show(limit)}\n`).join('')}`);
  }
  if (verdict.error !== null) printError(verdict.error, io);
  return code;
}

function headline({ outcome, simulated }: Verdict, style: Style): string {
  const word = `${WORDS[outcome]}${simulated ? ' (SIMULATED)' : ''}`;
  if (outcome === 'accepted') return style.strong(simulated ? style.bad(word) : style.good(word));
  return style.strong(outcome === 'unavailable' ? style.open(word) : style.bad(word));
}

function checkRow({ id, outcome, expected, actual, spec }: Check, style: Style, verbose: boolean): readonly string[] {
  const show = (text: string): string => printable(text, { full: verbose });
  const tail = verbose ? [style.faint(spec)] : [];
  if (outcome === 'pass') return [style.good('✓'), id, show(actual ?? ''), ...tail];
  if (outcome === 'not-checked') return [style.open('○'), id, style.open(`not checked: ${show(actual ?? '')}`), ...tail];
  return [
    style.bad('✗'),
    id,
    style.bad(expected === null ? show(actual ?? '') : `expected ${show(expected)}, got ${show(actual ?? 'nothing')}`),
    ...tail,
  ];
}
