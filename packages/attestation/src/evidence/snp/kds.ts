/**
 * Where AMD's key distribution service keeps the VCEK of a report. Only names are made here; nothing is fetched.
 * Source: AMD VCEK Certificate and KDS Interface Specification 57230, revision 1.00, §4.1 (Turin: 8-byte hwID and fmcSPL).
 */

import { encodeHex } from '@assay/encoding/hex';
import { allZero } from '../reading.ts';
import { productOfCpuid, type SnpProduct } from './product.ts';
import type { SnpReport } from './report.ts';
import { tcbOf } from './tcb.ts';

/** Bytes of the chip id that name the chip to the service. */
const HWID_LENGTH: Readonly<Record<SnpProduct, number>> = { Milan: 64, Genoa: 64, Turin: 8 };

/**
 * Paths below https://kdsintf.amd.com under which the VCEK may be found, most likely first; none when the host masked the chip id
 * or the report is signed by a VLEK, which only its cloud provider can hand out. Version 2 reports do not name their product, so
 * there are two candidates.
 * @example vcekPaths(report)[0] // '/vcek/v1/Genoa/1af1…?blSPL=10&teeSPL=00&snpSPL=23&ucodeSPL=84'
 */
export function vcekPaths(report: SnpReport): readonly string[] {
  if (report.signingKey !== 'vcek' || allZero(report.chipId)) return [];
  const product = report.cpuid === null ? null : productOfCpuid(report.cpuid);
  const products: readonly SnpProduct[] = report.cpuid === null ? ['Milan', 'Genoa'] : product === null ? [] : [product];
  return products.map((name) => {
    const tcb = tcbOf(report.reportedTcb, name);
    const fmc = tcb.fmc === null ? '' : `fmcSPL=${level(tcb.fmc)}&`;
    const levels = `blSPL=${level(tcb.bootloader)}&teeSPL=${level(tcb.tee)}&snpSPL=${level(tcb.snp)}&ucodeSPL=${level(tcb.microcode)}`;
    return `/vcek/v1/${name}/${encodeHex(report.chipId.subarray(0, HWID_LENGTH[name]))}?${fmc}${levels}`;
  });
}

/** The service wants two decimal digits at least. */
function level(value: number): string {
  return String(value).padStart(2, '0');
}
