/** Guests of TDX: what changes which register, firmware and kernels that are refused. */

import { createHash } from 'node:crypto';
import { encodeHex } from '@assay/encoding/hex';
import { expectRefusal, FAKE_TDX_SECTIONS, fakeFirmware, fakeKernel } from '@assay/testing';
import { describe, expect, test } from 'vitest';
import { measureTdx, type TdxMachine } from './measure-tdx.ts';

const firmware = fakeFirmware({ tdx: FAKE_TDX_SECTIONS });
const boot = { kernel: fakeKernel(), initrd: new Uint8Array(5000).fill(7), cmdline: 'console=hvc0' };
const machine: TdxMachine = { memory: 8 * 2 ** 30, boot };
const acpi = { loader: new Uint8Array(48), rsdp: new Uint8Array(48).fill(1), tables: new Uint8Array(48).fill(2) };
const base = (await measureTdx(firmware, { ...machine, acpi })).values;

/** The digest by its definition, operation for operation. */
function mrtd(order: 'page' | 'section'): string {
  const operations: Buffer[][] = FAKE_TDX_SECTIONS.map(({ offset, raw, address, bytes, attributes }) => {
    const operation = (name: string, at: number): Buffer => {
      const block = Buffer.alloc(128);
      block.write(name);
      block.writeBigUInt64LE(BigInt(at), 16);
      return block;
    };
    const pages = Array.from({ length: bytes / 4096 }, (_, page) => page * 4096);
    const content = Buffer.alloc(bytes);
    content.set(firmware.subarray(offset, offset + raw));
    const added = pages.map((page) => [operation('MEM.PAGE.ADD', address + page)]);
    const measured = pages.map((page) =>
      (attributes & 1) === 0
        ? []
        : Array.from({ length: 16 }, (_, chunk) => page + chunk * 256).flatMap((at) => [
            operation('MR.EXTEND', address + at),
            content.subarray(at, at + 256),
          ]),
    );
    return order === 'section'
      ? [...added.flat(), ...measured.flat()]
      : pages.flatMap((_, at) => [...(added[at] ?? []), ...(measured[at] ?? [])]);
  });
  return createHash('sha384').update(Buffer.concat(operations.flat())).digest('hex');
}

test('MRTD counts pages added and content measured, in the order of the hypervisor', async () => {
  expect(base.mrtd).toBe(mrtd('page'));
  expect((await measureTdx(firmware, { ...machine, pageOrder: 'section' })).values.mrtd).toBe(mrtd('section'));
  expect(mrtd('page')).not.toBe(mrtd('section'));
});

test('the kernel counts as QEMU hands it over', async () => {
  // By hand: loader 0xb0, heap allowed, its end, command line and initrd in place; without checksum and certificate entry.
  const patched = Buffer.from(boot.kernel);
  patched[0x210] = 0xb0;
  patched[0x211] = (patched[0x211] as number) | 0x80;
  patched.writeUInt32LE(0xfe00, 0x224);
  patched.writeUInt32LE(0x20000, 0x228);
  patched.writeUInt32LE((0x80000000 - 0x28000 - 1 - 5000) & ~4095, 0x218);
  patched.writeUInt32LE(5000, 0x21c);
  const optional = patched.readUInt32LE(0x3c) + 24;
  const hashed = [
    patched.subarray(0, optional + 64),
    patched.subarray(optional + 68, optional + 144),
    patched.subarray(optional + 152),
  ];
  const kernel = createHash('sha384').update(Buffer.concat(hashed)).digest();
  const events = [
    kernel,
    ...[
      'Calling EFI Application from Boot Option',
      '\0\0\0\0',
      'Exit Boot Services Invocation',
      'Exit Boot Services Returned with Success',
    ].map((text) => createHash('sha384').update(text).digest()),
  ];
  const register = events.reduce(
    (before, event) =>
      createHash('sha384')
        .update(Buffer.concat([before, event]))
        .digest(),
    Buffer.alloc(48),
  );
  expect(base.rtmr1).toBe(encodeHex(register));
});

