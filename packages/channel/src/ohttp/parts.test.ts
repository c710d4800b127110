/** A writer at the end of its array, where a byte that finds no room would be dropped in silence. */

import { concatBytes, utf8 } from '@assay/encoding/bytes';
import { expect, test } from 'vitest';
import { PartWriter } from './parts.ts';

const BEGINNING = 512; // bytes that a new writer has room for
const bytes = (length: number) => new Uint8Array(length).fill(7);

test.each<[string, (writer: PartWriter) => PartWriter, Uint8Array]>([
  ['a short integer', (writer) => writer.integer(5), Uint8Array.of(5)],
  ['a long integer', (writer) => writer.integer(0x40), Uint8Array.of(0x40, 0x40)],
  ['bytes', (writer) => writer.bytes(bytes(3)), bytes(3)],
  ['a part', (writer) => writer.part(bytes(3)), concatBytes(Uint8Array.of(3), bytes(3))],
  ['an empty part', (writer) => writer.part(bytes(0)), Uint8Array.of(0)],
  ['a part as long as the array', (writer) => writer.part(bytes(600)), concatBytes(Uint8Array.of(0x42, 0x58), bytes(600))],
  ['ASCII text', (writer) => writer.text('abc'), concatBytes(Uint8Array.of(3), utf8('abc'))],
  ['other text', (writer) => writer.text('ä'), concatBytes(Uint8Array.of(2), utf8('ä'))],
  ['what another writer has', (writer) => writer.partOf(new PartWriter().integer(9)), Uint8Array.of(1, 9)],
])('%s is written whole, however full the array is', (_name, write, expected) => {
  for (let full = BEGINNING - 4; full <= BEGINNING; full += 1)
    expect(write(new PartWriter().bytes(bytes(full))).take()).toEqual(concatBytes(bytes(full), expected));
});
