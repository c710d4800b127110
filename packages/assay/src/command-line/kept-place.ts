/** Where the agent of this machine keeps its log: from the same settings as the agent's. */

import type { KeptPlace } from '@assay/agent';
import { dataFolder } from './data-folder.ts';
import type { Io } from './io.ts';

export function keptPlace(io: Io): KeptPlace {
  return { directory: dataFolder(io), databaseUrl: io.env.DATABASE_URL || null };
}
