/** Hexadecimal as Ethereum writes it: `0x` in front, here always lower case. */

import { bytesToHex, getAddress, hexToBytes, isAddress, keccak256 } from 'viem/utils';
import { z } from 'zod';

/** Bytes as `0x` and lower-case hexadecimal digits. */
export type Hex = `0x${string}`;

/** 32 zero bytes: there is nothing before. */
export const ZERO_HASH: Hex = `0x${'00'.repeat(32)}`;

const asHex = (text: string): Hex => text.toLowerCase() as Hex;

/** 32 bytes. */
export const hash32Schema = z
  .string()
  .regex(/^0x[0-9a-fA-F]{64}$/, 'expected 0x and 64 hex characters')
  .transform(asHex);

const addressText = z.string().regex(/^0x[0-9a-fA-F]{40}$/, 'expected an address: 0x and 40 hex characters');

/** 20 bytes; the mixed-case checksum is not looked at, so that every library's spelling is taken. */
export const addressSchema = addressText.transform(asHex);

/** An address in mixed case, as EIP-55 writes it: a slip of the hand shows then. @example checksummed('0x5aaeb605…') // 0x5aAeb605… */
export const checksummed = (address: Hex): Hex => getAddress(address);

/**
 * Whether an address in mixed case fails its checksum (EIP-55), as a mistyped one does. One in a single case has none.
 * @example hasWrongChecksum('0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed') // false
 */
export function hasWrongChecksum(address: string): boolean {
  const digits = address.slice(2);
  const isMixed = digits !== digits.toLowerCase() && digits !== digits.toUpperCase();
  return isMixed && !isAddress(address, { strict: true });
}

/** 20 bytes that a person typed: one in mixed case has to fit its checksum (EIP-55), which a mistyped one does not. */
export const typedAddressSchema = addressText
  .refine(
    (text) => !hasWrongChecksum(text),
    'expected an address, got one whose checksum (EIP-55) is another, so it is mistyped: copy it again, or write it in lower case',
  )
  .transform(asHex);

/** A signature: r, s and v (27 or 28), 65 bytes. */
export const signatureSchema = z
  .string()
  .regex(/^0x[0-9a-fA-F]{130}$/, 'expected 0x and 130 hex characters')
  .transform(asHex);

/**
 * Keccak-256 of the parts, one after the other.
 * @example keccakOf() // '0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470'
 */
export function keccakOf(...parts: readonly Uint8Array[]): Hex {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return keccak256(whole);
}

/** The bytes of a hex text that was checked before. */
export const bytesOf = (hex: Hex): Uint8Array => hexToBytes(hex);

/** Bytes as hex. */
export const hexOf = (bytes: Uint8Array): Hex => bytesToHex(bytes);
