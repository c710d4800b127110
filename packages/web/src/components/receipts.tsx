import type { JSX } from 'preact';
import type { Verification } from '../state/verification.ts';
import { Timeline } from './timeline.tsx';

/** The timeline of every receipt that was verified. */
export function Receipts({ verification }: { readonly verification: Verification }): JSX.Element {
  return (
    <>
      {verification.receipts.map((receipt) => (
        <section key={receipt.receipt_id} aria-label={`Receipt ${receipt.receipt_id}`}>
          <h3>
            Receipt timeline <span class="hint mono">{receipt.receipt_id}</span>
          </h3>
          <Timeline events={receipt.event_log} />
        </section>
      ))}
    </>
  );
}
