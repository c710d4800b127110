/** A word of 32 bytes as the value of an immutable variable. */

import { encodeHex } from '@assay/encoding/hex';

/**
 * The value as people read it, or `null` when the bytes are no value of the type: padding that is not what Solidity writes. Types that are
 * not known here are shown as hex.
 * @example immutableValue('uint256', word) // '42'
 */
export function immutableValue(type: string, word: Uint8Array): string | null {
  const hex = encodeHex(word);
  if (word.length !== 32) return `0x${hex}`;
  const number = BigInt(`0x${hex}`);
  const [, sign, bits = ''] = /^(u?)int(\d{1,3})$/.exec(type) ?? [];
  if (bits !== '') {
    const value = sign === 'u' ? number : BigInt.asIntN(256, number);
    const size = Number(bits);
    const fits = sign === 'u' ? number < 1n << BigInt(size) : BigInt.asIntN(size, number) === value;
    return fits ? value.toString() : null;
  }
  if (type === 'bool') return number > 1n ? null : String(number === 1n);
  if (/^(?:address(?: payable)?|contract .*)$/.test(type)) return hex.startsWith('0'.repeat(24)) ? `0x${hex.slice(24)}` : null;
  const bytes = Number(/^bytes(\d+)$/.exec(type)?.[1] ?? 0);
  if (bytes > 0) return /^0*$/.test(hex.slice(bytes * 2)) ? `0x${hex.slice(0, bytes * 2)}` : null;
  return `0x${hex}`;
}
