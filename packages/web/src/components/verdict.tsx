import { counted } from '@assay/encoding/counted';
import type { Verdict } from 'assay';
import type { JSX } from 'preact';
import { CHECK_LOOKS, headlineOf, SIMULATED_MEANING, toneOf } from '../state/outcome.ts';
import { QUESTIONS } from '../state/question-words.ts';
import { Icon } from './icon.tsx';
import { Notice } from './notice.tsx';

type Check = Verdict['checks'][number];

interface VerdictNoticeProps {
  readonly verdict: Verdict;
  /** Off where the failed checks, which say the same, stand right below. */
  readonly withReason?: boolean;
}

/** The headline of a verdict with its scope; for simulated hardware, what that means. */
export function VerdictNotice({ verdict, withReason = true }: VerdictNoticeProps): JSX.Element {
  const { outcome, scope, error, simulated } = verdict;
  return (
    <div data-outcome={outcome}>
      <Notice tone={toneOf(verdict)} title={headlineOf(verdict)} role="status">
        {simulated && outcome === 'accepted' && <p data-simulated>{SIMULATED_MEANING}</p>}
        <p>{scope}</p>
        {withReason && error !== undefined && outcome !== 'refused' && (
          <p>
            <code>{error.code}</code> {error.message}
          </p>
        )}
        {error?.code === 'certificate/root-not-trusted' && (
          <p data-nudge>
            The root of its certificates is none of a TEE vendor. If the evidence comes from a simulator of yours, name its
            root: on the page Verify, under “{QUESTIONS}”, choose <code>simulated-root.pem</code> of that agent’s data
            directory.
          </p>
        )}
      </Notice>
    </div>
  );
}

/** Every check: those that failed in full, the others folded; then warnings, and what the verdict does not prove. */
export function VerdictChecks({ verdict }: { readonly verdict: Verdict }): JSX.Element {
  const { checks, warnings, limits } = verdict;
  const having = (outcome: Check['outcome']): readonly Check[] => checks.filter((check) => check.outcome === outcome);
  const [failed, passed, open] = [having('fail'), having('pass'), having('not-checked')];
  return (
    <div class="stack-sm" data-checks>
      {failed.length > 0 && (
        <section aria-label="Failed checks">
          <p>
            <strong>{counted(failed.length, 'check')} failed</strong>
          </p>
          <Checks checks={failed} />
        </section>
      )}
      {warnings.length > 0 && (
        <ul>
          {warnings.map((sentence) => (
            <li key={sentence}>{sentence}</li>
          ))}
        </ul>
      )}
      <Folded title={`${counted(passed.length, 'check')} passed`} checks={passed} />
      <Folded title={`${open.length} not checked`} checks={open} />
      {limits.length > 0 && (
        <details>
          <summary>What this does not prove</summary>
          <ul>
            {limits.map((sentence) => (
              <li key={sentence}>{sentence}</li>
            ))}
          </ul>
        </details>
      )}
    </div>
  );
}

/** A verdict in full. */
export function VerdictView({ verdict }: { readonly verdict: Verdict }): JSX.Element {
  return (
    <section class="stack" aria-label="Verification result">
      <VerdictNotice verdict={verdict} withReason={false} />
      <VerdictChecks verdict={verdict} />
    </section>
  );
}

function Folded({ title, checks }: { readonly title: string; readonly checks: readonly Check[] }): JSX.Element | null {
  if (checks.length === 0) return null;
  return (
    <details>
      <summary>{title}</summary>
      <Checks checks={checks} />
    </details>
  );
}

function Checks({ checks }: { readonly checks: readonly Check[] }): JSX.Element {
  return (
    <ul class="checks">
      {checks.map((check, index) => {
        const { icon, tone, word } = CHECK_LOOKS[check.outcome];
        return (
          <li key={`${check.id}-${index}`} class={`is-${tone}`} data-check={check.id} data-check-outcome={check.outcome}>
            <Icon name={icon} />
            <div class="found">
              <code>{check.id}</code> <span class="hidden">{word}</span>
              {check.actual !== null && <p>{check.actual}</p>}
              {check.outcome === 'fail' && check.expected !== null && <p>Expected: {check.expected}</p>}
              {!check.spec.startsWith('docs/') && <p class="hint">{check.spec}</p>}
            </div>
          </li>
        );
      })}
    </ul>
  );
}
