import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { namedRoot } from '../state/agent-connection.ts';
import { getText } from '../state/public-files.ts';
import { type Verification, verifyInBrowser } from '../state/verification.ts';
import { Receipts } from './receipts.tsx';
import { VerdictView } from './verdict.tsx';

/** Verifies a bundle right here, and shows the receipt's timeline. A simulator's root counts only after a deliberate click. */
export function BundleCheck({ bundle }: { readonly bundle: Uint8Array }): JSX.Element {
  const [simulatedRoot, setSimulatedRoot] = useState<string | null>(namedRoot());
  const [verification, setVerification] = useState<Verification | null>(null);
  useEffect(() => {
    let current = true;
    setVerification(null);
    void verifyInBrowser([{ name: 'bundle.json', bytes: bundle }], { now: Date.now(), simulatedRoot }).then((found) => {
      if (current) setVerification(found);
    });
    return () => {
      current = false;
    };
  }, [bundle, simulatedRoot]);
  if (!verification) return <p aria-live="polite">Verifying in this browser…</p>;
  const couldName = simulatedRoot === null && verification.verdict.outcome !== 'accepted' && verification.namesSimulator;
  return (
    <section class="card stack" aria-label="Verification in this browser">
      <h2>Verified in this browser</h2>
      <VerdictView verification={verification} />
      {couldName && (
        <div>
          <button type="button" onClick={() => void getText('./simulated-root.pem').then(setSimulatedRoot)}>
            Name this simulator's root (development only)
          </button>
          <p class="hint">
            This agent runs without a TEE. Naming its local root lets the structure be checked; it proves nothing about who ran
            the code.
          </p>
        </div>
      )}
      <Receipts verification={verification} />
    </section>
  );
}
