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

function idOf(json: string): string | null {
  try {
    const { id } = parseLooseJson(json) as { readonly id?: unknown };
    return typeof id === 'string' && /^[\w.:-]{1,128}$/.test(id) ? id : null;
  } catch {
    return null;
  }
}
