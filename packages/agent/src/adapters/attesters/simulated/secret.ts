/**
 * What a platform's kept secret is to the simulator: 32 random bytes in `simulated-secret` of the data directory, mode 0600. Anyone who reads
 * the file has the wallet.
 */

import { randomBytes } from 'node:crypto';
import { chmod, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ServerError } from '../../../errors.ts';

const FILE = 'simulated-secret';
const LENGTH = 32; // bytes

/**
 * The secret of this directory, made when there is none.
 * @throws {ServerError} `attester/simulated-root-broken` when the file holds anything else.
 */
export async function openSimulatedSecret(directory: string): Promise<Uint8Array> {
  const path = join(directory, FILE);
  const made = new Uint8Array(randomBytes(LENGTH));
  try {
    await writeFile(path, made, { mode: 0o600, flag: 'wx' });
    return made;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause;
  }
  if (((await stat(path)).mode & 0o077) !== 0 && process.platform !== 'win32') await chmod(path, 0o600);
  const secret = new Uint8Array(await readFile(path));
  if (secret.length === LENGTH) return secret;
  throw new ServerError(
    'attester/simulated-root-broken',
    `expected ${LENGTH} bytes in ${path}, got ${secret.length}; restore it, or use another data directory`,
  );
}
