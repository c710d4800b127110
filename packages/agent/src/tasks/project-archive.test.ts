/** Archives whose directory lies: what they unpack to is bounded before it is unpacked. */

import { expectRefusal } from '@assay/testing';
import { zipSync } from 'fflate';
import { expect, it } from 'vitest';
import { openProjectArchive } from './project-archive.ts';

const SOURCE = Buffer.from(`// SPDX-License-Identifier: MIT\ncontract A {} // ${'x'.repeat(5000)}`);
/** Offsets in an entry of the directory (APPNOTE.TXT, 4.3.12). */
const PACKED = 20;
const UNPACKED = 24;
const DIRECTORY = Buffer.from('PK\u0001\u0002', 'latin1');
const END = Buffer.from('PK\u0005\u0006', 'latin1');

function zipOf(level: 0 | 9, change: (entry: Buffer) => void = () => undefined, copies = 1): Uint8Array {
  const zip = Buffer.from(zipSync({ 'A.sol': SOURCE }, { level }));
  const from = zip.indexOf(DIRECTORY);
  const to = zip.indexOf(END);
  const entry = zip.subarray(from, to);
  change(entry);
  const end = Buffer.from(zip.subarray(to));
  end.writeUInt16LE(copies, 8);
  end.writeUInt16LE(copies, 10);
  return Buffer.concat([zip.subarray(0, from), ...Array.from({ length: copies }, () => entry), end]);
}

it.each([0, 9] as const)('opens an honest archive of level %d', (level) => {
  expect(Object.keys(openProjectArchive(zipOf(level), []).sources)).toEqual(['A.sol']);
});

it.each([
  ['a stored member that says it is short', zipOf(0, (entry) => entry.writeUInt32LE(1, UNPACKED))],
  [
    'a packed member longer than what it holds',
    zipOf(9, (entry) => void (entry.writeUInt32LE(5000, PACKED), entry.writeUInt32LE(1, UNPACKED))),
  ],
  ['a thousand names of one member', zipOf(0, undefined, 1000)],
])('refuses %s', async (_, zip) => {
  await expectRefusal(() => openProjectArchive(zip, []), 'task/bad-input', ['expected', 'pack the project again']);
});
