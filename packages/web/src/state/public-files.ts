/** What the agent shows to everybody: read in clear and without the key. Nothing here is a secret, and nothing here is believed. */

import { readAtMost } from '@assay/encoding/bounded-reader';
import { BASE } from './base.ts';

const MAX_BYTES = 1024 * 1024;
/** An agent that has not answered by then does not. */
const MOST_MS = 10_000;

/**
 * @throws {Error} for any status but success.
 * @example await getText('log/checkpoint')
 */
export async function getText(path: 'simulated-root.pem' | 'log/checkpoint'): Promise<string> {
  const answer = await fetch(new URL(path, BASE), { redirect: 'error', signal: AbortSignal.timeout(MOST_MS) });
  if (!answer.ok) throw new Error(`the agent answers ${answer.status} for ${path}`);
  return new TextDecoder().decode(await readAtMost(answer.body, { most: MAX_BYTES, what: path }));
}

function health(): Promise<Response> {
  return fetch(new URL('health', BASE), { redirect: 'error', cache: 'no-store', signal: AbortSignal.timeout(MOST_MS) });
}

/** Whether the agent takes work. A server that is stopping, or not there, does not. */
export async function isAlive(): Promise<boolean> {
  try {
    const answer = await health();
    await answer.body?.cancel();
    return answer.ok;
  } catch {
    return false;
  }
}

/**
 * How far the agent's clock is ahead of this device's, milliseconds; `null` when the agent names no time. To explain a refusal, never to verify.
 * @example await clockLead() // -86_400_000: this device's clock runs a day ahead
 */
export async function clockLead(): Promise<number | null> {
  const asked = Date.now();
  const answer = await health();
  const now = (asked + Date.now()) / 2;
  await answer.body?.cancel();
  const told = Date.parse(answer.headers.get('date') ?? '');
  return Number.isNaN(told) ? null : told - now;
}
