/**
 * What a firmware for Intel TDX asks the hypervisor to load (Intel TDX Virtual Firmware Design Guide 344991 §11): sections with their
 * place in the file and in the guest's memory.
 */

import { ByteReader } from '@assay/encoding/reader';
import { ReferenceValuesError, reading } from '../errors.ts';
import { firmwareTable, tableNumber } from '../firmware-table.ts';

const TDX_METADATA = 'e47a6535-984a-4798-865e-4685a7bf8ec2';
const SIGNATURE = 0x46564454; // "TDVF"
const MAX_SECTIONS = 64;
const PAGE = 4096;
/** Memory that the sections may fill in all, bytes. */
const MAX_NAMED_BYTES = 256 * 1024 * 1024;
/** Memory that may be measured in all, bytes. */
const MAX_MEASURED_BYTES = 64 * 1024 * 1024;
const MEASURED = 0x1;
const AUGMENTED = 0x2;

const SECTION_KINDS = {
  0: 'boot-volume',
  1: 'configuration-volume',
  2: 'hand-off-blocks',
  3: 'temporary-memory',
  4: 'permanent-memory',
  5: 'payload',
  6: 'payload-parameters',
} as const;

export interface FirmwareSection {
  readonly kind: (typeof SECTION_KINDS)[keyof typeof SECTION_KINDS];
  /** Guest physical address, page-aligned. */
  readonly address: number;
  /** Bytes in memory, whole pages. */
  readonly bytes: number;
  /** What the file holds for it; the rest of the memory is zero. */
  readonly content: Uint8Array;
  /** Its content extends MRTD. */
  readonly measured: boolean;
  /** Added after the measured start: its pages do not count. */
  readonly augmented: boolean;
}

/**
 * @param firmware OVMF.fd as the machine loads it.
 * @throws {ReferenceValuesError} `firmware/malformed`, `firmware/unsuitable`.
 */
export function tdxSections(firmware: Uint8Array): readonly FirmwareSection[] {
  const back = tableNumber(firmwareTable(firmware), TDX_METADATA, 'metadata for TDX');
  return reading('firmware/malformed', 'TDX metadata', () => {
    const reader = new ByteReader(firmware.subarray(Math.max(firmware.length - back, 0)), 'TDX metadata');
    const signature = reader.u32le();
    reader.skip(4); // its own length
    const [version, count] = [reader.u32le(), reader.u32le()];
    if (signature !== SIGNATURE || version !== 1 || count > MAX_SECTIONS)
      throw malformed(`metadata "TDVF" of version 1 with at most ${MAX_SECTIONS} sections`);
    const sections = Array.from({ length: count }, () => section(reader, firmware));
    const total = (list: readonly FirmwareSection[]): number => list.reduce((sum, { bytes }) => sum + bytes, 0);
    if (total(sections) > MAX_NAMED_BYTES || total(sections.filter(({ measured }) => measured)) > MAX_MEASURED_BYTES)
      throw malformed('sections of the size of firmware');
    return sections;
  });
}

function section(reader: ByteReader, firmware: Uint8Array): FirmwareSection {
  const [offset, raw] = [reader.u32le(), reader.u32le()];
  const [address, bytes] = [Number(reader.u64le()), Number(reader.u64le())];
  const [type, attributes] = [reader.u32le(), reader.u32le()];
  const kind = SECTION_KINDS[type as keyof typeof SECTION_KINDS] as FirmwareSection['kind'] | undefined;
  if (kind === undefined) throw malformed(`sections of types 0 to 6, not ${type}`);
  if (address % PAGE !== 0 || bytes % PAGE !== 0 || raw > bytes) throw malformed(`whole pages in section ${kind}`);
  if (offset + raw > firmware.length) throw malformed(`the content of section ${kind} within the file`);
  const content = firmware.subarray(offset, offset + raw);
  return { kind, address, bytes, content, measured: (attributes & MEASURED) !== 0, augmented: (attributes & AUGMENTED) !== 0 };
}

function malformed(expected: string): ReferenceValuesError {
  return new ReferenceValuesError(
    'firmware/malformed',
    `expected ${expected} in the firmware's TDX metadata, got something else; the file is damaged or newer than this program`,
  );
}
