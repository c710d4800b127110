/**
 * Writes a bundle piece by piece (spec/bundle.md): a caller with the parts in a database needs memory for one piece, not for the file. The
 * pieces together are the JCS form; members therefore come in the order of their names.
 */

import { encodeBase64 } from '@assay/encoding/base64';
import { concatBytes, utf8 } from '@assay/encoding/bytes';
import { encodeHex } from '@assay/encoding/hex';
import { canonicalJson, type JsonObject } from '@assay/encoding/json';
import type { Digest } from './digest.ts';
import type { Leaf } from './leaf.ts';
import type { CollateralFile } from './report.ts';

/** As in every bundle that is written and read. */
export const BUNDLE_FORMAT = 'assay-bundle/1';
/** The longest bundle that readers take, bytes. */
export const MAX_BUNDLE_BYTES: number = 256 * 1024 * 1024;

/** An entry of the log with its inclusion path to the bundle's checkpoint. */
export interface BundleEntry {
  readonly index: number;
  readonly leaf: Leaf;
  /** Lower-case hex, 32 bytes. */
  readonly salt: string;
  readonly path: readonly Uint8Array[];
}

/** A report and what it needed, as text that stands in the bundle unchanged. */
export interface ReportText {
  readonly entry: BundleEntry;
  /** JCS. */
  readonly text: string;
  readonly nonce: string | null;
  readonly collateral: readonly CollateralFile[];
}

export interface ReceiptText {
  readonly entry: BundleEntry;
  /** JCS. */
  readonly text: string;
}

export interface SuccessionText {
  readonly entry: BundleEntry;
  readonly successor: Digest;
}

/** Reads one part when its turn comes; what it gives is the same every time. */
export type Read<Part> = () => Part;

export interface PayloadSource {
  readonly hash: Digest;
  /** Bytes. */
  readonly length: number;
  readonly pieces: () => Iterable<Uint8Array>;
}

/** The parts of a bundle. Lists are sorted: entries by index, payloads by hash. */
export interface BundleSource {
  /** The checkpoint's note. */
  readonly checkpoint: string;
  readonly vkeys: readonly string[];
  readonly witnesses: readonly string[];
  readonly reports: readonly Read<ReportText>[];
  readonly receipts: readonly Read<ReceiptText>[];
  readonly successions: readonly Read<SuccessionText>[];
  readonly payloads: readonly PayloadSource[];
}

/**
 * The bundle's bytes in order: UTF-8 of its JCS form.
 * @example for (const piece of bundlePieces(source)) file.write(piece)
 */
export function* bundlePieces(source: BundleSource): Generator<Uint8Array> {
  for (const part of partsOf(source)) {
    if (typeof part === 'string') yield utf8(part);
    else yield* base64Pieces(part.pieces());
  }
}

/** How many bytes {@link bundlePieces} will give. Payloads are not read for it. */
export function bundleLength(source: BundleSource): number {
  let length = 0;
  for (const part of partsOf(source)) length += typeof part === 'string' ? utf8(part).length : base64Length(part.length);
  return length;
}

/** Length of padded base64. */
export function base64Length(bytes: number): number {
  return Math.ceil(bytes / 3) * 4;
}

/** Texts of the bundle, and between them the payloads whose base64 stands there. */
function* partsOf(source: BundleSource): Generator<string | PayloadSource> {
  yield `{"checkpoint":${canonicalJson(source.checkpoint)},"format":"${BUNDLE_FORMAT}","payloads":[`;
  for (const [i, payload] of source.payloads.entries()) {
    yield `${i === 0 ? '' : ','}{"bytes":"`;
    yield payload;
    yield `","hash":"${payload.hash}"}`;
  }
  yield '],"receipts":[';
  for (const [i, read] of source.receipts.entries()) {
    const { entry, text } = read();
    yield `${i === 0 ? '' : ','}{"entry":${entryText(entry)},"receipt":${text}}`;
  }
  yield '],"reports":[';
  for (const [i, read] of source.reports.entries()) {
    const { entry, text, nonce, collateral } = read();
    const files = collateral.map((file) => ({
      name: file.name,
      media_type: file.mediaType,
      bytes: encodeBase64(file.bytes),
    }));
    const before = `"collateral":${canonicalJson(files)},"entry":${entryText(entry)},"nonce":${canonicalJson(nonce)}`;
    yield `${i === 0 ? '' : ','}{${before},"report":${text}}`;
  }
  yield ']';
  // Absent, not empty, in a bundle of one keyset: its form is the one from before there were successions.
  for (const [i, read] of source.successions.entries()) {
    const { entry, successor } = read();
    yield `${i === 0 ? ',"successions":[' : ','}{"entry":${entryText(entry)},"successor":"${successor}"}`;
  }
  if (source.successions.length > 0) yield ']';
  yield `,"vkeys":${canonicalJson(source.vkeys)},"witnesses":${canonicalJson(source.witnesses)}}`;
}

function entryText(entry: BundleEntry): string {
  return canonicalJson(entryDocument(entry));
}

function entryDocument(entry: BundleEntry): JsonObject {
  return { index: entry.index, leaf: { ...entry.leaf }, salt: entry.salt, path: entry.path.map(encodeHex) };
}

/** Base64 of all pieces together; bytes that make no whole group wait for the next piece. */
function* base64Pieces(pieces: Iterable<Uint8Array>): Generator<Uint8Array> {
  let rest: Uint8Array = new Uint8Array(0);
  for (const piece of pieces) {
    const bytes = rest.length === 0 ? piece : concatBytes(rest, piece);
    const whole = bytes.length - (bytes.length % 3);
    if (whole > 0) yield utf8(encodeBase64(bytes.subarray(0, whole)));
    rest = bytes.slice(whole);
  }
  if (rest.length > 0) yield utf8(encodeBase64(rest));
}
