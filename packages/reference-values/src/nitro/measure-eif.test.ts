/** Enclave images: those of the vendor's builder, every changed byte, and what no loader should start. */

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { concatBytes, utf8 } from '@assay/encoding/bytes';
import { expectRefusal } from '@assay/testing';
import { beforeAll, describe, expect, test } from 'vitest';
import { parseEif } from './eif.ts';
import { encodeEif } from './encode-eif.ts';
import { measureEif } from './measure-eif.ts';

const folder = new URL('../../test-images/', import.meta.url);
const image = async (name: string): Promise<Uint8Array> => new Uint8Array(await readFile(new URL(`${name}.eif`, folder)));
const expected: Readonly<Record<string, Readonly<Record<string, string>>>> = JSON.parse(
  await readFile(new URL('expected.json', folder), 'utf8'),
);

describe('images of the vendor’s builder', () => {
  test.each(['plain', 'app', 'signed'])('%s has the registers that the builder printed', async (name) => {
    const { HashAlgorithm: _, ...registers } = expected[name] ?? {};
    const { values } = await measureEif(await image(name));
    expect(values).toEqual(Object.fromEntries(Object.entries(registers).map(([pcr, value]) => [pcr.toLowerCase(), value])));
  });

  test.each(['plain', 'app', 'signed'])('%s is written again byte for byte', async (name) => {
    const file = await image(name);
    const { signature, metadata, cmdline, ...parts } = parseEif(file);
    const text = (bytes: Uint8Array | null): string => new TextDecoder().decode(bytes ?? new Uint8Array());
    expect(
      encodeEif({ ...parts, cmdline: text(cmdline), metadata: text(metadata), signature: signature ?? undefined }),
    ).toEqual(file);
  });

  test('say what they are', async () => {
    expect((await measureEif(await image('app'))).facts).toMatchObject({
      architecture: 'aarch64',
      signed: 'no',
      ramdisks: '2',
    });
    expect((await measureEif(await image('signed'))).facts).toMatchObject({
      architecture: 'x86_64',
      signed: 'yes',
      ramdisks: '3',
    });
  });

  test('where it runs gives PCR3 and PCR4', async () => {
    const roleArn = 'arn:aws:iam::123456789012:role/enclave';
    const instanceId = 'i-1234567890abcdef0';
    const register = (text: string): string =>
      createHash('sha384').update(Buffer.alloc(48)).update(createHash('sha384').update(text).digest()).digest('hex');
    const { values, notComputed } = await measureEif(await image('plain'), { roleArn, instanceId });
    expect(values).toMatchObject({ pcr3: register(roleArn), pcr4: register(instanceId) });
    expect(notComputed).toEqual([]);
    expect((await measureEif(await image('plain'))).notComputed.map(({ name }) => name)).toEqual(['pcr3', 'pcr4']);
  });

  test.each([
    [{ roleArn: 'enclave' }, ['arn:aws:iam']],
    [{ instanceId: '1234' }, ['i-1234567890abcdef0']],
  ])('%o is refused', async (placement, words) => {
    await expectRefusal(measureEif(await image('plain'), placement), 'machine/bad-shape', words);
  });
});

/** The file with a checksum that fits again. */
function resealed(file: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(file);
  new DataView(copy.buffer).setUint32(544, crc32(copy.subarray(548), crc32(copy.subarray(0, 544))));
  return copy;
}

/** The file with its sections written in this order, offsets, sizes and checksum to match. */
function reordered(file: Uint8Array, order: readonly number[]): Uint8Array {
  const header = Uint8Array.from(file.subarray(0, 548));
  const [from, to] = [new DataView(file.buffer, file.byteOffset), new DataView(header.buffer)];
  let offset = 548;
  const sections = order.map((index, place) => {
    const [start, size] = [Number(from.getBigUint64(28 + 8 * index)), Number(from.getBigUint64(284 + 8 * index))];
    to.setBigUint64(28 + 8 * place, BigInt(offset));
    to.setBigUint64(284 + 8 * place, BigInt(size));
    offset += 12 + size;
    return file.subarray(start, start + 12 + size);
  });
  return resealed(concatBytes(header, ...sections));
}

