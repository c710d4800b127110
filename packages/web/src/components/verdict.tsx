import type { JSX } from 'preact';
import { CHECK_MARKS, outcomeTone, type Verification } from '../state/verification.ts';

/** One sentence with its scope, then every check, then what it does not prove. Amber or red for anything short of accepted. */
export function VerdictView({ verification }: { readonly verification: Verification }): JSX.Element {
  const { headline, verdict } = verification;
  const { outcome, scope, checks, error, simulated, warnings, limits } = verdict;
  return (
    <section class="stack" aria-label="Verification result">
      <div class={`verdict is-${outcomeTone(verdict)}`} role="status" data-outcome={outcome}>
        <strong>{headline}</strong>{' '}
        {simulated && <span class={`badge is-${outcome === 'accepted' ? 'open' : 'fail'}`}>SIMULATED TEE</span>}
        <p>{scope}</p>
        {error !== undefined && outcome !== 'refused' && (
          <p>
            <code>{error.code}</code>: {error.message}
          </p>
        )}
      </div>
      {checks.length > 0 && (
        <div class="scroll">
          <table data-checks>
            <caption class="hint">Every check, made in this browser from the raw evidence</caption>
            <thead>
              <tr>
                <th scope="col">Outcome</th>
                <th scope="col">Check</th>
                <th scope="col">Found</th>
                <th scope="col">Source</th>
              </tr>
            </thead>
            <tbody>
              {checks.map((check, index) => {
                const { mark, tone, word } = CHECK_MARKS[check.outcome];
                return (
                  <tr
                    key={`${check.id}-${index}`}
                    class={`is-${tone}`}
                    data-check={check.id}
                    data-check-outcome={check.outcome}
                  >
                    <td class="outcome">
                      <span class="mark" aria-hidden="true">
                        {mark}
                      </span>{' '}
                      {word}
                    </td>
                    <td class="mono name">{check.id}</td>
                    <td class="mono">
                      {check.actual ?? '—'}
                      {check.outcome === 'fail' && check.expected !== null && <p class="hint">expected {check.expected}</p>}
                    </td>
                    <td class="hint">{check.spec}</td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </div>
      )}
      {warnings.length > 0 && (
        <ul class="is-open">
          {warnings.map((sentence) => (
            <li key={sentence}>{sentence}</li>
          ))}
        </ul>
      )}
      {limits.length > 0 && (
        <details open>
          <summary>What this does not prove</summary>
          <ul>
            {limits.map((sentence) => (
              <li key={sentence}>{sentence}</li>
            ))}
          </ul>
        </details>
      )}
    </section>
  );
}
