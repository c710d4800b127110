/** Whether report data commits to bytes that travel beside the evidence. */

import { bufferSource, equalBytes } from '@assay/encoding/bytes';
import type { RuntimeData } from '../evidence/hcl-report.ts';
import { allZero } from '../evidence/reading.ts';

/** True when the hash of the runtime data, then zeros, fill the report data: only then does the hardware vouch for it. */
export async function commitsTo(reportData: Uint8Array, { hash, bytes }: RuntimeData): Promise<boolean> {
  const digest = new Uint8Array(await crypto.subtle.digest(hash, bufferSource(bytes)));
  return equalBytes(reportData.subarray(0, digest.length), digest) && allZero(reportData.subarray(digest.length));
}