test.each<[string, TdxMachine, readonly string[]]>([
  ['memory', { ...machine, memory: 16 * 2 ** 30, acpi }, ['rtmr0']],
  ['little memory, where the initrd lies elsewhere', { ...machine, memory: 2 ** 30, acpi }, ['rtmr0', 'rtmr1']],
  ['ACPI tables', { ...machine, acpi: { ...acpi, rsdp: acpi.tables } }, ['rtmr0']],
  ['the initrd', { ...machine, acpi, boot: { ...boot, initrd: new Uint8Array(5000).fill(8) } }, ['rtmr2']],
  [
    'the length of the initrd',
    { ...machine, acpi, boot: { ...boot, initrd: new Uint8Array(9000).fill(7) } },
    ['rtmr1', 'rtmr2'],
  ],
  ['the command line', { ...machine, acpi, boot: { ...boot, cmdline: 'quiet' } }, ['rtmr2']],
  ['the kernel', { ...machine, acpi, boot: { ...boot, kernel: fakeKernel({ fill: 9 }) } }, ['rtmr1']],
  ['the certificate table of the kernel', { ...machine, acpi, boot: { ...boot, kernel: fakeKernel({ checksum: 5 }) } }, []],
])('%s changes %o', async (_, changed, registers) => {
  const { values } = await measureTdx(firmware, changed);
  expect(Object.keys(base).filter((name) => values[name] !== base[name])).toEqual(registers);
});

test('what was not given is named as not computed', async () => {
  const { values, notComputed } = await measureTdx(firmware, { memory: 2 ** 33 });
  expect(Object.keys(values)).toEqual(['mrtd']);
  expect(notComputed.map(({ name }) => name)).toEqual(['rtmr0', 'rtmr1', 'rtmr2', 'rtmr3']);
});

describe('refused', () => {
  const changed = (index: number, change: Partial<(typeof FAKE_TDX_SECTIONS)[number]>): Uint8Array =>
    fakeFirmware({ tdx: FAKE_TDX_SECTIONS.map((section, at) => (at === index ? { ...section, ...change } : section)) });

  test.each<[string, Uint8Array, string, readonly string[]]>([
    ['firmware without TDX metadata', fakeFirmware(), 'firmware/unsuitable', ['metadata for TDX']],
    ['firmware that is no whole pages', firmware.subarray(1), 'firmware/malformed', ['whole pages']],
    ['a section of an unknown type', changed(2, { type: 9 }), 'firmware/malformed', ['types 0 to 6', '9']],
    ['a section off a page', changed(2, { address: 0x810001 }), 'firmware/malformed', ['whole pages']],
    ['a section larger than any memory', changed(2, { bytes: 2 ** 40 }), 'firmware/malformed', ['size of firmware']],
    ['content outside of the file', changed(0, { offset: 0xf000 }), 'firmware/malformed', ['within the file']],
    ['more content than memory', changed(0, { bytes: 0x1000 }), 'firmware/malformed', ['whole pages']],
  ])('%s', async (_, file, code, words) => {
    await expectRefusal(measureTdx(file, machine), code, words);
  });

  test.each<[string, Uint8Array, readonly string[]]>([
    ['something else', new Uint8Array(8192), ['setup header']],
    ['a kernel of long ago', fakeKernel({ protocol: 0x0202 }), ['2.03']],
    ['a kernel without an EFI stub', fakeKernel({ signature: 0 }), ['EFI stub']],
    ['a kernel that is cut off', fakeKernel().subarray(0, 4096 + 4), ['multiple of 8']],
  ])('as a kernel: %s', async (_, kernel, words) => {
    await expectRefusal(measureTdx(firmware, { ...machine, boot: { ...boot, kernel } }), 'firmware/unsuitable', words);
  });

  test('an initrd that does not fit into the memory', async () => {
    await expectRefusal(
      measureTdx(firmware, { memory: 0x821000, boot: { ...boot, initrd: new Uint8Array(2 ** 23) } }),
      'machine/bad-shape',
      ['initrd'],
    );
  });
});
