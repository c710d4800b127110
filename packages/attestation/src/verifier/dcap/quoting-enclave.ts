/**
 * Is the enclave that made the attestation key Intel's quoting enclave? Compares its report with the signed QE identity.
 * Source: Intel DCAP quote verification library, specification items 4.1.2.9.5 to .8.
 * Not decided here: the standing of its ISVSVN, which is merged in tcb-level.ts.
 */

import { equalBytes } from '@assay/encoding/bytes';
import { encodeHex } from '@assay/encoding/hex';
import { AttestationError } from '../../errors.ts';
import type { EnclaveIdentity } from '../../evidence/dcap/enclave-identity.ts';
import type { EnclaveReport } from '../../evidence/dcap/enclave-report.ts';
import { type Check, pass } from '../../model/check.ts';
import { QVL_SPEC } from './specifications.ts';

/** @throws {AttestationError} `dcap/qe-identity-mismatch` naming the field that differs. */
export function matchQuotingEnclave(report: EnclaveReport, identity: EnclaveIdentity): Check {
  if ((report.miscSelect & identity.miscSelectMask) >>> 0 !== identity.miscSelect) {
    throw mismatch('MISCSELECT', identity.miscSelect.toString(16), report.miscSelect.toString(16));
  }
  const masked = report.attributes.every(
    (byte, index) => (byte & (identity.attributesMask[index] ?? 0xff)) === identity.attributes[index],
  );
  if (!masked) throw mismatch('ATTRIBUTES', encodeHex(identity.attributes), encodeHex(report.attributes));
  if (!equalBytes(report.mrSigner, identity.mrSigner)) {
    throw mismatch('MRSIGNER', encodeHex(identity.mrSigner), encodeHex(report.mrSigner));
  }
  if (report.isvProdId !== identity.isvProdId) {
    throw mismatch('ISVPRODID', String(identity.isvProdId), String(report.isvProdId));
  }
  return pass('dcap.qe-identity', `${QVL_SPEC} 4.1.2.9`, "Intel's quoting enclave");
}

function mismatch(field: string, expected: string, actual: string): AttestationError {
  return new AttestationError(
    'dcap/qe-identity-mismatch',
    `expected ${field} ${expected} of the quoting enclave, got ${actual}; the quote was not made by Intel's quoting enclave`,
    { details: { field, expected, actual } },
  );
}
