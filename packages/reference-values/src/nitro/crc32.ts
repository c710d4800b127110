/** CRC-32 as ISO-HDLC (zlib, PNG) has it, eight bytes a step, for image files of hundreds of megabytes. A checksum: it proves nothing about who made a file. */

const POLYNOMIAL = 0xedb88320;
/** Eight tables of 256: the effect of one byte, 0 to 7 bytes further back. */
const TABLES = tables();

function tables(): readonly Uint32Array[] {
  const first = new Uint32Array(256);
  for (let byte = 0; byte < 256; byte++) {
    let value = byte;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ POLYNOMIAL : value >>> 1;
    first[byte] = value;
  }
  const all = [first];
  for (let distance = 1; distance < 8; distance++) {
    const nearer = all[distance - 1] as Uint32Array;
    all.push(nearer.map((value) => (value >>> 8) ^ (first[value & 0xff] as number)));
  }
  return all;
}

/** The checksum of all parts, one after the other, 32 bits unsigned. @example crc32([utf8('123456789')]) // 0xcbf43926 */
export function crc32(parts: readonly Uint8Array[]): number {
  const [t0, t1, t2, t3, t4, t5, t6, t7] = TABLES as Uint32Array[] as [
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
  ];
  let crc = 0xffffffff;
  for (const part of parts) {
    const view = new DataView(part.buffer, part.byteOffset, part.byteLength);
    const whole = part.length - (part.length % 8);
    let at = 0;
    for (; at < whole; at += 8) {
      const low = view.getUint32(at, true) ^ crc;
      const high = view.getUint32(at + 4, true);
      crc =
        (t7[low & 0xff] as number) ^
        (t6[(low >>> 8) & 0xff] as number) ^
        (t5[(low >>> 16) & 0xff] as number) ^
        (t4[low >>> 24] as number) ^
        (t3[high & 0xff] as number) ^
        (t2[(high >>> 8) & 0xff] as number) ^
        (t1[(high >>> 16) & 0xff] as number) ^
        (t0[high >>> 24] as number);
    }
    for (; at < part.length; at++) crc = (crc >>> 8) ^ (t0[(crc ^ (part[at] as number)) & 0xff] as number);
  }
  return (crc ^ 0xffffffff) >>> 0;
}
