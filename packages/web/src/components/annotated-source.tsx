import type { Finding } from '@assay/contracts';
import type { JSX } from 'preact';
import { printable } from '../state/text-safety.ts';
import { lineId } from './findings.tsx';

interface AnnotatedSourceProps {
  readonly name: string;
  readonly text: string;
  readonly findings: readonly Finding[];
}

/** Lines that are drawn; longer sources are for an editor. */
const MOST_LINES = 3000;
const GRAVITY: readonly Finding['impact'][] = ['High', 'Medium', 'Low', 'Informational', 'Optimization'];

/** Lines of a source with the gravest finding that begins or lies there. */
export function marksOf(name: string, findings: readonly Finding[]): ReadonlyMap<number, readonly Finding[]> {
  const marks = new Map<number, Finding[]>();
  for (const finding of findings) {
    const [place] = finding.locations;
    if (place === undefined || place.source !== name) continue;
    const known = marks.get(place.first_line) ?? [];
    marks.set(
      place.first_line,
      [...known, finding].sort((a, b) => GRAVITY.indexOf(a.impact) - GRAVITY.indexOf(b.impact)),
    );
  }
  return marks;
}

/** A source with a mark at each line that a finding is about. */
export function AnnotatedSource({ name, text, findings }: AnnotatedSourceProps): JSX.Element {
  const marks = marksOf(name, findings);
  const lines = text.split('\n');
  const within = (line: number): boolean =>
    findings.some(({ locations: [place] }) => place?.source === name && line >= place.first_line && line <= place.last_line);
  return (
    <details class="source" open={marks.size > 0} data-source={name}>
      <summary>
        <bdi class="mono">{printable(name)}</bdi>{' '}
        <span class="hint">{marks.size === 0 ? 'no findings' : `${marks.size} marked`}</span>
      </summary>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must take the keyboard */}
      <section class="source-lines" tabIndex={0} aria-label={`Source of ${printable(name)}`}>
        <ol>
          {lines.slice(0, MOST_LINES).map((line, index) => {
            const found = marks.get(index + 1) ?? [];
            const [gravest] = found;
            return (
              <li
                key={index}
                id={lineId(name, index + 1)}
                tabIndex={-1}
                class={
                  gravest !== undefined
                    ? `is-marked is-${gravest.impact.toLowerCase()}`
                    : within(index + 1)
                      ? 'is-within'
                      : undefined
                }
                data-line={index + 1}
              >
                <code>{line === '' ? ' ' : line}</code>
                {found.map(({ check, impact, fingerprint }) => (
                  <span key={fingerprint} class="line-mark">
                    {impact}: {check}
                  </span>
                ))}
              </li>
            );
          })}
        </ol>
      </section>
      {lines.length > MOST_LINES && <p class="hint">{`${lines.length - MOST_LINES} more lines; the bundle has them.`}</p>}
    </details>
  );
}
