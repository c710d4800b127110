/** Limits the address space of a process where no control group counts its memory. */

import type { ExecutionLimits } from '@assay/receipt';

const MIB = 1024 * 1024;

/** Most virtual memory of a Python process where nothing counts the real one: libraries map far more than they use. */
export function addressSpaceOf(limits: ExecutionLimits): number {
  return 2 * limits.memoryBytes + 512 * MIB;
}
