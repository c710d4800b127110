/** A policy from evidence that is trusted today. */

import { explain, policyFrom } from 'assay/policy';
import { acceptedQuote } from './inputs.ts';

const r = await acceptedQuote();
const policy = policyFrom(r.claims, { base: 'strict', pin: ['mrtd', 'rtmr0'], grace: { OutOfDate: '2026-12-31' } });

console.log(explain(policy).join('\n'));
