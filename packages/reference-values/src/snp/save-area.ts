/**
 * The first state of a virtual processor (VMSA page, AMD APM volume 2 table B-4), which is measured once for each. Hypervisors start
 * processors in states of their own, so the page depends on who runs the machine.
 */

/** Hypervisors whose first processor state is known here. */
export type Hypervisor = 'qemu' | 'ec2' | 'gce';

export interface SaveAreaOptions {
  readonly hypervisor: Hypervisor;
  /** Where the processor begins. */
  readonly instructionPointer: number;
  readonly cpuSignature: number;
  /** SEV_FEATURES of the guest. */
  readonly features: bigint;
}

/** Where the boot processor begins: the reset vector. */
export const RESET_VECTOR = 0xfffffff0;

interface InitialState {
  readonly codeFlags: number;
  readonly stackFlags: number;
  readonly taskFlags: number;
  /** PAT, AMD APM volume 2 section A.3. */
  readonly pageAttributes: bigint;
  readonly rdx: number;
  readonly mxcsr: number;
  readonly floatingControl: number;
}

function initialState({ hypervisor, instructionPointer, cpuSignature }: SaveAreaOptions): InitialState {
  const architected = { codeFlags: 0x9b, stackFlags: 0x93, taskFlags: 0x8b, pageAttributes: 0x0007040600070406n };
  switch (hypervisor) {
    case 'qemu':
      return { ...architected, rdx: cpuSignature, mxcsr: 0x1f80, floatingControl: 0x37f };
    case 'ec2':
      return {
        ...architected,
        codeFlags: instructionPointer === RESET_VECTOR ? 0x9a : 0x9b,
        stackFlags: 0x92,
        taskFlags: 0x83,
        rdx: 0x600,
        mxcsr: 0,
        floatingControl: 0,
      };
    case 'gce':
      return { ...architected, pageAttributes: 0x00070106n, rdx: 0x600, mxcsr: 0, floatingControl: 0 };
  }
}

/** Offsets of the fields that are not zero; segment registers are selector, attributes, limit, base. */
const SEGMENTS = { es: 0x00, cs: 0x10, ss: 0x20, ds: 0x30, fs: 0x40, gs: 0x50, gdtr: 0x60, ldtr: 0x70, idtr: 0x80, tr: 0x90 };

/** 4096 bytes. */
export function saveArea(options: SaveAreaOptions): Uint8Array {
  const state = initialState(options);
  const page = new Uint8Array(4096);
  const view = new DataView(page.buffer);
  const segment = (offset: number, selector: number, attributes: number, base: number): void => {
    view.setUint16(offset, selector, true);
    view.setUint16(offset + 2, attributes, true);
    view.setUint32(offset + 4, 0xffff, true);
    view.setBigUint64(offset + 8, BigInt(base), true);
  };
  const data = 0x93;
  for (const offset of [SEGMENTS.es, SEGMENTS.ds, SEGMENTS.fs, SEGMENTS.gs]) segment(offset, 0, data, 0);
  segment(SEGMENTS.cs, 0xf000, state.codeFlags, (options.instructionPointer & 0xffff0000) >>> 0);
  segment(SEGMENTS.ss, 0, state.stackFlags, 0);
  for (const offset of [SEGMENTS.gdtr, SEGMENTS.idtr]) segment(offset, 0, 0, 0);
  segment(SEGMENTS.ldtr, 0, 0x82, 0);
  segment(SEGMENTS.tr, 0, state.taskFlags, 0);
  const quads: readonly (readonly [number, bigint])[] = [
    [0xd0, 0x1000n], // EFER: SVME
    [0x148, 0x40n], // CR4: MCE
    [0x158, 0x10n], // CR0: ET
    [0x160, 0x400n], // DR7
    [0x168, 0xffff0ff0n], // DR6
    [0x170, 0x2n], // RFLAGS
    [0x178, BigInt(options.instructionPointer & 0xffff)], // RIP
    [0x268, state.pageAttributes],
    [0x310, BigInt(state.rdx)],
    [0x3b0, options.features],
    [0x3e8, 0x1n], // XCR0
  ];
  for (const [offset, value] of quads) view.setBigUint64(offset, value, true);
  view.setUint32(0x408, state.mxcsr, true);
  view.setUint16(0x410, state.floatingControl, true);
  return page;
}
