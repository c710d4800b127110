/**
 * The table of GUIDs at the end of OVMF firmware (edk2, OvmfPkg/ResetVector/Ia16/ResetVectorVtf0.asm): where a firmware for
 * confidential guests says what is measured. It ends 32 bytes before the end of the file and is read backwards: content, length
 * (u16, little-endian, header included), GUID.
 */

import { decodeHex, encodeHex } from '@assay/encoding/hex';
import { ReferenceValuesError } from './errors.ts';

const FOOTER = '96b582de-1fb2-45f7-baea-a366c55a082d';
const PAGE = 4096;
/** `_FVH`. */
const VOLUME_SIGNATURE = [0x5f, 0x46, 0x56, 0x48];
const VOLUME_SIGNATURE_AT = 40;
const ENTRY_HEADER = 2 + 16;
/** Bytes of the reset vector behind the table. */
const RESET_VECTOR = 32;
/** Longest firmware, bytes; OVMF builds have 2 to 16 MiB. */
const MAX_FIRMWARE_BYTES = 64 * 1024 * 1024;

/** GUID in its usual text form, lower case → the entry's content. */
export type FirmwareTable = ReadonlyMap<string, Uint8Array>;

/** @throws {ReferenceValuesError} `firmware/malformed` for a damaged table, `firmware/unsuitable` for a firmware without one. */
export function firmwareTable(firmware: Uint8Array): FirmwareTable {
  if (firmware.length > MAX_FIRMWARE_BYTES || firmware.length % PAGE !== 0 || firmware.length === 0)
    throw new ReferenceValuesError(
      'firmware/malformed',
      `expected whole pages of ${PAGE} bytes, at most ${MAX_FIRMWARE_BYTES} bytes, got ${firmware.length}; give OVMF.fd as the machine loads it`,
    );
  const end = firmware.length - RESET_VECTOR;
  const footer = entryBefore(firmware, end);
  if (footer?.guid !== FOOTER)
    throw new ReferenceValuesError(
      'firmware/unsuitable',
      'expected firmware with a table of GUIDs at its end, got one without; give an OVMF built for confidential guests',
    );
  const start = end - footer.size;
  const entries = new Map<string, Uint8Array>();
  let at = end - ENTRY_HEADER;
  while (at > start) {
    const entry = entryBefore(firmware, at);
    if (entry === null || at - entry.size < start) throw malformed('entries that fill the table');
    if (entries.has(entry.guid)) throw malformed(`one entry ${entry.guid}`);
    entries.set(entry.guid, firmware.subarray(at - entry.size, at - ENTRY_HEADER));
    at -= entry.size;
  }
  return entries;
}

/**
 * Whether a file is firmware at all, of whatever guest: whole pages with the table of GUIDs at their end, or with a firmware volume at
 * their start (UEFI PI 1.8, volume 3, §3.2.1: `_FVH` at byte 40 of its header). Says nothing about its content.
 * @example isFirmware(await readFile('OVMF.fd'))
 */
export function isFirmware(file: Uint8Array): boolean {
  if (file.length === 0 || file.length > MAX_FIRMWARE_BYTES || file.length % PAGE !== 0) return false;
  if (entryBefore(file, file.length - RESET_VECTOR)?.guid === FOOTER) return true;
  return VOLUME_SIGNATURE.every((byte, index) => file[VOLUME_SIGNATURE_AT + index] === byte);
}

/** Four bytes of an entry as a little-endian number: offsets and addresses. @throws {ReferenceValuesError} `firmware/unsuitable`, `firmware/malformed`. */
export function tableNumber(table: FirmwareTable, guid: string, what: string): number {
  const entry = table.get(guid);
  if (entry === undefined)
    throw new ReferenceValuesError(
      'firmware/unsuitable',
      `expected firmware that names its ${what}, got one that does not; give an OVMF built for this kind of guest`,
    );
  if (entry.length < 4) throw malformed(`4 bytes for the ${what}`);
  return new DataView(entry.buffer, entry.byteOffset).getUint32(0, true);
}

function entryBefore(firmware: Uint8Array, end: number): { readonly size: number; readonly guid: string } | null {
  if (end < ENTRY_HEADER) return null;
  const header = firmware.subarray(end - ENTRY_HEADER, end);
  const size = (header[0] as number) | ((header[1] as number) << 8);
  return size < ENTRY_HEADER || size > end ? null : { size, guid: guidText(header.subarray(2)) };
}

/** 16 bytes as they lie in firmware (first three fields little-endian) → text. */
function guidText(bytes: Uint8Array): string {
  const order = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
  const hex = encodeHex(Uint8Array.from(order, (index) => bytes[index] as number));
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** The inverse of the text form: 16 bytes as they lie in firmware. */
export function guidBytes(text: string): Uint8Array {
  const bytes = decodeHex(text.replaceAll('-', ''));
  const order = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
  return Uint8Array.from(order, (index) => bytes[index] as number);
}

function malformed(expected: string): ReferenceValuesError {
  return new ReferenceValuesError(
    'firmware/malformed',
    `expected ${expected} in the firmware's table of GUIDs, got something else; the file is damaged or no OVMF`,
  );
}
