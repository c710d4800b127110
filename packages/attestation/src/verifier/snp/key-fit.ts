/**
 * Does a VCEK or VLEK belong to a report? Product, chip and TCB of both must agree. Each question returns its check, or what does not fit.
 * Source: AMD 57230 §3.1. Not checked here: who signed what.
 */

import { equalBytes } from '@assay/encoding/bytes';
import { encodeHex } from '@assay/encoding/hex';
import { AttestationError } from '../../errors.ts';
import { allZero } from '../../evidence/reading.ts';
import { vcekPaths } from '../../evidence/snp/kds.ts';
import type { SnpProduct } from '../../evidence/snp/product.ts';
import type { SnpReport } from '../../evidence/snp/report.ts';
import { tcbOf, tcbText } from '../../evidence/snp/tcb.ts';
import { type Check, notChecked, pass } from '../../model/check.ts';
import type { EndorsementKey } from './endorsement-key.ts';

const KDS = 'AMD 57230 §3.1';

/** The checks of a key that fits. */
export interface KeyFit {
  readonly product: Check;
  readonly chip: Check;
  readonly tcb: Check;
}

export interface Misfit {
  /** How much of the key fits before this fault. */
  readonly closeness: number;
  readonly error: AttestationError;
}

/** @param product the one that the report's cpuid names; `null` when it names none. */
export function fitOf(key: EndorsementKey, report: SnpReport, product: SnpProduct | null): KeyFit | Misfit {
  const ofProduct = productFit(key, report, product);
  if ('error' in ofProduct) return ofProduct;
  const chip = chipFit(key, report);
  if ('error' in chip) return chip;
  const tcb = tcbFit(key, report);
  if ('error' in tcb) return tcb;
  return { product: ofProduct, chip, tcb };
}

function productFit(key: EndorsementKey, report: SnpReport, product: SnpProduct | null): Check | Misfit {
  const id = 'snp.product';
  if (product === null)
    return notChecked(id, KDS, `version ${report.version} reports name no product; the ${key.kind} says ${key.productName}`);
  if (key.product === product) return pass(id, KDS, key.product);
  const message = `expected a key of ${product}, as the report's cpuid says, got one of ${key.productName}; fetch the right key`;
  return { closeness: 0, error: new AttestationError('snp/product-mismatch', message) };
}

function chipFit(key: EndorsementKey, report: SnpReport): Check | Misfit {
  const id = 'snp.chip-id';
  if (key.chipId === null) return notChecked(id, KDS, 'a vlek belongs to a cloud provider, not to a chip');
  if (allZero(report.chipId)) return notChecked(id, KDS, 'the host masks the chip id');
  if (equalBytes(key.chipId, report.chipId)) return pass(id, KDS, encodeHex(report.chipId));
  const message = 'expected the vcek of the chip that the report names, got that of another chip; fetch the right vcek';
  return misfit(1, 'snp/chip-id-mismatch', message, report);
}

function tcbFit(key: EndorsementKey, report: SnpReport): Check | Misfit {
  const wanted = tcbText(tcbOf(report.reportedTcb, key.product));
  if (equalBytes(key.tcb, report.reportedTcb)) return pass('snp.tcb-certificate', KDS, wanted);
  const got = tcbText(tcbOf(key.tcb, key.product));
  const message = `expected a key for the reported tcb (${wanted}), got one for another (${got}); fetch the right key`;
  return misfit(2, 'snp/tcb-mismatch', message, report);
}

function misfit(
  closeness: number,
  code: 'snp/chip-id-mismatch' | 'snp/tcb-mismatch',
  message: string,
  report: SnpReport,
): Misfit {
  return { closeness, error: new AttestationError(code, message, { details: { fetch: vcekPaths(report) } }) };
}
