/**
 * An ELF program without what only debuggers read: everything behind the last loaded segment (symbol table, section names) goes, and the header no
 * longer points there. Node loses 17 MB and runs the same: the loader reads program headers alone (System V ABI, chapter 5).
 */

const ELF_64_LITTLE = [0x7f, 0x45, 0x4c, 0x46, 2, 1];
const PROGRAM_HEADER = 56; // bytes

/** The program itself, when it is no 64-bit little-endian ELF file. */
export function withoutSymbols(bytes: Uint8Array): Uint8Array {
  if (!ELF_64_LITTLE.every((byte, index) => bytes[index] === byte)) return bytes;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [table, size, count] = [Number(view.getBigUint64(32, true)), view.getUint16(54, true), view.getUint16(56, true)];
  if (size !== PROGRAM_HEADER) return bytes;
  const ends = Array.from({ length: count }, (_, index) => {
    const at = table + index * size;
    return Number(view.getBigUint64(at + 8, true)) + Number(view.getBigUint64(at + 32, true));
  });
  const kept = bytes.slice(0, Math.max(...ends));
  const header = new DataView(kept.buffer);
  header.setBigUint64(40, 0n, true); // section headers
  header.setUint16(60, 0, true);
  header.setUint16(62, 0, true);
  return kept;
}