describe('changed', () => {
  let plain: Uint8Array;
  let signed: Uint8Array;
  beforeAll(async () => {
    [plain, signed] = [await image('plain'), await image('signed')];
  });

  test('every byte, without another checksum, is refused', async () => {
    for (let at = 0; at < plain.length; at += 7) {
      const copy = Uint8Array.from(plain);
      copy[at] = (copy[at] as number) ^ 0x10;
      await expect(measureEif(copy), `byte ${at}`).rejects.toMatchObject({ name: 'ReferenceValuesError' });
    }
  });

  test('cut off anywhere, it is refused, also under a checksum that fits', async () => {
    for (let end = 0; end < plain.length; end += end < 1000 ? 1 : 97) {
      const cut = plain.slice(0, end);
      const error = await measureEif(end < 548 ? cut : resealed(cut)).catch((refused: unknown) => refused);
      expect(error, `${end} bytes`).toMatchObject({ name: 'ReferenceValuesError', code: 'eif/malformed' });
    }
  });

  /** The sections of `plain` are kernel, command line, metadata, ramdisk: `order` names them by that. */
  test.each<[string, readonly number[], string]>([
    ['the command line before the kernel', [1, 0, 2, 3], 'one kernel, then one command line'],
    ['the metadata first', [2, 0, 1, 3], 'one kernel, then one command line'],
    ['a ramdisk before the command line', [0, 3, 1, 2], 'one kernel, then one command line'],
    ['the kernel last', [1, 2, 3, 0], 'one kernel, then one command line'],
  ])('sections whole and in another order: %s', async (_, order, words) => {
    const file = reordered(plain, order);
    await expectRefusal(measureEif(file), 'eif/malformed', [words]);
    expect(await measureEif(reordered(plain, [0, 1, 2, 3]))).toEqual(await measureEif(plain));
  });

  test('a table whose offsets stand in another order than the sections', async () => {
    const copy = Uint8Array.from(plain);
    const view = new DataView(copy.buffer);
    for (const table of [28, 284]) {
      const [first, second] = [view.getBigUint64(table), view.getBigUint64(table + 8)];
      view.setBigUint64(table, second);
      view.setBigUint64(table + 8, first);
    }
    await expectRefusal(measureEif(resealed(copy)), 'eif/malformed', ['section 0 at byte 548']);
  });

  test('a signed image with another application and another checksum is refused', async () => {
    const { signature, metadata, cmdline, ramdisks, ...parts } = parseEif(signed);
    const changed = encodeEif({
      ...parts,
      cmdline: new TextDecoder().decode(cmdline),
      metadata: new TextDecoder().decode(metadata ?? undefined),
      ramdisks: [ramdisks[0], utf8('another application')],
      signature: signature ?? undefined,
    });
    await expectRefusal(measureEif(changed), 'eif/signature-invalid', ['changed after it was signed']);
  });

  test('every byte of the signature section is refused, or is a byte of the certificate and changes PCR8 alone', async () => {
    const { pcr8: _, ...rest } = (await measureEif(signed)).values;
    const length = parseEif(signed).signature?.length ?? 0;
    for (let at = signed.length - length; at < signed.length; at += 3) {
      const copy = Uint8Array.from(signed);
      copy[at] = (copy[at] as number) ^ 1;
      const outcome = await measureEif(resealed(copy)).catch((error: unknown) => error);
      if (outcome instanceof Error) expect(outcome).toMatchObject({ name: 'ReferenceValuesError' });
      else expect(outcome).toMatchObject({ values: rest });
    }
  });

  type Change = (view: DataView, file: Uint8Array) => Uint8Array | undefined;
  test.each<[string, Change, string, readonly string[]]>([
    ['another file', () => utf8('#!/bin/sh'), 'eif/malformed', ['.eif']],
    ['no bytes', () => new Uint8Array(0), 'eif/malformed', ['.eif']],
    ['a header that is cut off', (_, file) => file.subarray(0, 100), 'eif/malformed', ['EIF header']],
    ['a later version', (view) => void view.setUint16(4, 9), 'eif/unsupported', ['version 3 or 4', 'got 9']],
    ['too many sections', (view) => void view.setUint16(26, 33), 'eif/malformed', ['at most 32']],
    ['one section less', (view) => void view.setUint16(26, view.getUint16(26) - 1), 'eif/malformed', ['more bytes']],
    ['one section more', (view) => void view.setUint16(26, view.getUint16(26) + 1), 'eif/malformed', ['section 4 at byte']],
    ['a gap', (view) => void view.setBigUint64(28 + 8, view.getBigUint64(28 + 8) + 1n), 'eif/malformed', ['section 1 at byte']],
    ['a size that runs out of the file', (view) => void view.setBigUint64(284, 1n << 40n), 'eif/malformed', ['for section 0']],
    [
      'sizes that disagree',
      (view) => void view.setBigUint64(284, view.getBigUint64(284) - 1n),
      'eif/malformed',
      ['bytes in section 0'],
    ],
    ['an unknown section', (view) => void view.setUint16(548, 9), 'eif/malformed', ['known type']],
    ['two kernels', (view) => void view.setUint16(Number(view.getBigUint64(36)), 1), 'eif/malformed', ['one kernel']],
    ['no ramdisk', (view) => void view.setUint16(Number(view.getBigUint64(28 + 8 * 3)), 5), 'eif/malformed', ['ramdisk']],
    ['bytes behind the end', (_, file) => concatBytes(file, utf8('x')), 'eif/malformed', ['1 more bytes']],
    ['a wrong checksum', (view) => void view.setUint32(544, 1), 'eif/checksum-mismatch', ['00000001']],
  ])('%s', async (_, change, code, words) => {
    const copy = Uint8Array.from(plain);
    const changed = change(new DataView(copy.buffer), copy) ?? copy;
    await expectRefusal(
      measureEif(code === 'eif/checksum-mismatch' || changed.length < 548 ? changed : resealed(changed)),
      code,
      words,
    );
  });

  test.each<[string, { readonly metadata?: string; readonly signature?: Uint8Array }, readonly string[]]>([
    ['metadata that is no JSON', { metadata: '<xml>' }, ['metadata']],
    ['metadata that is a list', { metadata: '[]' }, ['JSON object']],
    ['a signature that is no CBOR', { signature: utf8('signed') }, ['signature']],
    ['a signature without entries', { signature: Uint8Array.of(0x80) }, ['one entry']],
    ['a long signature', { signature: new Uint8Array(70_000) }, ['at most 65536']],
  ])('%s', async (_, parts, words) => {
    const whole = {
      architecture: 'x86_64',
      kernel: utf8('k'),
      cmdline: 'c',
      ramdisks: [utf8('r')],
      metadata: '{}',
      ...parts,
    } as const;
    await expectRefusal(measureEif(encodeEif(whole)), 'eif/malformed', words);
  });

  test('a signature before the last ramdisk', async () => {
    const file = encodeEif({
      architecture: 'x86_64',
      kernel: utf8('k'),
      cmdline: 'c',
      ramdisks: [utf8('r'), utf8('s')],
      metadata: '{}',
    });
    const copy = Uint8Array.from(file);
    const view = new DataView(copy.buffer);
    view.setUint16(Number(view.getBigUint64(28 + 8 * 3)), 4);
    await expectRefusal(measureEif(resealed(copy)), 'eif/malformed', ['at the end']);
  });
});
