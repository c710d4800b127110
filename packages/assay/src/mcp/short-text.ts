/**
 * What goes into an assistant's context is short: every character there costs it room for its own work. Long texts are cut in the middle
 * with a note; a verdict is its outcome, its scope and what failed.
 */

import type { Verdict, VerdictDocument } from '../index.ts';

/** A verdict without the checks that passed; `fetch_receipt` and `verify_evidence` give all of it. */
export interface ShortVerdict {
  readonly outcome: Verdict['outcome'];
  readonly scope: string;
  readonly simulated: boolean;
  readonly policy: string | null;
  readonly at: string;
  readonly checks: { readonly pass: number; readonly fail: number; readonly 'not-checked': number };
  readonly failed: readonly { readonly id: string; readonly expected: unknown; readonly actual: unknown }[];
  readonly warnings: readonly string[];
  readonly error: VerdictDocument['error'];
}

const MOST_LISTED = 8;
const MOST_WORDS = 400;

/** @example shortVerdict(verdict).outcome // 'accepted' */
export function shortVerdict(verdict: Verdict): ShortVerdict {
  const { outcome, scope, simulated, policy, at, checks, warnings, error } = verdict;
  const count = (wanted: 'pass' | 'fail' | 'not-checked'): number => checks.filter((check) => check.outcome === wanted).length;
  return {
    ...{ outcome, scope: cutText(scope, MOST_WORDS * 2).text, simulated, policy, at },
    checks: { pass: count('pass'), fail: count('fail'), 'not-checked': count('not-checked') },
    failed: checks
      .filter((check) => check.outcome === 'fail')
      .slice(0, MOST_LISTED)
      .map(({ id, expected, actual }) => ({ id, expected: brief(expected), actual: brief(actual) })),
    warnings: warnings.slice(0, MOST_LISTED).map((warning) => cutText(warning, MOST_WORDS).text),
    error: error === undefined ? null : shortError(error),
  };
}

function shortError({ code, kind, message }: NonNullable<VerdictDocument['error']>): ShortVerdict['error'] {
  return { code, kind, message: cutText(message, MOST_WORDS * 2).text };
}

function brief(value: unknown): string {
  return cutText(typeof value === 'string' ? value : (JSON.stringify(value) ?? 'nothing'), MOST_WORDS).text;
}

export interface CutText {
  readonly text: string;
  /** Characters that are missing; 0 for the whole text. */
  readonly left: number;
}

/** Beginning and end of a long text, with a note between them. Never cuts a character in two. */
export function cutText(text: string, most: number): CutText {
  if (text.length <= most) return { text, left: 0 };
  const head = text.slice(0, Math.ceil(most / 2)).replace(/[\uD800-\uDBFF]$/, '');
  const tail = text.slice(text.length - Math.floor(most / 2)).replace(/^[\uDC00-\uDFFF]/, '');
  const left = text.length - head.length - tail.length;
  return { text: `${head}\n[… ${left} characters left out …]\n${tail}`, left };
}
