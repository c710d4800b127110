import { counted } from '@assay/encoding/counted';
import type { ComparisonFrame, ComparisonOutcome, ComparisonStep } from 'assay';
import type { JSX } from 'preact';

const WIDTH = 640;
const HEIGHT = 220;
const MARGIN = 12;
/** Queries. */
const LEAST_ROOM = 20;

interface DrawnComparison extends ComparisonFrame {
  readonly steps: readonly ComparisonStep[];
  /** `null` while it runs. */
  readonly outcome: ComparisonOutcome | null;
}

/** Both wealths of a comparison after each query, the bounds at which they are a verdict, and what the tolerance cannot tell apart. */
export function ComparisonChart({ path }: { readonly path: DrawnComparison }): JSX.Element {
  const { steps, bounds, outcome, tier, mode, tolerance, ladder } = path;
  const most = Math.max(bounds.different, bounds.same) * 1.2;
  const least = -most / 2;
  // A comparison that runs has room for what comes.
  const room = outcome === null ? Math.max(LEAST_ROOM, Math.ceil(steps.length / LEAST_ROOM) * LEAST_ROOM) : steps.length;
  const x = (query: number): number => MARGIN + (query / Math.max(1, room)) * (WIDTH - 2 * MARGIN);
  const y = (log: number): number =>
    HEIGHT - MARGIN - ((Math.min(most, Math.max(least, log)) - least) / (most - least)) * (HEIGHT - 2 * MARGIN);
  const line = (logs: readonly number[]): string =>
    [0, ...logs].map((log, query) => `${x(query).toFixed(1)},${y(log).toFixed(1)}`).join(' ');
  const bound = (log: number): JSX.Element => (
    <line class="chart-bound" x1={MARGIN} x2={WIDTH - MARGIN} y1={y(log)} y2={y(log)} />
  );
  const count = outcome?.queries ?? steps.length;
  const label = `${outcome?.verdict ?? 'No verdict yet'} after ${counted(count, 'query', 'queries')}; the evidence for a difference and for sameness after each query`;
  return (
    <figure class="chart" data-comparison={outcome?.verdict ?? 'running'}>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={label}>
        {bound(bounds.different)}
        {bounds.same !== bounds.different && bound(bounds.same)}
        <line class="chart-zero" x1={MARGIN} x2={WIDTH - MARGIN} y1={y(0)} y2={y(0)} />
        <polyline class="chart-different" points={line(steps.map(({ logDifferent }) => logDifferent))} data-line="different" />
        <polyline class="chart-same" points={line(steps.map(({ logSame }) => logSame))} data-line="same" />
      </svg>
      <figcaption class="hint">
        <span class="chart-different-key">different</span> and <span class="chart-same-key">same</span>: evidence after each of{' '}
        {count} queries, tier {tier}, mode {mode}. The dashed line is a verdict.
      </figcaption>
      {ladder.length > 0 && (
        <table>
          <caption class="hint">Forms of the reference, at a tolerance of {tolerance?.toPrecision(2)}</caption>
          <tbody>
            {ladder.map(({ name, variation, inside }) => (
              <tr key={name} data-form={name}>
                <th scope="row">{name}</th>
                <td>{variation?.toPrecision(2) ?? 'the reference itself'}</td>
                <td>{inside ? 'cannot be told apart' : 'told apart'}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </figure>
  );
}
