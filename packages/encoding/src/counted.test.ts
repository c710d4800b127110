/** One thing is one. */

import { expect, test } from 'vitest';
import { counted } from './counted.ts';

test('a number takes the noun that fits it', () => {
  expect([0, 1, 2].map((count) => counted(count, 'check'))).toEqual(['0 checks', '1 check', '2 checks']);
  expect([1, 2].map((count) => counted(count, 'query', 'queries'))).toEqual(['1 query', '2 queries']);
});
