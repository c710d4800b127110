/** Response nonces come from randomness that is fetched for many at a time. What was handed out is not kept. */

import { encodeHex } from '@assay/encoding/hex';
import { expect, test, vi } from 'vitest';
import { freshNonce, RESPONSE_NONCE_LENGTH } from './response-key.ts';

/** Hands out nonces up to the one for which randomness is fetched; gives that one, and the array that was filled. */
function firstOfPool(): { readonly nonce: Uint8Array; readonly pool: Uint8Array } {
  const random = vi.spyOn(crypto, 'getRandomValues');
  try {
    for (;;) {
      const nonce = freshNonce();
      const pool = random.mock.calls[0]?.[0];
      if (pool !== undefined) return { nonce, pool: pool as Uint8Array };
    }
  } finally {
    random.mockRestore();
  }
}

test('every nonce is overwritten where it came from, as soon as it is handed out', () => {
  const { nonce, pool } = firstOfPool();
  const places = pool.length / RESPONSE_NONCE_LENGTH;
  expect(places).toBeGreaterThan(1);
  const seen = [encodeHex(nonce)];
  for (let place = 0; ; ) {
    const at = place * RESPONSE_NONCE_LENGTH;
    expect(encodeHex(pool.subarray(at, at + RESPONSE_NONCE_LENGTH))).toBe('00'.repeat(RESPONSE_NONCE_LENGTH));
    place += 1;
    if (place === places) break;
    const next = encodeHex(pool.subarray(at + RESPONSE_NONCE_LENGTH, at + 2 * RESPONSE_NONCE_LENGTH));
    seen.push(encodeHex(freshNonce()));
    expect(seen.at(-1)).toBe(next);
  }
  expect(new Set(seen).size).toBe(places);
});
