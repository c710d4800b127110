/** Attribute bits have the names of Intel's tables; bits without a name are reserved. */

import { expect, test } from 'vitest';
import { type Attributes, decodeSgxFlags, decodeTdAttributes } from './attributes.ts';

const bits = (...numbers: readonly number[]): Uint8Array => {
  const field = new Uint8Array(16);
  for (const bit of numbers) field[bit >> 3] = (field[bit >> 3] ?? 0) | (1 << (bit & 7));
  return field;
};

test.each<[string, () => Attributes, Attributes]>([
  ['no flag', () => decodeSgxFlags(bits()), { set: [], reserved: [] }],
  ['flags of an enclave', () => decodeSgxFlags(bits(0, 1, 2)), { set: ['INIT', 'DEBUG', 'MODE64BIT'], reserved: [] }],
  ['reserved flags', () => decodeSgxFlags(bits(0, 3, 63)), { set: ['INIT'], reserved: [3, 63] }],
  ['features of an enclave, which are no flags', () => decodeSgxFlags(bits(64)), { set: [], reserved: [] }],
  [
    'attributes of a TD',
    () => decodeTdAttributes(bits(0, 28).subarray(0, 8)),
    { set: ['DEBUG', 'SEPT_VE_DISABLE'], reserved: [] },
  ],
  ['reserved attributes', () => decodeTdAttributes(bits(1, 30).subarray(0, 8)), { set: ['PKS'], reserved: [1] }],
])('%s', (_, decode, wanted) => {
  expect(decode()).toEqual(wanted);
});
