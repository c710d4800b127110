/**
 * The decoders of calldata and typed data against changed bytes and members. What they say is spent is held against a reader of plain ABI words
 * and against viem's hash; everything else is refused with a code, and nothing is read differently from how a contract reads it.
 */

import { PERMIT_TYPES } from '@assay/testing';
import fc from 'fast-check';
import { encodeFunctionData, hashTypedData, parseAbiItem, toFunctionSelector } from 'viem';
import { describe, expect, it } from 'vitest';
import { decodeArguments, decodeSpending } from './calldata.ts';
import { OperatorError } from './errors.ts';
import type { Hex } from './hex.ts';
import { parseTypedData } from './typed-data.ts';

const CONTRACT: Hex = `0x${'70'.repeat(20)}`;

/** Functions that spend, with the word of the amount, of who receives, and of the token where it is none of the contract. */
const FUNCTIONS = [
  { text: 'function transfer(address,uint256)', amount: 1, receiver: 0 },
  { text: 'function approve(address,uint256)', amount: 1, receiver: 0 },
  { text: 'function transferFrom(address,address,uint256)', amount: 2, receiver: 1 },
  { text: 'function increaseAllowance(address,uint256)', amount: 1, receiver: 0 },
  { text: 'function permit(address,address,uint256,uint256,uint8,bytes32,bytes32)', amount: 2, receiver: 1 },
  {
    text: 'function transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,uint8,bytes32,bytes32)',
    amount: 2,
    receiver: 1,
  },
  {
    text: 'function receiveWithAuthorization(address,address,uint256,uint256,uint256,bytes32,uint8,bytes32,bytes32)',
    amount: 2,
    receiver: 1,
  },
  { text: 'function approve(address,address,uint160,uint48)', amount: 2, receiver: 1, token: 0 },
  { text: 'function transferFrom(address,address,uint160,address)', amount: 2, receiver: 1, token: 3 },
] as const;
/** Bits of each static type. */
const WIDTH: Readonly<Record<string, number>> = {
  address: 160,
  uint8: 8,
  uint48: 48,
  uint160: 160,
  uint256: 256,
  bytes32: 256,
};

const abiOf = (text: string) => parseAbiItem(text as 'function transfer(address,uint256)');
const hex = (bytes: Uint8Array): Hex => `0x${Buffer.from(bytes).toString('hex')}`;
const bytes = (text: Hex): Uint8Array => new Uint8Array(Buffer.from(text.slice(2), 'hex'));
const wordAt = (data: Uint8Array, index: number): bigint => BigInt(hex(data.subarray(4 + index * 32, 36 + index * 32)));
const asAddress = (value: bigint): Hex => `0x${value.toString(16).padStart(40, '0')}`;

/** What a contract reads from words, for one of the functions; `null` for what is not exactly the call. */
function read(data: Uint8Array): object | null {
  const found = FUNCTIONS.find(({ text }) => toFunctionSelector(text) === hex(data.subarray(0, 4)));
  if (found === undefined) return null;
  const types = abiOf(found.text).inputs.map(({ type }) => type);
  if (data.length !== 4 + types.length * 32) return null;
  if (types.some((type, index) => wordAt(data, index) >= 1n << BigInt(WIDTH[type] ?? 0))) return null;
  const asset = 'token' in found ? asAddress(wordAt(data, found.token)) : CONTRACT;
  return { asset, amount: wordAt(data, found.amount), beneficiary: asAddress(wordAt(data, found.receiver)) };
}

/** A call with random words that fit their types. */
const call = fc.constantFrom(...FUNCTIONS).chain(({ text }) => {
  const { inputs } = abiOf(text);
  const words = inputs.map(({ type }) => fc.bigInt(0n, (1n << BigInt(WIDTH[type] ?? 0)) - 1n));
  return fc.tuple(...words).map((values) => {
    const body = values.map((value) => value.toString(16).padStart(64, '0')).join('');
    return bytes(`${toFunctionSelector(text)}${body}` as Hex);
  });
});

