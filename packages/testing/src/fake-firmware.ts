/** OVMF-like firmware for confidential guests: arbitrary code, then the metadata and the table of GUIDs that say what is measured. */

import { concatBytes } from '@assay/encoding/bytes';
import { decodeHex } from '@assay/encoding/hex';

export interface FakeSevSection {
  readonly address: number;
  readonly bytes: number;
  readonly type: number;
}

export interface FakeTdxSection {
  readonly offset: number;
  readonly raw: number;
  readonly address: number;
  readonly bytes: number;
  readonly type: number;
  readonly attributes: number;
}

export interface FakeFirmwareOptions {
  /** Whole pages; 16 when left out. */
  readonly pages?: number;
  readonly sev?: readonly FakeSevSection[];
  readonly tdx?: readonly FakeTdxSection[];
  /** Where further processors start. */
  readonly resetAddress?: number;
  /** Where the table of kernel hashes lies. */
  readonly hashesAddress?: number;
  /** Further entries: GUID → content. */
  readonly entries?: Readonly<Record<string, Uint8Array>>;
}

/** What OVMF of OvmfPkg/AmdSev names. */
export const FAKE_SEV_SECTIONS: readonly FakeSevSection[] = [
  { address: 0x800000, bytes: 0x9000, type: 1 },
  { address: 0x80a000, bytes: 0x3000, type: 1 },
  { address: 0x80d000, bytes: 0x1000, type: 2 },
  { address: 0x80e000, bytes: 0x1000, type: 3 },
  { address: 0x810000, bytes: 0x1000, type: 0x10 },
  { address: 0x811000, bytes: 0xf000, type: 1 },
];

/** What OVMF of dstack names: two volumes in the file, then memory. */
export const FAKE_TDX_SECTIONS: readonly FakeTdxSection[] = [
  { offset: 0x4000, raw: 0xc000, address: 0xffff4000, bytes: 0xc000, type: 0, attributes: 1 },
  { offset: 0, raw: 0x4000, address: 0xffc00000, bytes: 0x4000, type: 1, attributes: 0 },
  { offset: 0, raw: 0, address: 0x810000, bytes: 0x10000, type: 3, attributes: 0 },
  { offset: 0, raw: 0, address: 0x80b000, bytes: 0x2000, type: 3, attributes: 0 },
  { offset: 0, raw: 0, address: 0x809000, bytes: 0x2000, type: 2, attributes: 0 },
  { offset: 0, raw: 0, address: 0x800000, bytes: 0x6000, type: 3, attributes: 0 },
];

/** @example measureSnp(fakeFirmware({ sev: FAKE_SEV_SECTIONS }), { processors: 2, cpuType: 'EPYC-Milan' }) */
export function fakeFirmware(options: FakeFirmwareOptions = {}): Uint8Array {
  const { pages = 16, sev, tdx, resetAddress = 0x80b004, hashesAddress = 0x810c00, entries = {} } = options;
  const firmware = Uint8Array.from({ length: pages * 4096 }, (_, index) => (index * 31 + (index >> 8)) & 0xff);
  const sevAt = firmware.length - 2048;
  const tdxAt = firmware.length - 4096;
  if (sev !== undefined) firmware.set(sevMetadata(sev), sevAt);
  if (tdx !== undefined) firmware.set(tdxMetadata(tdx), tdxAt);
  const table = [
    ...(sev === undefined ? [] : [entry('dc886566-984a-4798-a75e-5585a7bf67cc', u32(firmware.length - sevAt))]),
    ...(sev === undefined ? [] : [entry('7255371f-3a3b-4b04-927b-1da6efa8d454', concatBytes(u32(hashesAddress), u32(0x400)))]),
    ...(tdx === undefined ? [] : [entry('e47a6535-984a-4798-865e-4685a7bf8ec2', u32(firmware.length - tdxAt))]),
    entry('00f771de-1a7e-4fcb-890e-68c77e2fb44e', u32(resetAddress)),
    ...Object.entries(entries).map(([guid, content]) => entry(guid, content)),
  ];
  const length = table.reduce((sum, each) => sum + each.length, 0) + 18;
  const footer = concatBytes(u16(length), guid('96b582de-1fb2-45f7-baea-a366c55a082d'));
  firmware.set(concatBytes(...table, footer), firmware.length - 32 - length);
  return firmware;
}

function sevMetadata(sections: readonly FakeSevSection[]): Uint8Array {
  const items = sections.map(({ address, bytes, type }) => concatBytes(u32(address), u32(bytes), u32(type)));
  return concatBytes(u32(0x56455341), u32(16 + 12 * items.length), u32(1), u32(items.length), ...items);
}

function tdxMetadata(sections: readonly FakeTdxSection[]): Uint8Array {
  const items = sections.map(({ offset, raw, address, bytes, type, attributes }) =>
    concatBytes(u32(offset), u32(raw), u64(address), u64(bytes), u32(type), u32(attributes)),
  );
  return concatBytes(u32(0x46564454), u32(16 + 32 * items.length), u32(1), u32(items.length), ...items);
}

function entry(name: string, content: Uint8Array): Uint8Array {
  return concatBytes(content, u16(content.length + 18), guid(name));
}

function guid(text: string): Uint8Array {
  const bytes = decodeHex(text.replaceAll('-', ''));
  return Uint8Array.from([3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15], (index) => bytes[index] as number);
}

function u16(value: number): Uint8Array {
  return Uint8Array.of(value & 0xff, value >> 8);
}

function u32(value: number): Uint8Array {
  return Uint8Array.of(value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24);
}

function u64(value: number): Uint8Array {
  return concatBytes(u32(value >>> 0), u32(Math.floor(value / 2 ** 32)));
}

export interface FakeKernelOptions {
  /** Every byte behind the headers. */
  readonly fill?: number;
  /** Version of the boot protocol; 2.15 when left out. */
  readonly protocol?: number;
  /** `PE\0\0` when left out. */
  readonly signature?: number;
  /** Of the PE header, which no digest covers. */
  readonly checksum?: number;
}

/** A Linux kernel in outline: a setup header and a PE image of one section, 8192 bytes. */
export function fakeKernel({
  fill = 3,
  protocol = 0x020f,
  signature = 0x4550,
  checksum = 0,
}: FakeKernelOptions = {}): Uint8Array {
  const image = new Uint8Array(8192).fill(fill, 1024);
  const view = new DataView(image.buffer);
  const header = 0x280;
  const optional = header + 24;
  view.setUint32(0x202, 0x53726448, true); // "HdrS"
  view.setUint16(0x206, protocol, true);
  image[0x211] = 1; // loaded high
  view.setUint32(0x22c, 0x7fffffff, true);
  view.setUint16(0x236, 0x40, true); // can lie above 4 GiB
  view.setUint32(0x3c, header, true);
  view.setUint32(header, signature, true);
  view.setUint16(header + 6, 1, true); // one section
  view.setUint16(header + 20, 160, true); // bytes of the optional header
  view.setUint16(optional, 0x20b, true);
  view.setUint32(optional + 60, 1024, true); // bytes of the headers
  view.setUint32(optional + 64, checksum, true);
  view.setUint32(optional + 160 + 16, 7168, true);
  view.setUint32(optional + 160 + 20, 1024, true);
  return image;
}
