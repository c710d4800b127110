/** IEEE 754 half precision, rounded to nearest even. Runtimes of the oldest supported Node have no `Float16Array`. */

const scratch = new Float32Array(1);
const bits = new Uint32Array(scratch.buffer);

/** The 16 bits nearest to `value`. @example toHalf(1) // 0x3c00 */
export function toHalf(value: number): number {
  scratch[0] = value;
  const single = bits[0] ?? 0;
  const sign = (single >>> 16) & 0x8000;
  const exponent = (single >>> 23) & 0xff;
  const fraction = single & 0x7f_ffff;
  if (exponent === 0xff) return sign | 0x7c00 | (fraction === 0 ? 0 : 0x200);
  if (exponent >= 143) return sign | 0x7c00;
  if (exponent < 102) return sign;
  if (exponent < 113) return sign | rounded(fraction | 0x80_0000, 126 - exponent);
  return sign | rounded(((exponent - 112) << 23) | fraction, 13);
}

/** The value of 16 bits. @example fromHalf(0x3c00) // 1 */
export function fromHalf(half: number): number {
  return HALVES[half & 0xffff] ?? 0;
}

/** `value >> shift` to the nearest even; a carry goes into the exponent, as it must. */
function rounded(value: number, shift: number): number {
  const rest = value & ((1 << shift) - 1);
  const middle = 1 << (shift - 1);
  const floor = value >>> shift;
  return rest > middle || (rest === middle && (floor & 1) === 1) ? floor + 1 : floor;
}

const HALVES = Float32Array.from({ length: 0x1_0000 }, (_, half) => {
  const sign = (half & 0x8000) === 0 ? 1 : -1;
  const exponent = (half >>> 10) & 31;
  const fraction = half & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
});
