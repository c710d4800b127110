import { describe, expect, it } from 'vitest';
import { ENCODING_ERROR_KINDS, EncodingError, type EncodingErrorCode } from './errors.ts';

describe('EncodingError', () => {
  it('takes its kind from its code and is known by its brand', () => {
    for (const code of Object.keys(ENCODING_ERROR_KINDS) as EncodingErrorCode[]) {
      const error = new EncodingError(code, 'expected x, got y', { details: { at: 1 }, cause: 'c' });
      expect([error.code, error.kind, error.details, error.cause]).toEqual([code, ENCODING_ERROR_KINDS[code], { at: 1 }, 'c']);
      expect(EncodingError.is(error)).toBe(true);
    }
    for (const other of [null, undefined, 'x', {}, new Error('x')]) expect(EncodingError.is(other)).toBe(false);
  });
});
