/**
 * The address that a running agent left in its data folder. It may be stale, so it is tried and verified as any other; it counts only when
 * the file is this user's own and names this machine, because a key may go there.
 */

import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isLoopbackName } from '@assay/channel';
import { parseJson } from '@assay/encoding/json';
import { readRegularFile } from './file-reader.ts';

/** As the agent writes it. */
const ADDRESS_FILE = 'agent.json';
const MAX_BYTES = 4096;
/** Group and others. */
const OTHERS_MAY_WRITE = 0o022;

/**
 * `null` when there is none that may be used.
 * @example await leftAddress('/home/me/.assay') // URL of http://127.0.0.1:8000
 */
export async function leftAddress(folder: string): Promise<URL | null> {
  const path = join(folder, ADDRESS_FILE);
  try {
    const { uid, mode } = await stat(path);
    const own = process.getuid === undefined || uid === process.getuid();
    if (!own || (process.getuid !== undefined && (mode & OTHERS_MAY_WRITE) !== 0)) return null;
    const left = parseJson(await readRegularFile(path, { shown: path, most: MAX_BYTES }));
    return loopbackUrl(typeof left === 'object' && left !== null && 'url' in left ? left.url : null);
  } catch {
    return null; // no agent has left one
  }
}

function loopbackUrl(value: unknown): URL | null {
  if (typeof value !== 'string' || !URL.canParse(value)) return null;
  const url = new URL(value);
  return /^https?:$/.test(url.protocol) && isLoopbackName(url.hostname.replace(/^\[|\]$/g, '')) ? url : null;
}
