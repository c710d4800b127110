/** Why evidence was not accepted, in one line for receipts. */

import type { VerificationResult } from '@assay/attestation';

/** The error, or the first check that failed. */
export function reasonOf({ outcome, error, checks }: VerificationResult): string {
  if (error !== undefined && outcome !== 'refused') return `${error.code}: ${error.message}`;
  const failed = checks.find((check) => check.outcome === 'fail');
  return failed === undefined ? outcome : `${failed.id}: expected ${failed.expected}, got ${failed.actual}`;
}
