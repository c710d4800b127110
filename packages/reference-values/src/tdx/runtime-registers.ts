/**
 * RTMR0 to RTMR2 of a TDX guest whose kernel QEMU boots directly under OVMF, and RTMR3 of dstack: the events that the firmware measures,
 * in its order (edk2, OvmfPkg and SecurityPkg/Tcg; the event logs of dstack 0.5). Each event extends its register: SHA-384(register ‖ digest).
 * Not computed: the ACPI tables, which QEMU generates for each machine; without them RTMR0 is left out.
 */

import { utf8 } from '@assay/encoding/bytes';
import { decodeHex } from '@assay/encoding/hex';
import { sha384 } from '../digests.ts';
import { guidBytes } from '../firmware-table.ts';
import type { FirmwareSection } from './firmware-sections.ts';
import { handOffBlocks } from './hand-off-blocks.ts';

const GLOBAL_VARIABLES = '8be4df61-93ca-11d2-aa0d-00e098032b8c';
const IMAGE_SECURITY = 'd719b2cb-3d3a-4596-a3bc-dad00e67656f';
const SEPARATOR = new Uint8Array(4);
/** Boot0000 of OVMF before 2025-05: an active, hidden EFI_LOAD_OPTION "UiApp" with the application's place in the firmware volume. */
const FIRST_BOOT_OPTION = decodeHex(
  '090100002c0055006900410070007000000004071400c9bdb87cebf8344faaea3ee4af6516a10406140021aa2c4614760345836e8ab6f46623317fff0400',
);

/** SHA-384 digests of what QEMU's `fw_cfg` holds, 48 bytes each, in the order in which the firmware reads it. */
export interface AcpiDigests {
  /** `etc/table-loader`. */
  readonly loader: Uint8Array;
  /** `etc/acpi/rsdp`. */
  readonly rsdp: Uint8Array;
  /** `etc/acpi/tables`. */
  readonly tables: Uint8Array;
}

/** 48 bytes: a register of zeros, extended by each digest in turn. */
export function replayed(digests: readonly Uint8Array[]): Uint8Array {
  return digests.reduce((register, digest) => sha384(register, digest), new Uint8Array(48));
}

export interface Rtmr0Options {
  /** Memory of the machine, bytes. */
  readonly memory: number;
  readonly acpi: AcpiDigests;
}

/**
 * Memory, firmware settings, secure-boot variables (none set), ACPI, boot order.
 * @throws {ReferenceValuesError} `firmware/unsuitable`, `machine/bad-shape`.
 */
export function rtmr0Of(sections: readonly FirmwareSection[], { memory, acpi }: Rtmr0Options): Uint8Array {
  const settings = sections.filter(({ kind }) => kind === 'configuration-volume').map(({ content }) => sha384(content));
  return replayed(rtmr0Events(sha384(handOffBlocks(sections, memory)), settings, acpi));
}

/** The digests behind RTMR0 in order, 48 bytes each, given those that depend on machine and firmware. */
export function rtmr0Events(
  handOff: Uint8Array,
  settings: readonly Uint8Array[],
  { loader, rsdp, tables }: AcpiDigests,
): readonly Uint8Array[] {
  return [
    handOff,
    ...settings,
    ...['SecureBoot', 'PK', 'KEK'].map((name) => unsetVariable(GLOBAL_VARIABLES, name)),
    ...['db', 'dbx'].map((name) => unsetVariable(IMAGE_SECURITY, name)),
    sha384(SEPARATOR),
    loader,
    rsdp,
    tables,
    sha384(Uint8Array.of(0, 0)), // BootOrder: Boot0000 alone
    sha384(FIRST_BOOT_OPTION),
  ];
}

/** @param kernel digest of the image, 48 bytes. */
export function rtmr1Of(kernel: Uint8Array): Uint8Array {
  return replayed([
    kernel,
    sha384(utf8('Calling EFI Application from Boot Option')),
    sha384(SEPARATOR),
    sha384(utf8('Exit Boot Services Invocation')),
    sha384(utf8('Exit Boot Services Returned with Success')),
  ]);
}

/** Command line (UTF-16LE with a closing NUL) and initrd. @param initrd digest of the file, 48 bytes. */
export function rtmr2Of(cmdline: string, initrd: Uint8Array): Uint8Array {
  return replayed([sha384(utf16(`${cmdline}\0`)), initrd]);
}

/** UEFI_VARIABLE_DATA of a variable without a value: GUID, length of the name in characters, length of the value, name. */
function unsetVariable(guid: string, name: string): Uint8Array {
  const text = utf16(name);
  const data = new Uint8Array(32 + text.length);
  data.set(guidBytes(guid));
  new DataView(data.buffer).setBigUint64(16, BigInt(name.length), true);
  data.set(text, 32);
  return sha384(data);
}

function utf16(text: string): Uint8Array {
  const bytes = new Uint8Array(2 * text.length);
  const view = new DataView(bytes.buffer);
  for (let index = 0; index < text.length; index++) view.setUint16(2 * index, text.charCodeAt(index), true);
  return bytes;
}
