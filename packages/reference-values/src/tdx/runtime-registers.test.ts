/** RTMR0 to RTMR2 against what genuine guests showed: digests of their event logs, registers of their quotes. */

import { decodeHex, encodeHex } from '@assay/encoding/hex';
import { expectRefusal, FAKE_TDX_SECTIONS, fakeFirmware } from '@assay/testing';
import { describe, expect, test } from 'vitest';
import { sha384 } from '../digests.ts';
import { tdxSections } from './firmware-sections.ts';
import { handOffBlocks } from './hand-off-blocks.ts';
import { replayed, rtmr0Events, rtmr1Of, rtmr2Of } from './runtime-registers.ts';

const GIB = 2 ** 30;
const sections = tdxSections(fakeFirmware({ tdx: FAKE_TDX_SECTIONS }));

/** The first event of the logs of five genuine guests, by memory size. */
const HAND_OFF: readonly (readonly [number, string])[] = [
  [2, '0b8772e5b0b41b83e6044a68397e02f49fb47066b4fbe4917ea2c45c64f323fdacbb37948f821ebaf8bc9c938ba8a749'],
  [8, '2e070cda358b5aa00f27cca25c47381bb564f4be3a84d059805a73cbbde764ed8341f7e09915b5e7b370f9c08a743fbd'],
  [64, '8ae1e425351df7992c444586eff99d35af3b779aa2b0e981cb4b73bc5b279f2ade19b6a62a203fc3c3bbdaae80af596d'],
  [1024, 'd6d8d853b6454f838d98c5573d6a098cffc51902151aea2c6a384cf1e1a27d10f9a65cf4504dd94e96c6079438d062f1'],
  [2048, '60a36090e82db2aa82a7abb76029b9ace69e9f0811b7029ff25a26a2e8b91c182696df92674ab571c42093383e1fcc71'],
];

/** A dstack guest of 64 GiB: what its log and its quote say. */
const GUEST = {
  settings: '344bc51c980ba621aaa00da3ed7436f7d6e549197dfe699515dfa2c6583d95e6412af21c097d473155875ffd561d6790',
  loader: '2065dd48d647e4377db277ba203526901a17845e93e0df4c2dfc3ce136e0910324ead1e1c86b8d90c2acdf9c85ffac53',
  rsdp: '772b0169c66b52e4453fff9e3c6257635ea950ebcc8edd7ef2e2f8241cf6a155f39df01a7c7a194b6bc0abe5de11861d',
  tables: 'abfb2256644b5786eefdcb92303d2008c36cb9500d98997e215ef5080745d4bf2e5b3629090918e193e7f05b173d48c5',
  kernel: '0761fbfa317a42d8edbe9e404178d102adc059cface98c5e07d1d535371c145c3497fd2a19b8398568b8c8a6f95e0a86',
  cmdline: '4027cb4ec64dbc24b6d98d9470daeefc749bbb6a9b011762d215f6ed3eb833d58fd72d9ad850958f72878182e6f61924',
  initrd: '63e06e29cf98f2fce71abd3a9629dff48457b47c010b64e11f7a2b42dd99bfa14ee35660b3f5d3fc376261d6ba9a6d6b',
  rtmr0: '2e3843265f8ecdd4e2282694747f6f2f111605c33f2a8882f5734ee6f3a6ce63d8f34aeef06093dcda76fa5f9d33d8d6',
  rtmr1: 'a1b79d76021970f57c45c4a7c395f780bab37011a4df27fe44e8559bd1abb4d6e52f12f866d1d08405448eb797a5970f',
  rtmr2: '1e31b59d605df7ee8160cf7966be9bafa6d0e1905de7e09695a24cd9748e71a603a51fae1297619fa0c30517addbcd07',
};

describe('hand-off blocks', () => {
  test.each(HAND_OFF)('of a guest with %i GiB are those that it measured', (gigabytes, digest) => {
    expect(encodeHex(sha384(handOffBlocks(sections, gigabytes * GIB)))).toBe(digest);
  });

  test.each([
    ['no whole pages', 2 * GIB + 1, ['whole pages']],
    ['nothing', 0, ['whole pages']],
    ['more than any machine has', 2 ** 50, ['64 TiB']],
    ['less than the firmware takes', 0x801000, ['memory size']],
  ])('of %s are refused', async (_, memory, words) => {
    await expectRefusal(() => handOffBlocks(sections, memory), 'machine/bad-shape', words);
  });

  test('need one section for them', async () => {
    const without = tdxSections(fakeFirmware({ tdx: FAKE_TDX_SECTIONS.filter(({ type }) => type !== 2) }));
    await expectRefusal(() => handOffBlocks(without, 8 * GIB), 'firmware/unsuitable', ['one section']);
  });
});

describe('the registers of a genuine guest', () => {
  test('RTMR0 from memory size and ACPI tables', () => {
    const [loader, rsdp, tables] = [decodeHex(GUEST.loader), decodeHex(GUEST.rsdp), decodeHex(GUEST.tables)];
    const handOff = sha384(handOffBlocks(sections, 64 * GIB));
    const events = rtmr0Events(handOff, [decodeHex(GUEST.settings)], { loader, rsdp, tables });
    expect(encodeHex(replayed(events))).toBe(GUEST.rtmr0);
  });

  test('RTMR1 from the digest of its kernel', () => {
    expect(encodeHex(rtmr1Of(decodeHex(GUEST.kernel)))).toBe(GUEST.rtmr1);
  });

  test('RTMR2 is command line, then initrd', () => {
    expect(encodeHex(replayed([decodeHex(GUEST.cmdline), decodeHex(GUEST.initrd)]))).toBe(GUEST.rtmr2);
    const cmdline = Uint8Array.from('console=hvc0\0', (character) => character.charCodeAt(0));
    const wide = Uint8Array.from({ length: 2 * cmdline.length }, (_, at) => (at % 2 === 0 ? (cmdline[at / 2] as number) : 0));
    const initrd = decodeHex(GUEST.initrd);
    expect(rtmr2Of('console=hvc0', initrd)).toEqual(replayed([sha384(wide), initrd]));
  });
});
