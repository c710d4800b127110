/**
 * A TDX guest that QEMU starts under OVMF: MRTD from the firmware alone, RTMR1 and RTMR2 from a directly booted kernel, RTMR0 when the
 * machine's ACPI tables are given. With a dstack application, its compose hash too.
 */

import { encodeHex } from '@assay/encoding/hex';
import { sha256Hex, sha384 } from '../digests.ts';
import type { Measured } from '../measured.ts';
import { tdxSections } from './firmware-sections.ts';
import { kernelDigest } from './kernel-digest.ts';
import { mrtdOf, type PageOrder } from './mrtd.ts';
import { type AcpiDigests, rtmr0Of, rtmr1Of, rtmr2Of } from './runtime-registers.ts';

export interface TdxMachine {
  /** Memory, bytes, whole pages. */
  readonly memory: number;
  /** `page` when left out: QEMU from 9.0 on. */
  readonly pageOrder?: PageOrder | undefined;
  /** Left out: RTMR1 and RTMR2 are not computed. */
  readonly boot?: { readonly kernel: Uint8Array; readonly initrd: Uint8Array; readonly cmdline: string } | undefined;
  /** Left out: RTMR0 is not computed. */
  readonly acpi?: AcpiDigests | undefined;
}

/**
 * @param firmware OVMF.fd as the machine loads it.
 * @throws {ReferenceValuesError} `firmware/malformed`, `firmware/unsuitable`, `machine/bad-shape`.
 * @example const { values } = await measureTdx(ovmf, { memory: 8 * 2 ** 30, boot: { kernel, initrd, cmdline } });
 */
export async function measureTdx(firmware: Uint8Array, machine: TdxMachine): Promise<Measured> {
  const { memory, pageOrder = 'page', boot, acpi } = machine;
  const sections = tdxSections(firmware);
  const boots = boot === undefined ? {} : bootRegisters(boot, memory);
  return {
    type: 'tdx',
    values: {
      mrtd: encodeHex(mrtdOf(sections, pageOrder)),
      ...(acpi === undefined ? {} : { rtmr0: encodeHex(rtmr0Of(sections, { memory, acpi })) }),
      ...boots,
    },
    inputs: {
      firmware: sha256Hex(firmware),
      ...(boot === undefined ? {} : { kernel: sha256Hex(boot.kernel), initrd: sha256Hex(boot.initrd) }),
    },
    facts: {
      memory: `${memory} bytes`,
      'pages added': pageOrder === 'page' ? 'page by page' : 'section by section',
      ...(boot === undefined ? {} : { 'command line': boot.cmdline }),
    },
    notComputed: [
      ...(acpi === undefined ? [{ name: 'rtmr0', reason: 'the ACPI tables of the machine were not given' }] : []),
      ...(boot === undefined
        ? ['rtmr1', 'rtmr2'].map((name) => ({ name, reason: 'kernel, initrd and command line were not given' }))
        : []),
      { name: 'rtmr3', reason: 'the guest extends it while it runs' },
    ],
  };
}

function bootRegisters(
  { kernel, initrd, cmdline }: NonNullable<TdxMachine['boot']>,
  memory: number,
): { readonly rtmr1: string; readonly rtmr2: string } {
  return {
    rtmr1: encodeHex(rtmr1Of(kernelDigest({ kernel, initrdBytes: initrd.length, memory }))),
    rtmr2: encodeHex(rtmr2Of(cmdline, sha384(initrd))),
  };
}
