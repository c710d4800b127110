/** A hint names the option that helps; code, kind and details of the error stay, and every hint is for a code that exists. */

import { ATTESTATION_ERROR_KINDS, AttestationError } from '@assay/attestation';
import { expect, test } from 'vitest';
import { CliError } from './errors.ts';
import { verificationHint, withHint } from './verification-hints.ts';

const codes = Object.keys(ATTESTATION_ERROR_KINDS) as readonly (keyof typeof ATTESTATION_ERROR_KINDS)[];

test.each(codes.filter((code) => /expired|not-yet|outdated|stale/.test(code)))('%s names --at TIME', (code) => {
  expect(verificationHint(code)).toContain('--at TIME');
});

test('only the advice of an error changes', () => {
  const error = new AttestationError('certificate/expired', 'expected a time until x, got y; do z', { details: { at: 1 } });
  const hinted = withHint(error);
  expect(hinted).toMatchObject({ code: error.code, kind: error.kind, details: { at: 1 }, cause: error });
  expect(hinted.message).toMatch(/^expected a time until x, got y; --at TIME verifies [^;]+$/);
});

test('an error of another kind, or without a hint, passes unchanged', () => {
  for (const error of [new CliError('cli/no-code', 'expected a; do b'), new AttestationError('snp/malformed', 'expected a')])
    expect(withHint(error)).toBe(error);
});
