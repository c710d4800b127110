/** What a model said of audited contracts, for people: apart from the findings of the analyser, and never with their marks. */

import { counted } from '@assay/encoding/counted';
import { printable, type Style } from './output.ts';

export interface ModelClaims {
  readonly model: string | null;
  readonly error: string | null;
  readonly omitted: readonly string[];
  readonly findings: readonly ModelClaim[];
}

interface ModelClaim {
  readonly status: 'claimed' | 'demonstrated';
  readonly title: string;
  readonly source: string | null;
  readonly line: number | null;
  readonly what: string;
}

/** Lines with their ends; empty when no model was asked. */
export function claimLines(claims: ModelClaims | null | undefined, style: Style): string {
  if (claims === null || claims === undefined) return '';
  const { model, error, omitted, findings } = claims;
  const demonstrated = findings.filter(({ status }) => status === 'demonstrated').length;
  const head =
    error === null
      ? `model    ${printable(model ?? '')} claims ${counted(findings.length, 'finding')}, of which ${demonstrated} ${demonstrated === 1 ? 'is' : 'are'} demonstrated\n`
      : `model    gave none: ${printable(error, { full: true })}\n`;
  const left = omitted.length === 0 ? '' : `  not shown to the model: ${omitted.map((name) => printable(name)).join(', ')}\n`;
  return `${head}${left}${findings.map((each) => claimLine(each, style)).join('')}`;
}

function claimLine({ status, title, source, line, what }: ModelClaim, style: Style): string {
  const word = status === 'demonstrated' ? style.bad(status) : style.open(printable(status));
  const place = source === null ? '' : `  ${printable(source)}${line === null ? '' : `:${line}`}`;
  return `  ${word}  ${printable(title)}${place}\n    ${printable(what, { full: true })}\n`;
}
