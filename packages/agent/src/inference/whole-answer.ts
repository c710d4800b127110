/** A whole answer of an upstream: all of its bytes, bounded, and the id that it goes by. */

import { readAtMost } from '@assay/encoding/bounded-reader';
import type { Reservation } from '@assay/encoding/budget';
import { parseLooseJson } from '@assay/encoding/json';
import { ServerError } from '../errors.ts';

/**
 * @param held - grows by what is read.
 * @throws {ServerError} `model/too-large`; what `held` throws.
 */
export function wholeAnswer(
  body: AsyncIterable<Uint8Array>,
  most: number,
  held: Reservation,
): Promise<Uint8Array<ArrayBuffer>> {
  return readAtMost(body, { most, what: 'the upstream', held, refuse: tooLarge });
}

export function tooLarge(most: number): ServerError {
  return new ServerError('model/too-large', `the upstream sent more than ${most} bytes; ask for less`);
}

/** Events that are looked at for the id; services repeat it in each. */
const MOST_EVENTS = 16;

/**
 * The `id` of an OpenAI-style answer, whole or as events, so that the receipt is found by it as well (ACI §7.1).
 * @param returned - the answer, or at least its beginning.
 */
export function chatIdIn(returned: Uint8Array): string | null {
  const text = new TextDecoder().decode(returned.subarray(0, 64 * 1024));
  for (const line of text
    .split('\n')
    .filter((each) => each.startsWith('data:'))
    .slice(0, MOST_EVENTS)) {
    const id = idOf(line.slice('data:'.length));
    if (id !== null) return id;
  }
  return idOf(new TextDecoder().decode(returned));
}

/**
 * `usage.total_tokens` of an answer of OpenAI's APIs, whole or as the last events of a stream; `null` where the service counts none.
 * @param received - the answer, or at least its end.
 */
export function tokensIn(received: Uint8Array): number | null {
  const text = new TextDecoder().decode(received);
  const events = text.split('\n').filter((line) => line.startsWith('data:'));
  for (const line of events.reverse()) {
    const tokens = totalIn(line.slice('data:'.length));
    if (tokens !== null) return tokens;
  }
  return events.length > 0 ? null : totalIn(text);
}

function totalIn(json: string): number | null {
  try {
    const { usage } = parseLooseJson(json) as { readonly usage?: { readonly total_tokens?: unknown } | null };
    const total = usage?.total_tokens;
    return Number.isSafeInteger(total) && Number(total) >= 0 ? Number(total) : null;
  } catch {
    return null;
  }
}

function idOf(json: string): string | null {
  try {
    const { id } = parseLooseJson(json) as { readonly id?: unknown };
    return typeof id === 'string' && /^[\w.:-]{1,128}$/.test(id) ? id : null;
  } catch {
    return null;
  }
}
