import type { Audit, Finding } from '@assay/contracts';
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { printable } from '../state/text-safety.ts';
import { Badge, type Tone } from './badge.tsx';
import { Card } from './card.tsx';

const TONES: Readonly<Record<Finding['impact'], Tone>> = {
  High: 'fail',
  Medium: 'open',
  Low: 'active',
  Informational: 'plain',
  Optimization: 'plain',
};
/** Findings that are drawn at once. */
const PAGE = 50;

/** Where a line of a source is on the page. */
export const lineId = (source: string, line: number): string => `line-${source.replaceAll(/[^\w]/g, '-')}-${line}`;

/** Shows a line of a source on the page. */
export function goToLine(source: string, line: number): void {
  const place = document.getElementById(lineId(source, line));
  place?.scrollIntoView({ block: 'center' });
  place?.focus({ preventScroll: true });
}

/** The findings of an audit, the gravest first, each with the way to its line. */
export function Findings({ audit }: { readonly audit: Audit }): JSX.Element {
  const [shown, setShown] = useState(PAGE);
  const { findings } = audit;
  const own = findings.filter(({ dependency }) => !dependency);
  const rest = findings.length - own.length;
  return (
    <Card title={`Findings (${own.length})`}>
      {own.length === 0 && <p>Slither found nothing in these sources.</p>}
      <ul class="owned-list">
        {own.slice(0, shown).map((finding) => (
          <FindingItem key={finding.fingerprint} finding={finding} />
        ))}
      </ul>
      {own.length > shown && (
        <button type="button" class="button is-small" onClick={() => setShown(shown + PAGE)}>
          {`Show ${Math.min(PAGE, own.length - shown)} more of ${own.length - shown}`}
        </button>
      )}
      {rest > 0 && <p class="hint">{`${rest} more in dependencies; report.sarif has them.`}</p>}
    </Card>
  );
}

function FindingItem({ finding }: { readonly finding: Finding }): JSX.Element {
  const { check, impact, confidence, description, locations, cwe, suppressed_by_line: suppressed } = finding;
  const [place] = locations;
  return (
    <li class="is-tall" data-finding={check}>
      <span class="row">
        <Badge tone={TONES[impact]}>{impact}</Badge>
        <strong class="mono">{check}</strong>
        <span class="hint">
          confidence {confidence}
          {cwe === null ? '' : `, CWE-${cwe}`}
        </span>
      </span>
      <p class="finding-text">{printable(description.replaceAll(/\s+/g, ' ')).trim()}</p>
      {suppressed !== null && (
        <p class="hint">A comment in line {suppressed} asks to hide it; the rule decides whether it counts.</p>
      )}
      {place !== undefined && (
        <div>
          <button type="button" class="button is-quiet is-small mono" onClick={() => goToLine(place.source, place.first_line)}>
            {printable(place.source)}:{place.first_line}
          </button>
        </div>
      )}
    </li>
  );
}
