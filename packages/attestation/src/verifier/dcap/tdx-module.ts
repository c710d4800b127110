/**
 * Is the TDX module that launched the TD one of Intel's? Source: Intel DCAP quote verification library, specification items
 * 4.1.2.5.12 to 4.1.2.5.12.2. Not decided here: the standing of its version, see tcb-level.ts.
 */

import { equalBytes } from '@assay/encoding/bytes';
import { encodeHex } from '@assay/encoding/hex';
import { AttestationError } from '../../errors.ts';
import type { TcbInfo } from '../../evidence/dcap/tcb-info.ts';
import type { TdReport } from '../../evidence/dcap/td-report.ts';
import { type Check, pass } from '../../model/check.ts';
import { QVL_SPEC } from './specifications.ts';
import { findTdxModule, moduleVersion } from './tcb-level.ts';

/**
 * @param tcbInfo authenticated TDX TCB info of the platform.
 * @throws {AttestationError} `dcap/tdx-module-unknown` when Intel lists no module of this version, `dcap/tdx-module-mismatch`
 * when MRSIGNERSEAM or SEAMATTRIBUTES differ or SEAMATTRIBUTES are not zero.
 */
export function matchTdxModule(report: TdReport, tcbInfo: TcbInfo): Check {
  const version = moduleVersion(report.teeTcbSvn);
  const module = version > 0 ? findTdxModule(tcbInfo, report.teeTcbSvn) : tcbInfo.tdxModule;
  if (module === undefined || module === null) {
    throw new AttestationError(
      'dcap/tdx-module-unknown',
      `expected a TDX module that the TCB info lists, got version ${version}; fetch current TCB info`,
      { details: { version } },
    );
  }
  if (!equalBytes(report.mrSignerSeam, module.mrSigner)) {
    throw mismatch('MRSIGNERSEAM', encodeHex(module.mrSigner), encodeHex(report.mrSignerSeam));
  }
  if (report.seamAttributes.some((byte) => byte !== 0) || !equalBytes(report.seamAttributes, module.attributes)) {
    throw mismatch('SEAMATTRIBUTES', 'zeros', encodeHex(report.seamAttributes));
  }
  return pass('tdx.module', `${QVL_SPEC} 4.1.2.5.12`, 'signed by Intel, SEAMATTRIBUTES zero');
}

function mismatch(field: string, expected: string, actual: string): AttestationError {
  return new AttestationError(
    'dcap/tdx-module-mismatch',
    `expected ${field} ${expected}, got ${actual}; the TD was not launched by a production TDX module`,
    { details: { field, expected, actual } },
  );
}
