/** What each choice of a policy demands, as its preset describes itself; the verifier, which has the presets, is loaded later. */

import type { FilesQuestion } from '../verifier/verification.ts';

/** By the value of the choice; `''` is the policy `default`. */
export const POLICY_WORDS: Readonly<Record<Extract<FilesQuestion['policy'], string> | 'file', string>> = {
  '': 'Authentic, not debuggable, firmware up to date. Measurements and age are not checked.',
  strict: 'Hardware evidence at most an hour old, firmware up to date, no product whose root secrets leak.',
  moderate: 'At most two hours old; firmware may lack settings or software hardening, not updates.',
  relaxed: 'For development: at most a day old, debug allowed, firmware may be behind but not revoked.',
  file: 'Your own file.',
};
