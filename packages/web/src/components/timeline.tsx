import type { JSX } from 'preact';

type Members = Readonly<Record<string, unknown>>;

function short(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > 120 ? `${text.slice(0, 117)}…` : text;
}

/** The signed events of a receipt, in order, with the hashes that they commit to. */
export function Timeline({ events }: { readonly events: readonly Members[] }): JSX.Element {
  return (
    <ol class="timeline" aria-label="Receipt timeline">
      {events.map((event, index) => {
        const { type, seq, ...members } = event;
        return (
          <li key={String(seq ?? index)}>
            <strong class="mono">{String(type)}</strong>
            <dl>
              {Object.entries(members)
                .filter(([, value]) => value !== null && value !== undefined)
                .map(([name, value]) => (
                  <>
                    <dt key={name}>{name}</dt>
                    <dd class="mono">{short(value)}</dd>
                  </>
                ))}
            </dl>
          </li>
        );
      })}
    </ol>
  );
}
