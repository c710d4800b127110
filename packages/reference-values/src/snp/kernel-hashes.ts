/**
 * The page in which a hypervisor hands the firmware the hashes of a directly booted kernel (QEMU, target/i386/sev.c): one table of
 * SHA-256 of command line, initrd and kernel. The page is measured, so the three files are.
 */

import { joinBytes, utf8 } from '@assay/encoding/bytes';
import { sha256 } from '../digests.ts';
import { guidBytes } from '../firmware-table.ts';

const TABLE = '9438d606-4f22-4cc9-b479-a793d411fd21';
const CMDLINE = '97d02dd8-bd20-4c94-aa78-e7714d36ab2a';
const INITRD = '44baf731-3a2f-4bd7-9af1-41e29169781d';
const KERNEL = '4de79437-abd2-427f-b835-d5b172d2045b';
const ENTRY_BYTES = 16 + 2 + 32;
const TABLE_BYTES = 16 + 2 + 3 * ENTRY_BYTES;

export interface DirectBoot {
  readonly kernel: Uint8Array;
  /** None: the hash of no bytes. */
  readonly initrd?: Uint8Array | undefined;
  /** Without a closing NUL; empty when left out. */
  readonly cmdline?: string | undefined;
}

/** Bytes that the table takes, padded to 16. */
export const KERNEL_HASHES_BYTES = (TABLE_BYTES + 15) & ~15;

/** @param offset of the table within its page, bytes. @returns 4096 bytes. */
export function kernelHashesPage({ kernel, initrd, cmdline }: DirectBoot, offset: number): Uint8Array {
  const entry = (guid: string, hashed: Uint8Array): Uint8Array =>
    joinBytes([guidBytes(guid), u16(ENTRY_BYTES), sha256(hashed)]);
  const table = joinBytes([
    guidBytes(TABLE),
    u16(TABLE_BYTES),
    entry(CMDLINE, utf8(`${cmdline ?? ''}\0`)),
    entry(INITRD, initrd ?? new Uint8Array(0)),
    entry(KERNEL, kernel),
  ]);
  const page = new Uint8Array(4096);
  page.set(table, offset);
  return page;
}

function u16(value: number): Uint8Array {
  return Uint8Array.of(value & 0xff, value >> 8);
}
