/** What to do about a verdict or an error of verification, where the error alone does not say it: which option of the command helps. */

import { AttestationError } from '@assay/attestation';

const FETCH =
  'assay collateral fetch FILE -o collateral.json gets it where there is a network, and --collateral collateral.json uses it';
const FETCH_AGAIN = `${FETCH.replace('gets it', 'gets a newer one')}, or --at TIME verifies as of an instant at which this one was valid`;
const NAME_REPORT = 'give the report as the subject, and this file with --collateral';
const CLOCK = 'check the clock of this machine, or --at TIME verifies at another instant';
const OLDER = '--at TIME verifies at a later instant, --collateral names an older file';

const HINTS: Readonly<Record<string, string>> = {
  'certificate/crl-missing': FETCH,
  'dcap/collateral-missing': FETCH,
  'dcap/pck-certificate-missing': FETCH,
  'endorsements/not-found': FETCH,
  'endorsements/offline': FETCH,
  'nvidia/certificates-missing': FETCH,
  'snp/endorsement-key-missing': FETCH,
  'token/key-missing': FETCH,
  'certificate/crl-expired': FETCH_AGAIN,
  'certificate/ocsp-outdated': FETCH_AGAIN,
  'dcap/collateral-expired': FETCH_AGAIN,
  'endorsements/expired': FETCH_AGAIN,
  'endorsements/stale': FETCH_AGAIN,
  'certificate/crl-not-yet-valid': OLDER,
  'dcap/collateral-not-yet-valid': OLDER,
  'endorsements/not-yet-valid': OLDER,
  'endorsements/foreign': `this collateral is for another platform: ${FETCH}`,
  'certificate/expired': '--at TIME verifies at an earlier instant, such as the one at which the evidence was received',
  'certificate/not-yet-valid': CLOCK,
  'certificate/root-not-trusted':
    'no pinned vendor root signed this; --simulated-root names a simulator, --root a private root',
  'snp/report-missing': NAME_REPORT,
  'token/expired': '--at TIME verifies at an earlier instant, such as the one at which the token was received',
  'token/not-yet-valid': CLOCK,
  'vendor/expired': 'ask the vendor for a new promise, or --at TIME verifies as of an instant in which this one was in force',
  'vendor/not-yet-valid': CLOCK,
};

/** For commands that have `--at` and `--collateral`; `undefined` where the error says enough. */
export function verificationHint(code: string): string | undefined {
  return HINTS[code];
}

/**
 * The error with the hint as its advice, so that a command that prints errors alone names the option that helps. Code and details stay.
 * @example throw withHint(error) // … got 2026-11-30T00:00:00Z; --at TIME verifies at an earlier instant, …
 */
export function withHint(error: Error): Error {
  if (!AttestationError.is(error)) return error;
  const hint = verificationHint(error.code);
  if (hint === undefined) return error;
  const cut = error.message.lastIndexOf('; ');
  const what = cut < 0 ? error.message : error.message.slice(0, cut);
  return new AttestationError(error.code, `${what}; ${hint}`, { details: error.details, cause: error });
}
