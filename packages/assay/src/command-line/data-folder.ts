/** The data folder of this directory's agent, by the same setting as the agent's. */

import { resolve } from 'node:path';
import type { Io } from './io.ts';

/** @example dataFolder(io) // '/home/me/.assay' */
export function dataFolder(io: Pick<Io, 'cwd' | 'env'>): string {
  return resolve(io.cwd, io.env.ASSAY_DATA_DIR || '.assay');
}
