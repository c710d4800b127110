/**
 * TCB_VERSION of SEV-SNP: eight security patch levels in 64 bits. Zen 5 (Turin) moved the fields and added the FMC level.
 * Source: AMD SEV-SNP Firmware ABI 56860 §2.2 (table "Structure of the TCB_VERSION").
 */

import type { SnpProduct } from './product.ts';

export interface SnpTcb {
  /** Firmware of the management controller: Turin and later; `null` before. */
  readonly fmc: number | null;
  readonly bootloader: number;
  readonly tee: number;
  readonly snp: number;
  readonly microcode: number;
}

/**
 * Levels in `bytes` (8 bytes, as they stand in the report).
 * @example tcbOf(report.reportedTcb, 'Turin').fmc
 */
export function tcbOf(bytes: Uint8Array, product: SnpProduct): SnpTcb {
  const [b0 = 0, b1 = 0, b2 = 0, b3 = 0, , , b6 = 0, b7 = 0] = bytes;
  if (product === 'Turin') return { fmc: b0, bootloader: b1, tee: b2, snp: b3, microcode: b7 };
  return { fmc: null, bootloader: b0, tee: b1, snp: b6, microcode: b7 };
}

/** True when no level of `low` lies above that of `high`. */
export function tcbAtMost(low: SnpTcb, high: SnpTcb): boolean {
  return (
    (low.fmc ?? 0) <= (high.fmc ?? 0) &&
    low.bootloader <= high.bootloader &&
    low.tee <= high.tee &&
    low.snp <= high.snp &&
    low.microcode <= high.microcode
  );
}

/** `fmc=0 bootloader=1 tee=0 snp=2 microcode=71`, for people. */
export function tcbText(tcb: SnpTcb): string {
  const fmc = tcb.fmc === null ? '' : `fmc=${tcb.fmc} `;
  return `${fmc}bootloader=${tcb.bootloader} tee=${tcb.tee} snp=${tcb.snp} microcode=${tcb.microcode}`;
}
