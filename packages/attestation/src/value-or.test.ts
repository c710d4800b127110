/** Refusals give way to another value; faults of the program do not. */

import { EncodingError } from '@assay/encoding/errors';
import { expect, test } from 'vitest';
import { AttestationError } from './errors.ts';
import { valueOr } from './value-or.ts';

const failing = (error: Error) => () => {
  throw error;
};

test('a value is given, and another for what is refused', () => {
  expect(valueOr(() => 1, null)).toBe(1);
  expect(valueOr(failing(new AttestationError('certificate/malformed', 'expected der, got text')), null)).toBeNull();
  expect(valueOr(failing(new EncodingError('der/malformed', 'expected der, got text')), null)).toBeNull();
});

test('a fault of the program is thrown on', () => {
  expect(() => valueOr(failing(new TypeError('not a function')), null)).toThrow(TypeError);
});
