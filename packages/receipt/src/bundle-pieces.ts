/**
 * Writes a bundle piece by piece (spec/bundle.md): a caller with the parts in a database needs memory for one piece, not for the file. The
 * pieces together are the JCS form; members therefore come in the order of their names.
 */

import { encodeBase64 } from '@assay/encoding/base64';
import { concatBytes, utf8 } from '@assay/encoding/bytes';
import { encodeHex } from '@assay/encoding/hex';
import { canonicalJson } from '@assay/encoding/json';
import type { Digest } from './digest.ts';
import { type Leaf, leafText } from './leaf.ts';
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
type ReadLater<Part> = () => Promise<Part>;

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

/** A payload that is read over time. */
export interface StreamedPayload extends Omit<PayloadSource, 'pieces'> {
  readonly pieces: () => AsyncIterable<Uint8Array>;
}

/** As {@link BundleSource}, for parts that stand in a database: each is read when its turn comes, after the previous one was released. */
export interface StreamedBundle extends Omit<BundleSource, 'reports' | 'receipts' | 'successions' | 'payloads'> {
  readonly reports: readonly ReadLater<ReportText>[];
  readonly receipts: readonly ReadLater<ReceiptText>[];
  readonly successions: readonly ReadLater<SuccessionText>[];
  readonly payloads: readonly StreamedPayload[];
}

/** The bundle's bytes in order: UTF-8 of its JCS form. */
export function* bundlePieces(source: BundleSource): Generator<Uint8Array> {
  for (const part of partsOf(source)) {
    if (typeof part === 'string') yield utf8(part);
    else if ('hash' in part) {
      const base64 = new Base64Pieces();
      for (const piece of (part as PayloadSource).pieces()) yield* base64.next(piece);
      yield* base64.last();
    } else yield utf8(part.text(part.read()));
  }
}

/**
 * As {@link bundlePieces}, of parts that are read over time.
 * @example for await (const piece of streamBundle(source)) file.write(piece)
 */
export async function* streamBundle(source: StreamedBundle): AsyncGenerator<Uint8Array> {
  for (const part of partsOf(source)) {
    if (typeof part === 'string') yield utf8(part);
    else if ('hash' in part) {
      const base64 = new Base64Pieces();
      for await (const piece of part.pieces()) yield* base64.next(piece);
      yield* base64.last();
    } else yield utf8(part.text(await part.read()));
  }
}

/**
 * How many bytes {@link streamBundle} will give. Payloads are not read for it.
 * @example const headers = { 'content-length': String(await streamedBundleLength(source)) }
 */
export async function streamedBundleLength(source: StreamedBundle): Promise<number> {
  let length = 0;
  for (const part of partsOf(source)) {
    if (typeof part === 'string') length += utf8(part).length;
    else if ('hash' in part) length += base64Length(part.length);
    else length += utf8(part.text(await part.read())).length;
  }
  return length;
}

/**
 * Length of padded base64.
 * @example base64Length(2) // 4
 */
export function base64Length(bytes: number): number {
  return Math.ceil(bytes / 3) * 4;
}

/** A part that must be read, now or over time, before its text is known. */
interface Unread {
  readonly read: () => unknown;
  readonly text: (part: unknown) => string;
}

function unread<Part>(read: (() => Part) | (() => Promise<Part>), text: (part: Part) => string): Unread {
  return { read, text: (part) => text(part as Part) };
}

/** Texts of the bundle, between them the parts to be read, and the payloads whose base64 stands there. */
function* partsOf(source: BundleSource | StreamedBundle): Generator<string | Unread | PayloadSource | StreamedPayload> {
  yield `{"checkpoint":${canonicalJson(source.checkpoint)},"format":"${BUNDLE_FORMAT}","payloads":[`;
  for (const [i, payload] of source.payloads.entries()) {
    yield `${i === 0 ? '' : ','}{"bytes":"`;
    yield payload;
    yield `","hash":"${payload.hash}"}`;
  }
  yield '],"receipts":[';
  for (const [i, read] of source.receipts.entries())
    yield unread<ReceiptText>(
      read,
      ({ entry, text }) => `${i === 0 ? '' : ','}{"entry":${entryText(entry)},"receipt":${text}}`,
    );
  yield '],"reports":[';
  for (const [i, read] of source.reports.entries())
    yield unread<ReportText>(read, (report) => `${i === 0 ? '' : ','}${reportText(report)}`);
  yield ']';
  // Absent, not empty, in a bundle of one keyset: its form is the one from before there were successions.
  for (const [i, read] of source.successions.entries())
    yield unread<SuccessionText>(
      read,
      ({ entry, successor }) => `${i === 0 ? ',"successions":[' : ','}{"entry":${entryText(entry)},"successor":"${successor}"}`,
    );
  if (source.successions.length > 0) yield ']';
  yield `,"vkeys":${canonicalJson(source.vkeys)},"witnesses":${canonicalJson(source.witnesses)}}`;
}

function reportText({ entry, text, nonce, collateral }: ReportText): string {
  const files = collateral.map((file) => ({
    name: file.name,
    media_type: file.mediaType,
    bytes: encodeBase64(file.bytes),
  }));
  const before = `"collateral":${canonicalJson(files)},"entry":${entryText(entry)},"nonce":${canonicalJson(nonce)}`;
  return `{${before},"report":${text}}`;
}

/** The JCS form of an entry, written out: names in order, and only the salt can need escapes. */
function entryText({ index, leaf, salt, path }: BundleEntry): string {
  const nodes = path.map((node) => `"${encodeHex(node)}"`).join(',');
  return `{"index":${index},"leaf":${leafText(leaf)},"path":[${nodes}],"salt":${canonicalJson(salt)}}`;
}

/** Base64 of all pieces together; bytes that make no whole group wait for the next piece. */
class Base64Pieces {
  #rest: Uint8Array = new Uint8Array(0);

  *next(piece: Uint8Array): Generator<Uint8Array> {
    const bytes = this.#rest.length === 0 ? piece : concatBytes(this.#rest, piece);
    const whole = bytes.length - (bytes.length % 3);
    if (whole > 0) yield utf8(encodeBase64(bytes.subarray(0, whole)));
    this.#rest = bytes.slice(whole);
  }

  *last(): Generator<Uint8Array> {
    if (this.#rest.length > 0) yield utf8(encodeBase64(this.#rest));
  }
}