const changed = (original: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> =>
  fc.tuple(original, fc.nat(400), fc.integer({ min: 0, max: 255 }), fc.nat(3)).map(([data, place, byte, way]) => {
    const at = place % data.length;
    if (way === 0) return data.map((each, index) => (index === at ? byte : each));
    if (way === 1) return data.slice(0, at);
    if (way === 2) return Uint8Array.of(...data, byte);
    return Uint8Array.of(...data.subarray(0, at), byte, ...data.subarray(at));
  });

describe('the decoder of calldata', () => {
  it('reads what plain words say, for whole calls and for changed ones', () => {
    const seen = { whole: 0, refused: 0 };
    fc.assert(
      fc.property(fc.oneof(call, changed(call), fc.uint8Array({ maxLength: 300 })), (data) => {
        const found = decodeSpending(CONTRACT, hex(data));
        const wanted = read(data);
        expect(found?.spends ?? null).toEqual(wanted === null ? null : [wanted]);
        seen[found === null ? 'refused' : 'whole'] += 1;
      }),
      { numRuns: 5000 },
    );
    expect(Math.min(seen.whole, seen.refused)).toBeGreaterThan(500);
  });

  it('gives the arguments of a function as texts, and none for lists and structs', () => {
    const signature =
      'function order(address to, uint256 amount, int256 delta, bool yes, string note, bytes blob, uint256[] ids, (uint256 a) pair)';
    const note = '0xAbC';
    const args = [CONTRACT, 7n, -1n, true, note, '0xABCD', [1n], { a: 1n }];
    const data = encodeFunctionData({ abi: [parseAbiItem(signature)], args } as never).toLowerCase() as Hex;
    expect(decodeArguments(signature, data)).toEqual([CONTRACT, '7', '-1', 'true', note, '0xabcd', null, null]);
    expect(decodeArguments(signature, `${data}00` as Hex)).toBeNull();
    expect(decodeArguments('function other()', data)).toBeNull();
    expect(decodeArguments('no signature', data)).toBeNull();
  });
});

const field = (name: string, type: string) => ({ name, type });
const PERMIT = {
  domain: { name: 'T', version: '1', chainId: 84_532, verifyingContract: CONTRACT },
  types: PERMIT_TYPES,
  primaryType: 'Permit',
  message: { owner: CONTRACT, spender: CONTRACT, value: '5', nonce: 0, deadline: 1 },
};
const BATCH = {
  domain: PERMIT.domain,
  types: {
    PermitBatch: [field('details', 'PermitDetails[]'), field('spender', 'address'), field('sigDeadline', 'uint256')],
    PermitDetails: [
      field('token', 'address'),
      field('amount', 'uint160'),
      field('expiration', 'uint48'),
      field('nonce', 'uint48'),
    ],
  },
  primaryType: 'PermitBatch',
  message: {
    details: [1, 2].map((amount) => ({ token: CONTRACT, amount, expiration: 1, nonce: 0 })),
    spender: CONTRACT,
    sigDeadline: 1,
  },
};

/** A copy in which one member, somewhere, is another value or gone. */
function altered(document: unknown, place: number, value: unknown): unknown {
  const copy = structuredClone(document);
  const places: [Record<string, unknown>, string][] = [];
  const walk = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return;
    for (const name of Object.keys(node)) {
      places.push([node as Record<string, unknown>, name]);
      walk((node as Record<string, unknown>)[name]);
    }
  };
  walk(copy);
  const [owner, name] = places[place % places.length] as [Record<string, unknown>, string];
  if (value === undefined) delete owner[name];
  else owner[name] = value;
  return copy;
}

const odd = fc.oneof(
  fc.constantFrom<unknown>(
    ...[undefined, null, '', '0x', '0', '-1', '1e3', ' 5', '05', '0X5', 1.5, -1, 1e21, true, [], {}, [[]], 'Permit', 'address'],
    ...[
      'uint256',
      'uint256[]',
      'PermitDetails',
      'PermitDetails[]',
      'PermitDetails[2]',
      'tuple',
      'bytes',
      CONTRACT,
      '__proto__',
    ],
    ...[CONTRACT.toUpperCase().replace('X', 'x'), 'constructor', String(2n ** 256n), String(2n ** 256n - 1n), 'Assay operator'],
  ),
  fc.jsonValue({ maxDepth: 2 }),
);

describe('the reader of typed data', () => {
  it('gives a digest that is viem’s, and amounts that stand in the message, or refuses with a code', () => {
    const outcomes = { read: 0, spends: 0, refused: 0 };
    fc.assert(
      fc.property(fc.constantFrom(PERMIT, BATCH), fc.nat(200), odd, (document, place, value) => {
        const given = altered(document, place, value) as typeof PERMIT;
        let found: ReturnType<typeof parseTypedData>;
        try {
          found = parseTypedData(given);
        } catch (error) {
          expect(OperatorError.is(error) ? error.code : error).toBe('operator/message-malformed');
          outcomes.refused += 1;
          return;
        }
        outcomes.read += 1;
        const { EIP712Domain: _, ...types } = given.types as Readonly<Record<string, unknown>>;
        expect(found.digest).toBe(hashTypedData({ ...given, types } as never));
        if (found.spends === null) return;
        outcomes.spends += 1;
        const { message } = given as { message: Record<string, unknown> };
        const entries = (message.details ?? [{ token: given.domain.verifyingContract, amount: message.value }]) as {
          readonly token: string;
          readonly amount: string | number;
        }[];
        expect(found.spends).toEqual(
          entries.map(({ token, amount }) => ({
            asset: token.toLowerCase(),
            amount: BigInt(amount),
            beneficiary: String(message.spender).toLowerCase(),
          })),
        );
      }),
      { numRuns: 4000 },
    );
    expect(Math.min(outcomes.read, outcomes.spends, outcomes.refused)).toBeGreaterThan(100);
  });

  it('refuses every other JSON with a code', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(() => parseTypedData(value)).toThrow(OperatorError);
      }),
      { numRuns: 1000 },
    );
  });
});
