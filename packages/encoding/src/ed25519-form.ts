/**
 * The form that Ed25519 keys and signatures must have before any of Assay's checks looks at them (spec/keyset.md §1a). Platforms
 * disagree on points of low order and on encodings that are not canonical (RFC 8032 §5.1.3 leaves some open), so what only a dishonest
 * signer can make is refused here, on every platform, by comparison of bytes alone. Not checked here: the equation.
 */

/** 2^255 − 19, little endian. */
const FIELD_PRIME = littleEndian((1n << 255n) - 19n);
/** Order of the base point, little endian. */
const GROUP_ORDER = littleEndian((1n << 252n) + 27742317777372353535851937790883648493n);
/** y of the points of order 1, 2, 4 and 8; the sign of x is bit 255 and is left out of the comparison. */
const LOW_ORDER_Y: readonly Uint8Array[] = [
  1n,
  (1n << 255n) - 20n,
  0n,
  2707385501144840649318225287225658788936804267575313519463743609750303402022n,
  55188659117513257062467267217118295137698188065244968500265048394206261417927n,
].map((y) => littleEndian(y));

/**
 * Whether `publicKey` (32 bytes) and `signature` (64 bytes, R ‖ S) have their one canonical form: y of both points below p, no point of
 * low order (which also leaves no point with x = 0), S below L. Everything else is `false`.
 * @example isEd25519Form(key, signature) && (await subtle.verify('Ed25519', imported, signature, message))
 */
export function isEd25519Form(publicKey: Uint8Array, signature: Uint8Array): boolean {
  if (publicKey.length !== 32 || signature.length !== 64) return false;
  return isSoundPoint(publicKey) && isSoundPoint(signature.subarray(0, 32)) && isBelow(signature.subarray(32), GROUP_ORDER);
}

function isSoundPoint(encoded: Uint8Array): boolean {
  const y = encoded.slice();
  y[31] = (y[31] as number) & 0x7f;
  return isBelow(y, FIELD_PRIME) && !LOW_ORDER_Y.some((low) => low.every((byte, index) => byte === y[index]));
}

/** Both 32 bytes, little endian. */
function isBelow(value: Uint8Array, limit: Uint8Array): boolean {
  for (let index = 31; index >= 0; index--) {
    const difference = (value[index] as number) - (limit[index] as number);
    if (difference !== 0) return difference < 0;
  }
  return false;
}

function littleEndian(value: bigint): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, index) => Number((value >> BigInt(8 * index)) & 0xffn));
}
