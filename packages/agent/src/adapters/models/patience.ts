/**
 * Which failures of a model's endpoint pass by themselves, and how long to wait for that. Everything stays within the time of one
 * completion (`ASSAY_MODEL_SECONDS`): a server that loads a model is waited for, a connection that broke is made again, and what will not
 * change is reported at once.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import type { ModelFault } from './model-fault.ts';

/** Time as the adapter sees it, so that tests can hold it still. */
export interface Pacing {
  /** Epoch milliseconds. */
  now(): number;
  /** Resolves after `ms`; rejects when `signal` aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export const systemPacing: Pacing = {
  now: Date.now,
  sleep: (ms, signal) => sleep(ms, undefined, { signal }),
};

/** `waiting`: until the time is up. `temporary`: a few attempts. `brief`: fewer, because nothing is there. `final`: none. */
type Outlook = 'waiting' | 'temporary' | 'brief' | 'final';

const ATTEMPTS: Readonly<Record<Outlook, number>> = { waiting: Number.POSITIVE_INFINITY, temporary: 3, brief: 2, final: 0 };
const WAITING = new Set([429, 503, 529]);
const TEMPORARY = new Set([408, 409, 425, 500, 502, 504, 520, 521, 522, 523, 524]);
const LOADING = [
  /\b(?:loading|warming up|starting up|initiali[sz]ing|cold start)\b/i,
  /\b(?:still being|not (?:yet )?ready)\b/i,
];
const CANNOT_LOAD = [
  /\b(?:failed|unable|cannot|could not|couldn't)\b[^.;]{0,24}\bload/i,
  /\b(?:error|not enough|insufficient)\b[^.;]{0,24}\bload/i,
];
/** No waiting within one task brings money. */
const QUOTA = [/insufficient[_ ](?:quota|credit|balance|funds)/i, /billing|credit balance|payment required/i];
const LONGEST_PAUSE_MS = 5000;

/**
 * Milliseconds to wait before the next attempt; `null` when there is to be none.
 * @param attempt - how many attempts failed for this reason so far, this one included.
 */
export function pauseBefore(
  fault: ModelFault,
  { attempt, pauseMs, remainingMs }: { readonly attempt: number; readonly pauseMs: number; readonly remainingMs: number },
): number | null {
  if (attempt > ATTEMPTS[outlookOf(fault)]) return null;
  const grown = Math.min(pauseMs * 2 ** Math.min(attempt - 1, 16), Math.max(pauseMs, LONGEST_PAUSE_MS));
  const pause = fault.waitMs ?? grown * (1 + Math.random() / 4);
  return pause < remainingMs ? pause : null;
}

function outlookOf({ kind, status, said }: ModelFault): Outlook {
  if (kind === 'absent') return 'brief';
  if (kind === 'unusable') return 'final';
  if (kind === 'broken') return 'temporary';
  const text = `${said?.words ?? ''} ${said?.names.join(' ') ?? ''}`;
  if (status !== null && status !== 401 && status !== 403 && matches(LOADING, text) && !matches(CANNOT_LOAD, text))
    return 'waiting';
  if (status === 429 && matches(QUOTA, text) && said?.waitMs === null) return 'final';
  if (status !== null && WAITING.has(status)) return 'waiting';
  if (status !== null && TEMPORARY.has(status)) return 'temporary';
  return status === null ? 'temporary' : 'final';
}

function matches(patterns: readonly RegExp[], text: string): boolean {
  return patterns.some((pattern) => pattern.test(text));
}

/** What `Retry-After` and its kin ask for, milliseconds; `null` when they ask for nothing. */
export function retryAfterMs(headers: Headers, now: number): number | null {
  const exact = Number(headers.get('retry-after-ms')?.trim() || Number.NaN);
  if (exact >= 0) return exact;
  const value = headers.get('retry-after')?.trim() ?? '';
  if (/^[0-9]{1,9}(\.[0-9]{1,9})?$/.test(value)) return Number(value) * 1000;
  const date = value === '' ? Number.NaN : Date.parse(value);
  return Number.isNaN(date) ? null : Math.max(0, date - now);
}
