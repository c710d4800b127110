import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { keptRoot } from '../state/kept.ts';
import type { Verification } from '../verifier/verification.ts';
import { Card } from './card.tsx';
import { StoryView } from './story.tsx';
import { VerdictChecks, VerdictNotice } from './verdict.tsx';

/** The verdict of this browser on a bundle, from its bytes; `null` until it is reached. A simulator counts as far as its root was accepted. */
export function useBundleVerdict(bundle: Uint8Array | null): Verification | null {
  const [verification, setVerification] = useState<Verification | null>(null);
  useEffect(() => {
    let current = true;
    setVerification(null);
    if (bundle === null) return;
    void import('../verifier/index.ts')
      .then(({ verifyBundle }) => verifyBundle(bundle, keptRoot.get()))
      .then((found) => {
        if (current) setVerification(found);
      });
    return () => {
      current = false;
    };
  }, [bundle]);
  return verification;
}

/** Verifies a bundle right here, and tells what its receipts say. */
export function BundleCheck({ bundle }: { readonly bundle: Uint8Array }): JSX.Element {
  const verification = useBundleVerdict(bundle);
  return (
    <Card title="Verified in this browser">
      {verification === null ? (
        <p aria-live="polite">Verifying in this browser…</p>
      ) : (
        <>
          <VerdictNotice verdict={verification.verdict} withReason={false} />
          <VerdictChecks verdict={verification.verdict} />
          {verification.stories.map((story) => (
            <details key={story.receiptId}>
              <summary>What the receipt says</summary>
              <StoryView story={story} />
            </details>
          ))}
        </>
      )}
    </Card>
  );
}
