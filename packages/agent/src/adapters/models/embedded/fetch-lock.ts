/** One fetch at a time in a data directory, whichever process does it. A lock whose process is gone is taken over. */

import { open, readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { ServerError } from '../../../errors.ts';

/**
 * Takes the lock of `directory`; the result gives it back.
 * @throws {ServerError} `http/conflict` while another process fetches.
 */
export async function takeFetchLock(directory: string): Promise<() => Promise<void>> {
  const path = join(directory, 'fetch.lock');
  for (let tries = 0; tries < 2; tries += 1) {
    try {
      const handle = await open(path, 'wx', 0o600);
      await handle.writeFile(String(process.pid));
      await handle.close();
      return () => unlink(path).catch(() => undefined);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause;
      const owner = Number(await readFile(path, 'utf8').catch(() => ''));
      if (isAlive(owner)) {
        const message = `process ${owner} is fetching a model into ${directory}; wait for it, or end it`;
        throw new ServerError('http/conflict', message);
      }
      await unlink(path).catch(() => undefined);
    }
  }
  throw new ServerError('http/conflict', `another process is fetching a model into ${directory}; try again`);
}

function isAlive(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
