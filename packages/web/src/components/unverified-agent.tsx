import type { Verdict } from 'assay';
import type { JSX } from 'preact';
import { nameSimulator } from '../state/agent-connection.ts';
import { asVerification } from '../state/verification.ts';
import { VerdictView } from './verdict.tsx';

/** Why nothing was sent to this agent; for a simulator, the way to let it count all the same. */
export function UnverifiedAgent({
  verdict,
  onNamed,
}: {
  readonly verdict: Verdict;
  readonly onNamed: () => void;
}): JSX.Element {
  const unknownRoot = verdict.error?.code === 'certificate/root-not-trusted';
  return (
    <section class="card stack" aria-label="The agent does not verify">
      <h2>This agent does not verify. Nothing was sent to it.</h2>
      <VerdictView verification={asVerification(verdict)} />
      {unknownRoot && (
        <div>
          <button type="button" onClick={() => void nameSimulator().then(onNamed, () => undefined)}>
            Name this simulator's root (development only)
          </button>
          <p class="hint">A simulator proves nothing about who runs the code. Its operator can read everything.</p>
        </div>
      )}
    </section>
  );
}
