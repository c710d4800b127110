/** Constructor arguments: values of every type, and interfaces and bytes that were made to break the reader. */

import { decodeHex } from '@assay/encoding/hex';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ContractsError } from '../errors.ts';
import { type AbiParameter, constructorParameters, decodeArguments } from './constructor-arguments.ts';
import { immutableValue } from './immutable-value.ts';

const word = (value: bigint | number): string => BigInt(value).toString(16).padStart(64, '0');
const words = (...values: readonly (bigint | number)[]): Uint8Array => decodeHex(values.map(word).join(''));
const typed = (type: string, components?: readonly AbiParameter[]): AbiParameter => ({ name: 'x', type, components });
const nested = (levels: number): AbiParameter => (levels === 0 ? typed('uint8') : typed('tuple', [nested(levels - 1)]));

describe('values', () => {
  it.each<[string, AbiParameter, Uint8Array, string | null]>([
    ['a number', typed('uint256'), words(1000), '1000'],
    ['a negative number', typed('int8'), words((1n << 256n) - 1n), '-1'],
    ['a number that is too large for its type', typed('uint8'), words(256), null],
    ['a truth value', typed('bool'), words(1), 'true'],
    ['a truth value of two', typed('bool'), words(2), null],
    ['a text', typed('string'), decodeHex(`${word(32)}${word(2)}6869${'00'.repeat(30)}`), '"hi"'],
    ['a list', typed('uint8[]'), words(32, 2, 7, 8), '[7, 8]'],
    ['a list of fixed length', typed('uint8[2]'), words(7, 8), '[7, 8]'],
    ['a tuple', typed('tuple', [typed('bool'), typed('uint8')]), words(1, 2), '(true, 2)'],
    ['a tuple in tuples', nested(31), words(5), `${'('.repeat(31)}5${')'.repeat(31)}`],
    ['an offset beyond the bytes', typed('string'), words(1n << 255n), null],
    ['an offset that leads back', typed('uint8[]'), words(0, 0), null],
    ['a length beyond the bytes', typed('uint8[]'), words(32, 1n << 64n), null],
    ['a list that would take all memory', typed('uint8[4294967295]'), words(1), null],
    ['lists of lists that would', typed('uint8[4000][4000][4000]'), words(1), null],
    ['a list of tuples without members', typed('tuple[]', []), words(32, 2), '[(), ()]'],
    ['more of them than are read', typed('tuple[4096]', []), new Uint8Array(0), null],
    ['a number of more bits than there are', typed('uint1073741823'), words(1), null],
    ['a number of no bits', typed('uint0'), words(1), null],
    ['a fixed-point number, which no compiler encodes', typed('fixed128x18'), words(1), null],
    ['a type that is none', typed('banana'), words(1), null],
    ['bytes of more than a word', typed('bytes33'), words(1), null],
  ])('%s', (_, parameter, bytes, expected) => {
    expect(decodeArguments([parameter], bytes)?.[0]?.value ?? null).toBe(expected);
  });

  it('are none for any other bytes, in bounded time', () => {
    const types = ['uint256', 'string', 'bytes[]', 'tuple[2][]', 'uint8[4095]', 'function', 'address[][][]'];
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...types), { maxLength: 6 }),
        fc.array(fc.oneof(fc.nat(256).map(BigInt), fc.bigInt(0n, (1n << 256n) - 1n)), { maxLength: 12 }),
        (names, values) => {
          const parameters = names.map((type) => typed(type, [typed('string'), typed('uint8')]));
          const decoded = decodeArguments(parameters, words(...values));
          expect(decoded === null || decoded.length === parameters.length).toBe(true);
        },
      ),
    );
  });
});

describe('interfaces', () => {
  it('without a constructor have no parameters', () => {
    expect(constructorParameters([null, 'x', { type: 'function', inputs: 5 }])).toEqual([]);
    expect(constructorParameters([{ type: 'constructor' }])).toEqual([]);
  });

  it.each<[string, unknown]>([
    ['text', 'uint256'],
    ['a parameter that is nothing', [null]],
    ['a type that is a number', [{ name: 'x', type: 5 }]],
    ['components that are text', [{ name: 'x', type: 'tuple', components: 'x' }]],
    ['a type without end', [typed(`uint8${'[1]'.repeat(100_000)}`)]],
    ['tuples without end', [nested(5000)]],
  ])('with %s are refused', (_, inputs) => {
    const read = (): unknown => constructorParameters([{ type: 'constructor', inputs }]);
    expect(read).toThrow(ContractsError);
    expect(read).toThrow(expect.objectContaining({ code: 'build/malformed' }));
  });
});

it('shows an immutable of a type that no compiler has as it stands in the code', () => {
  expect(immutableValue('uint1073741823', words(1))).toBe(`0x${word(1)}`);
  expect(immutableValue('uint999', words(1))).toBe('1');
});
