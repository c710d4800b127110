/**
 * PCR values as tpm2-tools write them beside a quote: the serialized structures of `tpm2_quote -o`, the bare values of `-F values`, and the
 * YAML that `tpm2_pcrread` and `tpm2_quote` print. Source: tpm2-tools, `tpm2_quote(1)` and its `pcr.c`.
 * Not checked here: whether the quote is over these values.
 */

import { EncodingError } from '@assay/encoding/errors';
import { decodeHex } from '@assay/encoding/hex';
import { ByteReader } from '@assay/encoding/reader';
import type { PcrSelection } from './quote.ts';

/** Values by bank and index. */
export type PcrValues = ReadonlyMap<string, ReadonlyMap<number, Uint8Array>>;

const BANKS: ReadonlyMap<number, string> = new Map([
  [0x0004, 'sha1'],
  [0x000b, 'sha256'],
  [0x000c, 'sha384'],
  [0x000d, 'sha512'],
]);
/** C structures of the ESAPI, little-endian: TPML_PCR_SELECTION holds 16 selections of 8 bytes, TPML_DIGEST 8 digests of 66. */
const SELECTIONS = 16;
const DIGESTS = 8;
const DIGEST_ROOM = 64;
const MAX_LISTS = 32;
const MAX_YAML = 1 << 16; // bytes
const BANK_LINE = /^\s*(sha1|sha256|sha384|sha512)\s*:\s*$/;
const VALUE_LINE = /^\s*(\d{1,2})\s*:\s*(?:0[xX])?([0-9A-Fa-f]{40,128})\s*$/;

/**
 * The values in a companion of a quote over `selections`, `null` when it holds something else.
 * @example pcrValuesOf(bytes, quote.selections)?.get('sha256')?.get(0)
 */
export function pcrValuesOf(bytes: Uint8Array, selections: readonly PcrSelection[]): PcrValues | null {
  return serialized(bytes) ?? bare(bytes, selections) ?? yaml(bytes);
}

function serialized(bytes: Uint8Array): PcrValues | null {
  try {
    const reader = new ByteReader(bytes, 'pcr values');
    const count = reader.u32le();
    if (count === 0 || count > SELECTIONS) return null;
    const selected = Array.from({ length: SELECTIONS }, () => selectionIn(reader)).slice(0, count);
    const lists = reader.u32le();
    if (lists === 0 || lists > MAX_LISTS) return null;
    const digests = Array.from({ length: lists }, () => digestsIn(reader)).flat();
    reader.end();
    const wanted = selected.flatMap(({ bank, indexes }) => indexes.map((index) => [bank, index] as const));
    if (wanted.length !== digests.length) return null;
    return grouped(wanted.map(([bank, index], at) => [bank, index, digests[at] as Uint8Array]));
  } catch (error) {
    if (!EncodingError.is(error)) throw error;
    return null;
  }
}

/** TPMS_PCR_SELECTION: hash, size, four bytes of bits, one of padding. */
function selectionIn(reader: ByteReader): { readonly bank: string; readonly indexes: readonly number[] } {
  const bank = BANKS.get(reader.u16le()) ?? 'unknown';
  const size = reader.u8();
  const bits = reader.bytes(4);
  reader.u8();
  const indexes = Array.from({ length: 8 * Math.min(size, 4) }, (_, index) => index).filter(
    (index) => ((bits[index >> 3] ?? 0) >> (index & 7)) & 1,
  );
  return { bank, indexes };
}

function digestsIn(reader: ByteReader): readonly Uint8Array[] {
  const count = reader.u32le();
  const all = Array.from({ length: DIGESTS }, () => {
    const size = reader.u16le();
    return reader.bytes(DIGEST_ROOM).subarray(0, size);
  });
  return all.slice(0, count);
}

/** Values one after another, in the order of the selection; only their lengths tell. */
function bare(bytes: Uint8Array, selections: readonly PcrSelection[]): PcrValues | null {
  const wanted = selections.flatMap(({ bank, width, indexes }) => indexes.map((index) => [bank, index, width] as const));
  if (wanted.length === 0 || wanted.reduce((sum, [, , width]) => sum + width, 0) !== bytes.length) return null;
  const reader = new ByteReader(bytes, 'pcr values');
  return grouped(wanted.map(([bank, index, width]) => [bank, index, reader.bytes(width)]));
}

function yaml(bytes: Uint8Array): PcrValues | null {
  if (bytes.length > MAX_YAML || bytes.some((byte) => byte > 0x7e)) return null;
  let bank: string | null = null;
  const found: (readonly [string, number, Uint8Array])[] = [];
  for (const line of new TextDecoder().decode(bytes).split(/\r?\n/)) {
    const [, name] = BANK_LINE.exec(line) ?? [];
    const [, index, value] = VALUE_LINE.exec(line) ?? [];
    if (name !== undefined) bank = name;
    else if (bank !== null && index !== undefined && value !== undefined && value.length % 2 === 0)
      found.push([bank, Number(index), decodeHex(value)]);
  }
  return found.length === 0 ? null : grouped(found);
}

function grouped(values: readonly (readonly [string, number, Uint8Array])[]): PcrValues {
  const banks = new Map<string, Map<number, Uint8Array>>();
  for (const [bank, index, value] of values) banks.set(bank, (banks.get(bank) ?? new Map()).set(index, value));
  return banks;
}
