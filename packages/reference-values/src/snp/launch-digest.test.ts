/** SEV-SNP launch digests: known answers of the field's own tool, what changes them, and what is refused. */

import { utf8 } from '@assay/encoding/bytes';
import { encodeHex } from '@assay/encoding/hex';
import { expectRefusal, FAKE_SEV_SECTIONS, fakeFirmware } from '@assay/testing';
import { describe, expect, test } from 'vitest';
import { measureSnp, type SnpMachine, snpLaunchDigest } from './launch-digest.ts';

const firmware = fakeFirmware({ sev: FAKE_SEV_SECTIONS });
const kernel = utf8('a kernel');
const boot = { kernel, initrd: utf8('an initrd'), cmdline: 'console=ttyS0' };
const machine: SnpMachine = { processors: 2, cpuType: 'EPYC-Milan', boot };

/** Printed by sev-snp-measure 0.0.13 for these files; tests/interop/snp-launch-digest.test.ts asks it again where it can be installed. */
test.each<[string, SnpMachine, string]>([
  [
    'one processor, no kernel',
    { processors: 1, cpuType: 'EPYC-Milan' },
    '5bae417cad0a4fd0cbcee25acbf5705a4e0d6b4e4d9705cc7ed2307016bdb7682bfb21aeddaddaf9c8e3050ad696344e',
  ],
  [
    'two processors and a kernel',
    machine,
    '0242b2d8fe44c9d709b6c85e0630f669adc5fe1107f230b3bc7a8e511d9dd2a88fe6e1753429586c6e5f789c74ef0470',
  ],
  [
    'EC2',
    { processors: 2, cpuType: 'EPYC-Milan', hypervisor: 'ec2' },
    '5d89d0a0cd7fae45c3a05d3feae968dd756507ca3e2629778ec4357658c6957c9162464fd931419e40e4881ef1da8843',
  ],
  [
    'Google',
    { processors: 5, cpuType: 'EPYC-Genoa', hypervisor: 'gce', boot: { kernel } },
    '200a186dade4b69d553c9b2511c892370d60ad2119854cd5c47e77a1a7c9382c75d3810e07b0404c115e031de9a1149c',
  ],
])('%s', (_, options, digest) => {
  expect(encodeHex(snpLaunchDigest(firmware, options))).toBe(digest);
});

test.each<[string, SnpMachine]>([
  ['the number of processors', { ...machine, processors: 3 }],
  ['their type', { ...machine, cpuType: '0x00a10f11' }],
  ['the features of the guest', { ...machine, guestFeatures: 0x21n }],
  ['the hypervisor', { ...machine, hypervisor: 'gce' }],
  ['the kernel', { ...machine, boot: { ...boot, kernel: utf8('another') } }],
  ['the initrd', { ...machine, boot: { ...boot, initrd: utf8('another') } }],
  ['the command line', { ...machine, boot: { ...boot, cmdline: 'console=ttyS1' } }],
])('%s changes it', (_, changed) => {
  expect(snpLaunchDigest(firmware, changed)).not.toEqual(snpLaunchDigest(firmware, machine));
});

test('every page of the firmware counts', () => {
  const before = snpLaunchDigest(firmware, machine);
  for (let page = 0; page < firmware.length; page += 4096) {
    const changed = Uint8Array.from(firmware);
    changed[page] = (changed[page] as number) ^ 1;
    expect(snpLaunchDigest(changed, machine)).not.toEqual(before);
  }
});

test('a measured image names its files', async () => {
  const { type, values, inputs } = await measureSnp(firmware, machine);
  expect({ type, names: Object.keys(values), inputs: Object.keys(inputs) }).toEqual({
    type: 'sev-snp',
    names: ['measurement'],
    inputs: ['firmware', 'kernel', 'initrd'],
  });
});

describe('refused', () => {
  const without = FAKE_SEV_SECTIONS.filter(({ type }) => type !== 16);
  const damaged = (from: number, bytes: readonly number[]): Uint8Array => {
    const copy = Uint8Array.from(firmware);
    copy.set(bytes, copy.length - from);
    return copy;
  };
  test.each<[string, Uint8Array, SnpMachine, string, readonly string[]]>([
    ['no processors', firmware, { ...machine, processors: 0 }, 'machine/bad-shape', ['1 to 512', 'got 0']],
    ['half a processor', firmware, { ...machine, processors: 1.5 }, 'machine/bad-shape', ['got 1.5']],
    ['too many processors', firmware, { ...machine, processors: 513 }, 'machine/bad-shape', ['got 513']],
    ['an unknown type', firmware, { ...machine, cpuType: 'Xeon' }, 'machine/bad-shape', ['Xeon', 'EPYC-Milan']],
    ['a name of JavaScript', firmware, { ...machine, cpuType: 'constructor' }, 'machine/bad-shape', ['constructor']],
    ['firmware without a table', new Uint8Array(8192), machine, 'firmware/unsuitable', ['table of GUIDs']],
    ['firmware for other guests', fakeFirmware(), machine, 'firmware/unsuitable', ['metadata for SEV']],
    ['no bytes', new Uint8Array(0), machine, 'firmware/malformed', ['whole pages']],
    ['half a page', firmware.subarray(0, 2048), machine, 'firmware/malformed', ['whole pages']],
    ['a kernel that goes unmeasured', fakeFirmware({ sev: without }), machine, 'firmware/unsuitable', ['unmeasured']],
    ['a damaged signature', damaged(2048, [0]), machine, 'firmware/malformed', ['"ASEV"']],
    ['a later version', damaged(2048 - 8, [2]), machine, 'firmware/malformed', ['version 1']],
    ['too many sections', damaged(2048 - 12, [255]), machine, 'firmware/malformed', ['at most 64 sections']],
    ['an unknown section', damaged(2048 - 24, [99]), machine, 'firmware/malformed', ['type 99']],
    ['a section off a page', damaged(2048 - 16, [1]), machine, 'firmware/malformed', ['whole pages']],
    [
      'a section larger than any firmware names',
      damaged(2048 - 23, [0xf0, 0xff]),
      machine,
      'firmware/malformed',
      ['whole pages'],
    ],
    ['a table that is cut off', damaged(32 + 18, [255, 255]), machine, 'firmware/unsuitable', ['table of GUIDs']],
    ['entries that run out of the table', damaged(32 + 18, [30, 0]), machine, 'firmware/malformed', ['fill the table']],
    [
      'hashes across two pages',
      fakeFirmware({ sev: FAKE_SEV_SECTIONS, hashesAddress: 0x810ff0 }),
      machine,
      'firmware/malformed',
      ['within one page'],
    ],
    [
      'an entry twice',
      fakeFirmware({ sev: FAKE_SEV_SECTIONS, entries: { '00f771de-1a7e-4fcb-890e-68c77e2fb44e': new Uint8Array(4) } }),
      machine,
      'firmware/malformed',
      ['one entry'],
    ],
  ])('%s', async (_, file, options, code, words) => {
    await expectRefusal(() => snpLaunchDigest(file, options), code, words);
  });
});
