import type { JSX } from 'preact';
import { Icon } from './icon.tsx';

type Members = Readonly<Record<string, unknown>>;

function text(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Enough of a hash to recognise it; the whole stands in the tooltip. */
function short(value: string): string {
  return /^sha256:[0-9a-f]{64}$/.test(value)
    ? `${value.slice(0, 23)}…`
    : value.length > 120
      ? `${value.slice(0, 117)}…`
      : value;
}

function Fields({ members }: { readonly members: Members }): JSX.Element {
  return (
    <dl class="facts">
      {Object.entries(members)
        .filter(([, value]) => value !== null && value !== undefined)
        .map(([name, value]) => (
          <>
            <dt key={name}>{name}</dt>
            <dd class="mono" title={text(value)}>
              {short(text(value))}
            </dd>
          </>
        ))}
    </dl>
  );
}

/** The signed events of a receipt, in order, with the hashes that they commit to; the list of kept payloads is folded. */
export function Timeline({ events }: { readonly events: readonly Members[] }): JSX.Element {
  const payloads = events.filter(({ type }) => type === 'payload.kept');
  return (
    <ol class="timeline" aria-label="Receipt timeline">
      {events
        .filter(({ type }) => type !== 'payload.kept')
        .map(({ type, ...members }, index) => (
          <li key={index}>
            <Icon name="circle" />
            <strong class="mono">{String(type)}</strong>
            <Fields members={members} />
          </li>
        ))}
      {payloads.length > 0 && (
        <li>
          <Icon name="file" />
          <details>
            <summary class="mono">payload.kept × {payloads.length}</summary>
            <div class="table-scroll">
              <table class="table">
                <tbody>
                  {payloads.map(({ name, bytes, hash }) => (
                    <tr key={String(name)}>
                      <td class="mono">{String(name)}</td>
                      <td>{String(bytes)} bytes</td>
                      <td class="mono" title={String(hash)}>
                        {short(String(hash))}
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          </details>
        </li>
      )}
    </ol>
  );
}
