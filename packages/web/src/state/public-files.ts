/** What the agent shows to everybody: read in clear and without the key. Nothing here is a secret, and nothing here is believed. */

import { readAtMost } from '@assay/encoding/bounded-reader';

const MAX_BYTES = 1024 * 1024;

/** @example await getText('./log/checkpoint') */
export async function getText(path: './simulated-root.pem' | './log/checkpoint'): Promise<string> {
  const answer = await fetch(path, { redirect: 'error' });
  if (!answer.ok) throw new Error(`the agent answers ${answer.status} for ${path}`);
  return new TextDecoder().decode(await readAtMost(answer.body, { most: MAX_BYTES, what: path }));
}
