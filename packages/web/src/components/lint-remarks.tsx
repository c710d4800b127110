import type { Lint } from '@assay/contracts';
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { printable } from '../state/text-safety.ts';
import { Badge } from './badge.tsx';
import { Card } from './card.tsx';
import { goToLine } from './findings.tsx';

/** What the agent's linter said of the sources (spec/contract-audit.md §7), or why it said nothing. */
export type LintMember =
  | { readonly outcome: 'linted'; readonly document: Lint }
  | { readonly outcome: 'not-checked'; readonly reason: string };

/** Remarks that are drawn at once. */
const PAGE = 20;

/** Remarks of the linter, apart from the audit's findings. */
export function LintRemarks({ lint }: { readonly lint: LintMember }): JSX.Element {
  const [shown, setShown] = useState(PAGE);
  if (lint.outcome === 'not-checked')
    return (
      <Card title="Linter">
        <p class="hint" data-lint="not-checked">
          Not checked: {printable(lint.reason)}
        </p>
      </Card>
    );
  const { linter, findings, unread } = lint.document;
  const open = findings.filter(({ suppressed }) => !suppressed);
  const hidden = findings.length - open.length;
  return (
    <Card title={`Linter (${open.length})`}>
      <p class="hint" data-lint="linted">
        {printable(linter.name)} {printable(linter.version)}. Remarks change neither the rule nor the audit’s hash.
        {hidden > 0 ? ` Comments in the sources hide ${hidden} more.` : ''}
      </p>
      {Object.entries(unread).map(([name, why]) => (
        <p key={name} class="hint">
          {printable(name)} was not read: {printable(why)}
        </p>
      ))}
      <ul class="owned-list">
        {open.slice(0, shown).map(({ rule, severity, message, source, line }, index) => (
          <li key={index} data-remark={rule}>
            <span class="row">
              <Badge tone={severity === 'error' ? 'open' : 'plain'}>{severity}</Badge>
              <span class="mono">{printable(rule)}</span>
              <button type="button" class="button is-quiet is-small mono" onClick={() => goToLine(source, line)}>
                {printable(source)}:{line}
              </button>
            </span>
            <p class="finding-text">{printable(message)}</p>
          </li>
        ))}
      </ul>
      {open.length > shown && (
        <button type="button" class="button is-small" onClick={() => setShown(shown + PAGE)}>
          {`Show ${Math.min(PAGE, open.length - shown)} more of ${open.length - shown}`}
        </button>
      )}
    </Card>
  );
}
