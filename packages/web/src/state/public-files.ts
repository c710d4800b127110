/** What the agent shows to everybody: read in clear and without the key. Nothing here is a secret, and nothing here is believed. */

import { readAtMost } from '@assay/encoding/bounded-reader';
import { BASE } from './base.ts';

const MAX_BYTES = 1024 * 1024;

/** @example await getText('log/checkpoint') */
export async function getText(path: 'simulated-root.pem' | 'log/checkpoint'): Promise<string> {
  const answer = await fetch(new URL(path, BASE), { redirect: 'error' });
  if (!answer.ok) throw new Error(`the agent answers ${answer.status} for ${path}`);
  return new TextDecoder().decode(await readAtMost(answer.body, { most: MAX_BYTES, what: path }));
}

/** Whether the agent takes work. A server that is stopping, or not there, does not. */
export async function isAlive(): Promise<boolean> {
  try {
    const answer = await fetch(new URL('health', BASE), { redirect: 'error', cache: 'no-store' });
    await answer.body?.cancel();
    return answer.ok;
  } catch {
    return false;
  }
}
