/** Where the agent of this machine keeps its log: from the same settings as the agent's, the `.env` file included. */

import { join, resolve } from 'node:path';
import type { KeptPlace } from '@assay/agent';
import type { Io } from './io.ts';

/** @throws {ServerError} `config/unreadable` for a `.env` file that is none. */
export async function keptPlace(io: Io): Promise<KeptPlace> {
  const { readEnvironment } = await import('@assay/agent');
  const { ASSAY_DATA_DIR: data, DATABASE_URL: url } = readEnvironment(join(io.cwd, '.env'), io.env);
  return { directory: resolve(io.cwd, data || '.assay'), databaseUrl: url || null };
}
