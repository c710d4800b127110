/**
 * The launch measurement of an AMD SEV-SNP guest (SNP firmware ABI 56860 §8.17, PAGE_INFO): firmware pages, what its metadata names
 * (OvmfPkg/ResetVector/X64/OvmfSevMetadata.asm), hashes of a directly booted kernel, one save area for each processor.
 * Not computed: guests that start under an SVSM, and firmware supplied by a host that cannot be read.
 */

import { encodeHex } from '@assay/encoding/hex';
import { ByteReader } from '@assay/encoding/reader';
import { sha256Hex, sha384 } from '../digests.ts';
import { ReferenceValuesError, reading } from '../errors.ts';
import { type FirmwareTable, firmwareTable, tableNumber } from '../firmware-table.ts';
import type { Measured } from '../measured.ts';
import { cpuSignature } from './cpu-types.ts';
import { type DirectBoot, KERNEL_HASHES_BYTES, kernelHashesPage } from './kernel-hashes.ts';
import { type Hypervisor, RESET_VECTOR, saveArea } from './save-area.ts';

const PAGE = 4096;
const FOUR_GIB = 0x1_0000_0000;
const MAX_PROCESSORS = 512;
/** Memory that the metadata may name in all, bytes; OVMF names less than 1 MiB. */
const MAX_NAMED_BYTES = 64 * 1024 * 1024;
const MAX_SECTIONS = 64;
/** Save areas lie at the highest page; address bits above 51 are cleared. */
const SAVE_AREA_ADDRESS = 0xffff_ffff_f000n;
/** SEV_FEATURES: SNP is on, and nothing else. */
const SNP_ACTIVE = 1n;

const SEV_METADATA = 'dc886566-984a-4798-a75e-5585a7bf67cc';
const SEV_ES_RESET = '00f771de-1a7e-4fcb-890e-68c77e2fb44e';
const SEV_HASHES = '7255371f-3a3b-4b04-927b-1da6efa8d454';

const PAGE_TYPES = { normal: 1, saveArea: 2, zero: 3, unmeasured: 4, secrets: 5, cpuid: 6 } as const;
const SECTION_TYPES = { 1: 'memory', 2: 'secrets', 3: 'cpuid', 4: 'calling-area', 16: 'kernel-hashes' } as const;

interface Section {
  readonly kind: (typeof SECTION_TYPES)[keyof typeof SECTION_TYPES];
  readonly address: number;
  readonly bytes: number;
}

export interface SnpMachine {
  /** Number of virtual processors. */
  readonly processors: number;
  /** As QEMU names it, `EPYC-Milan`, or the CPUID signature in hex. */
  readonly cpuType: string;
  /** `qemu` when left out. */
  readonly hypervisor?: Hypervisor | undefined;
  /** SEV_FEATURES; 1 (SNP alone) when left out. */
  readonly guestFeatures?: bigint | undefined;
  /** A kernel that the hypervisor boots directly; its hashes are measured. */
  readonly boot?: DirectBoot | undefined;
}

/**
 * @param firmware OVMF.fd as the machine loads it, whole pages.
 * @throws {ReferenceValuesError} `firmware/malformed`, `firmware/unsuitable`, `machine/bad-shape`.
 * @example const { values } = await measureSnp(ovmf, { processors: 4, cpuType: 'EPYC-Milan', boot: { kernel, initrd, cmdline } });
 */
export async function measureSnp(firmware: Uint8Array, machine: SnpMachine): Promise<Measured> {
  const { boot, cpuType, hypervisor = 'qemu', processors } = machine;
  const digest = encodeHex(snpLaunchDigest(firmware, machine));
  return {
    type: 'sev-snp',
    values: { measurement: digest },
    inputs: {
      firmware: sha256Hex(firmware),
      ...(boot === undefined ? {} : { kernel: sha256Hex(boot.kernel) }),
      ...(boot?.initrd === undefined ? {} : { initrd: sha256Hex(boot.initrd) }),
    },
    facts: {
      processors: `${processors} × ${cpuType}`,
      hypervisor,
      ...(boot === undefined ? {} : { 'command line': boot.cmdline ?? '' }),
    },
    notComputed: [],
  };
}

/**
 * The measurement alone, 48 bytes.
 * @throws as {@link measureSnp}.
 * @example encodeHex(snpLaunchDigest(readFileSync('OVMF.fd'), machine))
 */
export function snpLaunchDigest(firmware: Uint8Array, machine: SnpMachine): Uint8Array {
  const { processors, cpuType, hypervisor = 'qemu', guestFeatures = SNP_ACTIVE, boot } = machine;
  if (!Number.isInteger(processors) || processors < 1 || processors > MAX_PROCESSORS)
    throw new ReferenceValuesError(
      'machine/bad-shape',
      `expected 1 to ${MAX_PROCESSORS} processors, got ${processors}; give the number the machine has`,
    );
  const signature = cpuSignature(cpuType);
  const table = firmwareTable(firmware);
  const sections = sectionsOf(firmware, table);
  const launch = new LaunchContext();
  launch.pages(PAGE_TYPES.normal, FOUR_GIB - firmware.length, firmware);
  measureSections(launch, { sections, table, hypervisor, boot });
  const others = processors === 1 ? RESET_VECTOR : tableNumber(table, SEV_ES_RESET, 'start of further processors');
  const area = (instructionPointer: number): Uint8Array =>
    saveArea({ hypervisor, instructionPointer, cpuSignature: signature, features: guestFeatures });
  launch.processor(area(RESET_VECTOR));
  const further = area(others);
  for (let index = 1; index < processors; index++) launch.processor(further);
  return launch.digest;
}

