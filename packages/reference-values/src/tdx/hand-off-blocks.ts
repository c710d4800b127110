/**
 * The list of hand-off blocks that QEMU gives the firmware of a TDX guest (UEFI Platform Initialization 1.8, volume 3 §5; QEMU,
 * hw/i386/tdvf-hob.c): which memory is there and which of it is accepted. The firmware measures it into RTMR0, so the memory size is
 * part of the measurement.
 */

import { joinBytes } from '@assay/encoding/bytes';
import { ReferenceValuesError } from '../errors.ts';
import type { FirmwareSection } from './firmware-sections.ts';

const HAND_OFF = 1;
const RESOURCE = 3;
const ACCEPTED = 0;
const UNACCEPTED = 7;
/** Present, initialised, tested. */
const ATTRIBUTES = 7;
const FOUR_GIB = 0x1_0000_0000;
/** QEMU's machine q35 keeps this much below 4 GiB when the memory does not end there. */
const LOW_MEMORY = 0x8000_0000;
const LOW_MEMORY_LIMIT = 0xb000_0000;
const MAX_MEMORY = 2 ** 46;

interface Range {
  readonly accepted: boolean;
  readonly address: number;
  readonly bytes: number;
}

/**
 * The bytes that the firmware measures.
 * @param memory of the machine, bytes.
 * @throws {ReferenceValuesError} `firmware/unsuitable` without exactly one section for the list, `machine/bad-shape`.
 */
export function handOffBlocks(sections: readonly FirmwareSection[], memory: number): Uint8Array {
  const [home, ...others] = sections.filter(({ kind }) => kind === 'hand-off-blocks');
  if (home === undefined || others.length > 0)
    throw new ReferenceValuesError(
      'firmware/unsuitable',
      'expected firmware with one section for hand-off blocks, got another; give an OVMF built for TDX guests',
    );
  const resources = memoryRanges(sections, memory).map(resource);
  const end = home.address + 56 + 48 * resources.length + 8; // behind the closing block, which is not measured
  const handOff = block(HAND_OFF, 56);
  new DataView(handOff.buffer).setUint32(8, 9, true); // EFI_HOB_HANDOFF_TABLE_VERSION
  new DataView(handOff.buffer).setBigUint64(48, BigInt(end), true);
  return joinBytes([handOff, ...resources]);
}

/** Memory in the order of its addresses: what the firmware lies in is accepted, everything else is not yet. */
function memoryRanges(sections: readonly FirmwareSection[], memory: number): readonly Range[] {
  if (!Number.isInteger(memory) || memory % 4096 !== 0 || memory <= 0 || memory > MAX_MEMORY)
    throw badShape(`expected whole pages of memory, at most 64 TiB, got ${memory} bytes`);
  const low = memory >= LOW_MEMORY_LIMIT ? LOW_MEMORY : memory;
  const accepted = sections
    .filter(({ kind }) => kind === 'hand-off-blocks' || kind === 'temporary-memory')
    .toSorted((left, right) => left.address - right.address);
  const ranges: Range[] = [];
  let at = 0;
  for (const { address, bytes } of accepted) {
    if (address < at || address + bytes > low) throw badShape(`expected memory around ${address + bytes} bytes, got ${memory}`);
    if (address > at) ranges.push({ accepted: false, address: at, bytes: address - at });
    ranges.push({ accepted: true, address, bytes });
    at = address + bytes;
  }
  if (low > at) ranges.push({ accepted: false, address: at, bytes: low - at });
  if (memory > low) ranges.push({ accepted: false, address: FOUR_GIB, bytes: memory - low });
  return ranges;
}

function resource({ accepted, address, bytes }: Range): Uint8Array {
  const content = block(RESOURCE, 48);
  const view = new DataView(content.buffer);
  view.setUint32(24, accepted ? ACCEPTED : UNACCEPTED, true);
  view.setUint32(28, ATTRIBUTES, true);
  view.setBigUint64(32, BigInt(address), true);
  view.setBigUint64(40, BigInt(bytes), true);
  return content;
}

function block(type: number, length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, type, true);
  view.setUint16(2, length, true);
  return bytes;
}

function badShape(message: string): ReferenceValuesError {
  return new ReferenceValuesError('machine/bad-shape', `${message}; give the memory size of the machine`);
}
