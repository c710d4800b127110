/** A fault of a reader is not a property of the file: it is thrown, and the file is not taken for one of no known kind. */

import { expect, test } from 'vitest';
import { kindName } from './kinds.ts';
import { subjectOf } from './subject.ts';

const FAULT = new TypeError('a reader broke');

/** Bytes that can be read so many times, and then break their reader. */
function breaking(reads: number): Uint8Array {
  let left = reads;
  return new Proxy(new Uint8Array(4), {
    get: (bytes, name) => {
      if (left === 0) throw FAULT;
      left -= 1;
      const member: unknown = Reflect.get(bytes, name, bytes);
      return typeof member === 'function' ? member.bind(bytes) : member;
    },
  });
}

// The first read asks whether the file begins like JSON; the readers of evidence come after it.
test.each([0, 1])('of a file that breaks its reader after %i reads', (reads) => {
  expect(() => subjectOf(breaking(reads))).toThrow(FAULT);
});

test('of evidence whose name is asked for', () => {
  expect(() => kindName({ kind: 'evidence', evidence: breaking(0) })).toThrow(FAULT);
  expect(kindName({ kind: 'evidence', evidence: new Uint8Array(4) })).toMatch(/^[^(]+$/);
});
