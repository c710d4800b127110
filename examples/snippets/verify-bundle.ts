/** A bundle, offline: its receipts, their times and payloads. */

import { verifyBundle } from 'assay';
import { bundleOfAnswer, pem } from './inputs.ts';

const bytes = await bundleOfAnswer();
const policy = 'relaxed';
const trusting = { policy, trust: { simulatedRoot: pem } } as const;

const b = await verifyBundle(bytes, trusting);
if (b.outcome === 'accepted')
  for (const { receipt, time, payloads } of b.receipts) console.log(time, receipt.receipt_id, payloads.length);
else throw b.error;
