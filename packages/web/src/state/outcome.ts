/** How verdicts and checks look and what they are called. */

import type { Verdict } from 'assay';
import type { IconName } from '../components/icon.tsx';

type Outcome = Verdict['outcome'];
type CheckOutcome = Verdict['checks'][number]['outcome'];

/** Colour of a verdict: green only for accepted, genuine evidence; amber for simulated hardware and for what cannot be told. */
export type VerdictTone = 'pass' | 'fail' | 'open';

export const CHECK_LOOKS: Readonly<
  Record<CheckOutcome, { readonly icon: IconName; readonly tone: VerdictTone; readonly word: string }>
> = {
  pass: { icon: 'check-circle', tone: 'pass', word: 'passed' },
  fail: { icon: 'x-circle', tone: 'fail', word: 'failed' },
  'not-checked': { icon: 'circle', tone: 'open', word: 'not checked' },
};

const HEADLINES: Readonly<Record<Outcome, string>> = {
  accepted: 'Verified',
  refused: 'Authentic, refused by policy',
  malformed: 'Malformed',
  'not-authentic': 'Not authentic',
  unavailable: 'Cannot tell: something is missing',
};

export function headlineOf({ outcome, simulated }: Verdict): string {
  return outcome === 'accepted' && simulated ? 'Verified, simulated hardware' : HEADLINES[outcome];
}

export function toneOf({ outcome, simulated }: Verdict): VerdictTone {
  if (outcome === 'unavailable') return 'open';
  if (outcome !== 'accepted') return 'fail';
  return simulated ? 'open' : 'pass';
}

/** Names of checks that fail because of the time that the verdict is about: another time may give another verdict. */
const OF_TIME = /expired|not-yet-valid|outdated|stale|freshness/;

/** Whether a verdict may be another as of another time. */
export function concernsTime({ checks }: Verdict): boolean {
  return checks.some(({ id, outcome }) => outcome === 'fail' && OF_TIME.test(id));
}

/** What a verdict on simulated hardware is worth. */
export const SIMULATED_MEANING =
  'Signatures, hashes and the log are genuine and were checked here. The hardware is not: a simulator on the agent’s machine signed the evidence, so the agent’s operator could read everything and change its code. On real hardware the same checks exclude that.';
