/** Where the agent of this machine keeps its log: from the same settings as the agent's. */

import type { KeptPlace } from '@assay/agent';
import { dataFolder } from './data-folder.ts';
import type { Io } from './io.ts';

export function keptPlace(io: Io): KeptPlace {
  return { directory: dataFolder(io), databaseUrl: io.env.DATABASE_URL || null };
}

/**
 * The same, for work that opens what is stored: with the platform's secret under which the data key can be sealed, which is cleared after it.
 * @throws {ServerError} `attester/unavailable` when the guest agent does not give it; what `work` throws.
 * @example const check = await withOpenedPlace(io, (place) => checkLog(place));
 */
export async function withOpenedPlace<Value>(io: Io, work: (place: KeptPlace) => Promise<Value>): Promise<Value> {
  const { findApplicationSecret } = await import('@assay/agent');
  const { ASSAY_ATTESTER, DSTACK_SIMULATOR_ENDPOINT, TAPPD_SIMULATOR_ENDPOINT } = io.env;
  const simulators = { dstack: DSTACK_SIMULATOR_ENDPOINT || null, tappd: TAPPD_SIMULATOR_ENDPOINT || null };
  const platformSecret = await findApplicationSecret({ choice: ASSAY_ATTESTER || 'auto', simulators });
  try {
    return await work({ ...keptPlace(io), platformSecret });
  } finally {
    platformSecret?.bytes.fill(0);
  }
}
