import { counted } from '@assay/encoding/counted';
import type { JSX } from 'preact';
import { pathTo } from '../state/base.ts';
import { printable } from '../state/text-safety.ts';
import { Badge } from './badge.tsx';
import { Card } from './card.tsx';
import { goToLine } from './findings.tsx';
import { Hash } from './hash.tsx';

/** What the agent's model said of the sources (spec/contract-audit.md §6). */
export interface ClaimedFindings {
  readonly model: string | null;
  readonly error: string | null;
  readonly omitted: readonly string[];
  readonly findings: readonly ClaimedFinding[];
}

interface ClaimedFinding {
  readonly status: 'claimed' | 'demonstrated';
  readonly title: string;
  readonly description: string;
  readonly source: string | null;
  readonly line: number | null;
  readonly invariant: string | null;
  readonly what: string;
  readonly case_hash: string | null;
  readonly observations_hash: string | null;
}

/** Findings of the model, apart from the audit: claimed, or demonstrated by a run that the receipt names. */
export function ClaimedFindingsCard({
  claims,
  receiptId,
}: {
  readonly claims: ClaimedFindings;
  readonly receiptId: string;
}): JSX.Element {
  const { model, error, findings, omitted } = claims;
  return (
    <Card title={`Claims of the model (${findings.length})`}>
      <p class="hint">
        {model === null ? 'No model answered.' : `Model ${printable(model)}.`} A claim is what a model wrote. It is demonstrated
        when its exploit ran in the agent’s sandbox and broke the invariant. Claims change neither the rule nor the audit’s
        hash.
      </p>
      {error !== null && <p data-claims-error>{printable(error)}</p>}
      {omitted.length > 0 && <p class="hint">{`${counted(omitted.length, 'source')} did not fit into the question.`}</p>}
      <ul class="owned-list">
        {findings.map((finding, index) => (
          <Claim key={index} finding={finding} receiptId={receiptId} />
        ))}
      </ul>
    </Card>
  );
}

function Claim({ finding, receiptId }: { readonly finding: ClaimedFinding; readonly receiptId: string }): JSX.Element {
  const { status, title, description, source, line, invariant, what, case_hash: asked, observations_hash: seen } = finding;
  return (
    <li class="is-tall" data-claim={status}>
      <span class="row">
        <Badge tone={status === 'demonstrated' ? 'fail' : 'open'}>{status}</Badge>
        <strong>{printable(title)}</strong>
        {invariant !== null && <span class="hint mono">{printable(invariant)}</span>}
      </span>
      {description !== '' && <p class="finding-text">{printable(description)}</p>}
      <p class="hint">{printable(what)}</p>
      <div class="row">
        {source !== null && line !== null && (
          <button type="button" class="button is-quiet is-small mono" onClick={() => goToLine(source, line)}>
            {printable(source)}:{line}
          </button>
        )}
        {asked !== null && (
          <span class="hint">
            Case <Hash value={asked} what="hash of the case" />
          </span>
        )}
        {seen !== null && (
          <span class="hint">
            Observations <Hash value={seen} what="hash of the observations" />
          </span>
        )}
        {seen !== null && <a href={pathTo(`receipts/${receiptId}`)}>receipt of the run</a>}
      </div>
    </li>
  );
}