interface SectionOptions {
  readonly sections: readonly Section[];
  readonly table: FirmwareTable;
  readonly hypervisor: Hypervisor;
  readonly boot: DirectBoot | undefined;
}

function measureSections(launch: LaunchContext, { sections, table, hypervisor, boot }: SectionOptions): void {
  if (boot !== undefined && !sections.some(({ kind }) => kind === 'kernel-hashes'))
    throw new ReferenceValuesError(
      'firmware/unsuitable',
      'expected firmware that measures a directly booted kernel, got one that does not, so the kernel would go unmeasured; give an OVMF of OvmfPkg/AmdSev',
    );
  // EC2 inserts the CPUID page behind all others.
  const late = hypervisor === 'ec2' ? sections.filter(({ kind }) => kind === 'cpuid') : [];
  for (const section of [...sections.filter((each) => !late.includes(each)), ...late]) {
    const { kind, address, bytes } = section;
    if (kind === 'memory') launch.fill(hypervisor === 'gce' ? PAGE_TYPES.unmeasured : PAGE_TYPES.zero, address, bytes);
    else if (kind === 'calling-area') launch.fill(PAGE_TYPES.zero, address, bytes);
    else if (kind === 'secrets') launch.fill(PAGE_TYPES.secrets, address, PAGE);
    else if (kind === 'cpuid') launch.fill(PAGE_TYPES.cpuid, address, PAGE);
    else if (boot === undefined) launch.fill(PAGE_TYPES.zero, address, bytes);
    else launch.pages(PAGE_TYPES.normal, address, hashesPage(table, section, boot));
  }
}

function hashesPage(table: FirmwareTable, { bytes }: Section, boot: DirectBoot): Uint8Array {
  const offset = tableNumber(table, SEV_HASHES, 'table of kernel hashes') % PAGE;
  if (bytes !== PAGE || offset + KERNEL_HASHES_BYTES > PAGE)
    throw new ReferenceValuesError(
      'firmware/malformed',
      `expected the table of kernel hashes within one page, got ${bytes} bytes with the table at ${offset}; the firmware is damaged`,
    );
  return kernelHashesPage(boot, offset);
}

function sectionsOf(firmware: Uint8Array, table: FirmwareTable): readonly Section[] {
  const back = tableNumber(table, SEV_METADATA, 'metadata for SEV');
  return reading('firmware/malformed', 'SEV metadata', () => {
    const start = firmware.length - back;
    const reader = new ByteReader(firmware.subarray(Math.max(start, 0)), 'SEV metadata');
    const signature = reader.u32le();
    reader.skip(4); // its own length
    const version = reader.u32le();
    const count = reader.u32le();
    if (start < 0 || signature !== 0x56455341 || version !== 1 || count > MAX_SECTIONS)
      throw new ReferenceValuesError(
        'firmware/malformed',
        `expected SEV metadata "ASEV" of version 1 with at most ${MAX_SECTIONS} sections, got other bytes; the firmware is damaged`,
      );
    let named = 0;
    return Array.from({ length: count }, (): Section => {
      const [address, bytes, type] = [reader.u32le(), reader.u32le(), reader.u32le()];
      const kind = SECTION_TYPES[type as keyof typeof SECTION_TYPES] as Section['kind'] | undefined;
      named += bytes;
      if (kind === undefined || address % PAGE !== 0 || bytes % PAGE !== 0 || named > MAX_NAMED_BYTES)
        throw new ReferenceValuesError(
          'firmware/malformed',
          `expected a known section of whole pages, got type ${type} with ${bytes} bytes at ${address}; the firmware is damaged or newer than this program`,
        );
      return { kind, address, bytes };
    });
  });
}

/** The running digest of the firmware ABI: each page replaces it by SHA-384 of a 112-byte PAGE_INFO. */
class LaunchContext {
  digest: Uint8Array = new Uint8Array(48);

  pages(type: number, address: number, content: Uint8Array): void {
    for (let offset = 0; offset < content.length; offset += PAGE)
      this.#extend(type, BigInt(address + offset), sha384(content.subarray(offset, offset + PAGE)));
  }

  fill(type: number, address: number, bytes: number): void {
    for (let offset = 0; offset < bytes; offset += PAGE) this.#extend(type, BigInt(address + offset), new Uint8Array(48));
  }

  processor(area: Uint8Array): void {
    this.#extend(PAGE_TYPES.saveArea, SAVE_AREA_ADDRESS, sha384(area));
  }

  #extend(type: number, address: bigint, content: Uint8Array): void {
    const info = new Uint8Array(0x70);
    const view = new DataView(info.buffer);
    info.set(this.digest, 0);
    info.set(content, 48);
    view.setUint16(96, info.length, true);
    view.setUint8(98, type);
    view.setBigUint64(104, address, true);
    this.digest = sha384(info);
  }
}
