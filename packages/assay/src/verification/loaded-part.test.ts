/** A part of the verifier that cannot be loaded ends in the verdict `unavailable`, with a code, and in nothing that was thrown. */

import { utf8 } from '@assay/encoding/bytes';
import { beforeAll, expect, test, vi } from 'vitest';
import { verify } from './verify.ts';

beforeAll(() => {
  const absent = () => {
    throw new TypeError('Failed to fetch dynamically imported module');
  };
  vi.doMock('./answer-proof.ts', absent);
});

test('the proof of an answer', async () => {
  const { outcome, error } = await verify(utf8('{"format":"assay-proof/1"}'), { now: 0 });
  expect([outcome, error?.code]).toEqual(['unavailable', 'part/unavailable']);
});
