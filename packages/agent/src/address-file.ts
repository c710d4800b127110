/**
 * The agent leaves its address in its data folder while it runs, so that commands of the same user find it. A hint and nothing more: the
 * file may be left over from an agent that was killed, and its reader verifies what answers there.
 */

import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** In the data folder: `{"url":"http://127.0.0.1:8000"}`. `assay` reads it under the same name. */
export const ADDRESS_FILE = 'agent.json';

/**
 * Writes the address; a folder that cannot be written has none.
 * @returns takes it away again, unless another agent has left its own since.
 * @example const forget = await leaveAddress('.assay', 'http://127.0.0.1:8000')
 */
export async function leaveAddress(folder: string, url: string): Promise<() => Promise<void>> {
  const path = join(folder, ADDRESS_FILE);
  const text = `${JSON.stringify({ url: reachable(url) })}\n`;
  const temporary = `${path}.${process.pid}`;
  try {
    await writeFile(temporary, text, { mode: 0o600 });
    await rename(temporary, path);
  } catch {
    return async () => {};
  }
  return async () => {
    const current = await readFile(path, 'utf8').catch(() => null);
    if (current === text) await rm(path, { force: true });
  };
}

/** Where an agent that listens on every address is reached from here. */
function reachable(url: string): string {
  return url.replace('//0.0.0.0:', '//127.0.0.1:').replace('//[::]:', '//[::1]:');
}
