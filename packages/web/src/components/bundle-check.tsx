import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { keptRoot } from '../state/kept.ts';
import type { Verification } from '../verifier/verification.ts';
import { Card } from './card.tsx';
import { Timeline } from './timeline.tsx';
import { VerdictView } from './verdict.tsx';

/** Verifies a bundle right here, from its bytes; a simulator counts as far as the visitor accepted its root. */
export function BundleCheck({ bundle }: { readonly bundle: Uint8Array }): JSX.Element {
  const [verification, setVerification] = useState<Verification | null>(null);
  useEffect(() => {
    let current = true;
    setVerification(null);
    void import('../verifier/index.ts')
      .then(({ verifyInBrowser }) =>
        verifyInBrowser([{ name: 'bundle.json', bytes: bundle }], { now: Date.now(), simulatedRoot: keptRoot.get() }),
      )
      .then((found) => {
        if (current) setVerification(found);
      });
    return () => {
      current = false;
    };
  }, [bundle]);
  return (
    <Card title="Verified in this browser">
      {verification === null ? (
        <p aria-live="polite">Verifying in this browser…</p>
      ) : (
        <>
          <VerdictView verdict={verification.verdict} />
          {verification.receipts.map((receipt) => (
            <details key={receipt.receipt_id}>
              <summary>Receipt</summary>
              <Timeline events={receipt.event_log} />
            </details>
          ))}
        </>
      )}
    </Card>
  );
}
