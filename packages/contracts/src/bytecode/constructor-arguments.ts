/**
 * Arguments of a constructor, decoded from the bytes behind the creation code (Solidity, "Contract ABI Specification"). Bounded; bytes that do
 * not decode, or do not encode back to themselves, are not arguments of these types.
 */

import { encodeHex } from '@assay/encoding/hex';
import { ContractsError } from '../errors.ts';

export interface AbiParameter {
  readonly name: string;
  readonly type: string;
  readonly components?: readonly AbiParameter[] | undefined;
}

export interface DecodedArgument {
  readonly name: string;
  readonly type: string;
  /** Decimal, `true`, `0x…`, text in quotes, or a list of these. */
  readonly value: string;
}

const WORD = 32;
const MOST_MEMBERS = 4096;
/** Levels of tuples, and characters of a type: more than any compiler writes. */
const MOST_DEPTH = 32;
const MOST_TYPE_LENGTH = 256;

/**
 * The constructor's parameters; none without a constructor.
 * @throws {ContractsError} `build/malformed` for parameters that are none.
 * @example constructorParameters(artifact.abi).map(({ type }) => type) // ['address', 'uint256']
 */
export function constructorParameters(abi: readonly unknown[]): readonly AbiParameter[] {
  const found = abi.find((each) => (each as { type?: unknown } | null)?.type === 'constructor');
  const inputs = (found as { inputs?: unknown } | undefined)?.inputs ?? [];
  if (areParameters(inputs, MOST_DEPTH)) return inputs;
  throw new ContractsError(
    'build/malformed',
    'expected parameters of the constructor as the compiler writes them, got something else; build the contract again',
  );
}

function areParameters(value: unknown, depth: number): value is readonly AbiParameter[] {
  if (!Array.isArray(value) || depth === 0) return false;
  return value.every((each) => {
    const { name, type, components } = (each ?? {}) as Partial<Record<keyof AbiParameter, unknown>>;
    if (typeof name !== 'string' || typeof type !== 'string' || type.length > MOST_TYPE_LENGTH) return false;
    return components === undefined || areParameters(components, depth - 1);
  });
}

/**
 * The arguments, or `null` when the bytes are none of these types.
 * @throws errors that are none of decoding.
 * @example decodeArguments([{ name: 'supply', type: 'uint256' }], bytes)?.[0]?.value // '1000'
 */
export function decodeArguments(parameters: readonly AbiParameter[], bytes: Uint8Array): readonly DecodedArgument[] | null {
  if (bytes.length % WORD !== 0 || (parameters.length === 0 && bytes.length > 0)) return null;
  const reader = { bytes, left: MOST_MEMBERS, furthest: 0 };
  try {
    const values = decodeTuple(parameters, 0, reader);
    if (reader.furthest !== bytes.length) return null;
    return parameters.map(({ name, type }, index) => ({ name, type, value: values[index] ?? '' }));
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

interface Reader {
  readonly bytes: Uint8Array;
  left: number;
  furthest: number;
}

function decodeTuple(parameters: readonly AbiParameter[], base: number, reader: Reader): readonly string[] {
  let head = base;
  return parameters.map((parameter) => {
    const dynamic = isDynamic(parameter);
    const at = dynamic ? base + count(reader, head) : head;
    head += dynamic ? WORD : headSize(parameter);
    return decode(parameter, at, reader);
  });
}

function decode(parameter: AbiParameter, at: number, reader: Reader): string {
  if (--reader.left < 0) throw new RangeError('too many members');
  const { type, components = [] } = parameter;
  const [, inner, size] = /^(.*)\[(\d*)\]$/.exec(type) ?? [];
  if (inner !== undefined) {
    const length = size === '' ? count(reader, at) : Number(size);
    if (length > reader.left) throw new RangeError('too many members');
    const members = Array.from({ length }, () => ({ name: '', type: inner, components }));
    return `[${decodeTuple(members, size === '' ? at + WORD : at, reader).join(', ')}]`;
  }
  if (type === 'tuple') return `(${decodeTuple(components, at, reader).join(', ')})`;
  if (type === 'string' || type === 'bytes') {
    const length = count(reader, at);
    const content = slice(reader, at + WORD, length, Math.ceil(length / WORD) * WORD);
    return type === 'bytes' ? `0x${encodeHex(content)}` : JSON.stringify(new TextDecoder().decode(content));
  }
  return elementary(type, slice(reader, at, WORD, WORD));
}

function elementary(type: string, word: Uint8Array): string {
  const hex = encodeHex(word);
  const number = BigInt(`0x${hex}`);
  const check = (fits: boolean): void => {
    if (!fits) throw new RangeError(`no ${type}`);
  };
  const [, sign, bits = ''] = /^(u?)int(\d{1,3})$/.exec(type) ?? [];
  if (bits !== '') {
    const value = sign === 'u' ? number : BigInt.asIntN(256, number);
    check(sign === 'u' ? number < 1n << BigInt(bits) : BigInt.asIntN(Number(bits), number) === value);
    return value.toString();
  }
  if (type === 'bool') {
    check(number <= 1n);
    return String(number === 1n);
  }
  if (type === 'address') {
    check(number < 1n << 160n);
    return `0x${hex.slice(24)}`;
  }
  const length = type === 'function' ? 24 : Number(/^bytes(\d+)$/.exec(type)?.[1] ?? 0);
  check(length > 0 && length <= WORD && /^0*$/.test(hex.slice(length * 2)));
  return `0x${hex.slice(0, length * 2)}`;
}

/** A length or an offset. */
function count(reader: Reader, at: number): number {
  const number = BigInt(`0x${encodeHex(slice(reader, at, WORD, WORD))}`);
  if (number > BigInt(reader.bytes.length)) throw new RangeError('beyond the bytes');
  return Number(number);
}

function slice(reader: Reader, at: number, length: number, padded: number): Uint8Array {
  if (at < 0 || at + padded > reader.bytes.length) throw new RangeError('beyond the bytes');
  reader.furthest = Math.max(reader.furthest, at + padded);
  if (reader.bytes.subarray(at + length, at + padded).some((byte) => byte !== 0)) throw new RangeError('padding');
  return reader.bytes.subarray(at, at + length);
}

function isDynamic({ type, components = [] }: AbiParameter): boolean {
  const [, inner, size] = /^(.*)\[(\d*)\]$/.exec(type) ?? [];
  if (inner !== undefined) return size === '' || isDynamic({ name: '', type: inner, components });
  return type === 'string' || type === 'bytes' || (type === 'tuple' && components.some(isDynamic));
}

function headSize({ type, components = [] }: AbiParameter): number {
  const [, inner, size] = /^(.*)\[(\d+)\]$/.exec(type) ?? [];
  if (inner !== undefined) return Number(size) * headSize({ name: '', type: inner, components });
  return type === 'tuple' ? components.reduce((sum, each) => sum + headSize(each), 0) : WORD;
}
