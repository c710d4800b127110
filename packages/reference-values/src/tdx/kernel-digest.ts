/**
 * What the firmware measures of a kernel that QEMU boots directly: the Authenticode digest (PE, "Windows Authenticode Portable
 * Executable Signature Format", "Calculating the PE Image Hash") of the kernel as QEMU hands it over. QEMU writes a loader's fields
 * into the setup header first (Linux, Documentation/arch/x86/boot.rst; QEMU, hw/i386/x86-common.c), among them where the initrd
 * lies, which depends on the memory size.
 */

import { joinBytes } from '@assay/encoding/bytes';
import { ByteReader } from '@assay/encoding/reader';
import { sha384 } from '../digests.ts';
import { ReferenceValuesError, reading } from '../errors.ts';

const HEADER_MAGIC = 0x53726448; // "HdrS"
const MINIMUM_KERNEL = 0x1000;
/** Longest kernel image, bytes. */
const MAX_KERNEL = 256 * 1024 * 1024;
const LOADED_HIGH = 0x01;
const CAN_USE_HEAP = 0x80;
const QEMU_LOADER = 0xb0;
const ABOVE_4G = 0x40;
/** QEMU keeps this much free below the end of low memory for ACPI. */
const ACPI_BYTES = 0x28000;
const LOW_MEMORY_LIMIT = 0xb000_0000;
const LOW_MEMORY = 0x8000_0000;

export interface KernelBoot {
  readonly kernel: Uint8Array;
  /** Bytes of the initrd. */
  readonly initrdBytes: number;
  /** Memory of the machine, bytes. */
  readonly memory: number;
}

/** 48 bytes. @throws {ReferenceValuesError} `firmware/unsuitable` for a kernel that cannot boot so, `machine/bad-shape`. */
export function kernelDigest(boot: KernelBoot): Uint8Array {
  return reading('firmware/unsuitable', 'kernel image', () => authenticodeDigest(handedOver(boot)));
}

/** The kernel with what QEMU writes into it. */
function handedOver({ kernel, initrdBytes, memory }: KernelBoot): Uint8Array {
  const patched = Uint8Array.from(kernel);
  const view = new DataView(patched.buffer);
  if (kernel.length < MINIMUM_KERNEL || kernel.length > MAX_KERNEL || view.getUint32(0x202, true) !== HEADER_MAGIC)
    throw unsuitable('a Linux bzImage with a setup header');
  const protocol = view.getUint16(0x206, true);
  if (protocol < 0x203) throw unsuitable('a kernel with boot protocol 2.03 or later');
  const high = ((patched[0x211] as number) & LOADED_HIGH) !== 0;
  const [real, cmdline] = high ? [0x10000, 0x20000] : [0x90000, 0x9a000];
  patched[0x210] = QEMU_LOADER;
  patched[0x211] = (patched[0x211] as number) | CAN_USE_HEAP;
  view.setUint32(0x224, cmdline - real - 0x200, true);
  view.setUint32(0x228, cmdline, true);
  if (initrdBytes > 0) {
    view.setUint32(0x218, initrdAddress(view, protocol, initrdBytes, memory), true);
    view.setUint32(0x21c, initrdBytes, true);
  }
  return patched;
}

function initrdAddress(view: DataView, protocol: number, initrdBytes: number, memory: number): number {
  const declared = view.getUint32(0x22c, true) || 0x37ffffff;
  const above = protocol >= 0x20c && (view.getUint16(0x236, true) & ABOVE_4G) !== 0;
  const limit = memory < LOW_MEMORY_LIMIT ? LOW_MEMORY_LIMIT : LOW_MEMORY;
  const available = Math.min(memory, limit) - ACPI_BYTES;
  const highest = Math.min(above ? 0xffffffff : declared, available - 1);
  if (initrdBytes >= highest)
    throw new ReferenceValuesError(
      'machine/bad-shape',
      `expected memory for an initrd of ${initrdBytes} bytes, got ${memory} bytes; give the memory size of the machine`,
    );
  return Math.floor((highest - initrdBytes) / 4096) * 4096;
}

/** Everything but the checksum, the entry of the certificate table, and that table. */
function authenticodeDigest(image: Uint8Array): Uint8Array {
  // Signing tools pad to 8 bytes, the firmware does not; Linux images have nothing to pad.
  if (image.length % 8 !== 0) throw unsuitable('an image of a multiple of 8 bytes');
  const reader = (offset: number): ByteReader => {
    const at = new ByteReader(image, 'PE image');
    at.skip(offset);
    return at;
  };
  const signature = reader(0x3c).u32le();
  if (reader(signature).u32le() !== 0x4550) throw unsuitable('a kernel with an EFI stub (a PE image)');
  const coff = signature + 4;
  const sectionCount = reader(coff + 2).u16le();
  const optional = coff + 20;
  const magic = reader(optional).u16le();
  if (magic !== 0x10b && magic !== 0x20b) throw unsuitable('a PE image of 32 or 64 bits');
  const certificateEntry = optional + (magic === 0x20b ? 112 : 96) + 4 * 8;
  const headersEnd = reader(optional + 60).u32le();
  const table = reader(certificateEntry);
  const [certificateAt, certificateBytes] = [table.u32le(), table.u32le()];
  const sectionTable = optional + reader(coff + 16).u16le();
  const places = Array.from({ length: sectionCount }, (_, index) => {
    const entry = reader(sectionTable + 40 * index + 16);
    const size = entry.u32le();
    return { size, offset: entry.u32le() };
  })
    .filter(({ size }) => size > 0)
    .toSorted((left, right) => left.offset - right.offset);
  const hashed = headersEnd + places.reduce((sum, { size }) => sum + size, 0);
  const tail = certificateAt > 0 && certificateBytes > 0 ? image.length - certificateBytes : image.length;
  return sha384(
    joinBytes([
      image.subarray(0, optional + 64),
      image.subarray(optional + 68, certificateEntry),
      image.subarray(certificateEntry + 8, headersEnd),
      ...places.map(({ offset, size }) => image.subarray(offset, offset + size)),
      image.subarray(Math.min(hashed, tail), tail),
    ]),
  );
}

function unsuitable(expected: string): ReferenceValuesError {
  return new ReferenceValuesError(
    'firmware/unsuitable',
    `expected ${expected}, got something else; give the kernel that the machine boots`,
  );
}
