/** What a linter said about audited contracts, for people. Printed apart from the findings of the analyser. */

import type { Lint } from '@assay/contracts';
import { counted } from '@assay/encoding/counted';
import { printable, type Style } from './output.ts';

/** As the answer has it. */
export type LintMember =
  | { readonly outcome: 'linted'; readonly document: Lint }
  | { readonly outcome: 'not-checked'; readonly reason: string };

/** Remarks that are printed; the document has all. */
const SHOWN = 20;

/** Lines with their ends; empty when nothing was asked. What a comment of the source hides is counted only. */
export function lintLines(lint: LintMember | null | undefined, style: Style): string {
  if (lint === null || lint === undefined) return '';
  if (lint.outcome !== 'linted') return `linter   not checked: ${printable(lint.reason, { full: true })}\n`;
  const { linter, findings, sources, unread } = lint.document;
  const open = findings.filter(({ suppressed }) => !suppressed);
  const shown = open.toSorted((a, b) => rank(a) - rank(b)).slice(0, SHOWN);
  const lines = shown.map(
    ({ rule, severity, message, source, line }) =>
      `  ${(severity === 'error' ? style.open : style.faint)(printable(severity))}  ${printable(rule)}  ${printable(source)}:${line}  ${printable(message)}\n`,
  );
  const rest = open.length - shown.length;
  const more = rest > 0 ? `  and ${rest} more in audit/lint.json\n` : '';
  const missed = Object.entries(unread).map(([name, why]) => `  not read: ${printable(name)}: ${printable(why)}\n`);
  const left = missed.length === 0 ? '' : `, ${missed.length} of ${sources.length} sources not read`;
  const hidden = findings.length - open.length;
  return `linter   ${printable(linter.name)} ${printable(linter.version)}: ${counted(open.length, 'remark')}, ${hidden} hidden by comments${left}; apart from the audit\n${lines.join('')}${more}${missed.join('')}`;
}

const rank = ({ severity }: Lint['findings'][number]): number => (severity === 'error' ? 0 : 1);
