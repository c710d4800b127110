/**
 * Intel enclave identity, version 2: what the quoting enclave must look like, and the standing of its versions.
 * Source: Intel Provisioning Certification Service API v3 and v4, "Get SGX QE Identity", "Get TD QE Identity".
 * Not checked here: signature and dates; see verifier/dcap/collateral.ts.
 */

import { SignedObject } from './signed-json.ts';
import { readSvnLevels, type SvnLevel } from './tcb-info.ts';

export interface EnclaveIdentity {
  /** `QE` quotes SGX enclaves, `TD_QE` quotes TDs; `QVE` and `QAE` verify and appraise quotes. */
  readonly id: 'QE' | 'TD_QE' | 'QVE' | 'QAE';
  /** Epoch milliseconds. */
  readonly issueDate: number;
  /** Epoch milliseconds. */
  readonly nextUpdate: number;
  readonly evaluationNumber: number;
  readonly miscSelect: number;
  readonly miscSelectMask: number;
  /** 16 bytes. */
  readonly attributes: Uint8Array;
  /** 16 bytes. */
  readonly attributesMask: Uint8Array;
  /** 32 bytes. */
  readonly mrSigner: Uint8Array;
  readonly isvProdId: number;
  /** Highest first. */
  readonly levels: readonly SvnLevel[];
}

/**
 * Reads the signed body of an enclave identity document.
 * @param body the exact bytes of the `enclaveIdentity` object.
 * @throws {AttestationError} `dcap/qe-identity-malformed`.
 */
export function parseEnclaveIdentity(body: Uint8Array): EnclaveIdentity {
  const document = SignedObject.parse(body, 'enclaveIdentity', 'dcap/qe-identity-malformed');
  const version = document.whole('version', 0xffff);
  if (version !== 2) return document.refuse(`expected version 2, got ${version}`);
  return {
    id: document.oneOf('id', ['QE', 'TD_QE', 'QVE', 'QAE']),
    issueDate: document.instant('issueDate'),
    nextUpdate: document.instant('nextUpdate'),
    evaluationNumber: document.whole('tcbEvaluationDataNumber', 0xffffffff),
    miscSelect: littleEndian32(document.hex('miscselect', 4)),
    miscSelectMask: littleEndian32(document.hex('miscselectMask', 4)),
    attributes: document.hex('attributes', 16),
    attributesMask: document.hex('attributesMask', 16),
    mrSigner: document.hex('mrsigner', 32),
    isvProdId: document.whole('isvprodid', 0xffff),
    levels: readSvnLevels(document),
  };
}

/** MISCSELECT is written as its bytes lie in the report, so little endian. */
function littleEndian32(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true);
}
