/**
 * Bundles: one JSON file with everything needed to check receipts offline. Format: spec/bundle.md. Reading and writing here, written
 * piece by piece in bundle-pieces.ts; authenticate-bundle.ts proves.
 */

import { decodeBase64 } from '@assay/encoding/base64';
import { compareBytes, decodeUtf8, joinBytes, utf8 } from '@assay/encoding/bytes';
import { decodeHex } from '@assay/encoding/hex';
import { canonicalJson, type JsonObject, parseJson } from '@assay/encoding/json';
import { BUNDLE_FORMAT, type BundleEntry, bundlePieces, MAX_BUNDLE_BYTES } from './bundle-pieces.ts';
import { type Digest, isDigest } from './digest.ts';
import { ReceiptError } from './errors.ts';
import { encodeLeaf, parseLeaf } from './leaf.ts';
import { formatInclusion, type LogProof } from './log-proof.ts';
import { parseReceipt, type Receipt } from './receipt.ts';
import type { CollateralFile } from './report.ts';
import { foreignVersion, Shape } from './shape.ts';
import { isNonce } from './statement.ts';

export interface BundleReport {
  readonly entry: BundleEntry;
  readonly report: JsonObject;
  readonly nonce: string | null;
  readonly collateral: readonly CollateralFile[];
}

export interface BundleReceipt {
  readonly entry: BundleEntry;
  readonly receipt: Receipt;
}

/** The last leaf of a keyset, which names the one that follows. */
export interface BundleSuccession {
  readonly entry: BundleEntry;
  readonly successor: Digest;
}

export interface Bundle {
  /** The checkpoint's note. */
  readonly checkpoint: string;
  readonly vkeys: readonly string[];
  readonly witnesses: readonly string[];
  /** Sorted by index, as are the receipts. */
  readonly reports: readonly BundleReport[];
  readonly receipts: readonly BundleReceipt[];
  /** Between keysets of one boot; sorted by index. */
  readonly successions: readonly BundleSuccession[];
  readonly payloads: ReadonlyMap<Digest, Uint8Array>;
}

const MAX_PATH = 63;

/**
 * The bundle's bytes: UTF-8 of its JCS form, lists sorted.
 * @example await writeFile('bundle.json', encodeBundle(bundle))
 */
export function encodeBundle(bundle: Bundle): Uint8Array {
  const byIndex = (a: { readonly entry: BundleEntry }, b: { readonly entry: BundleEntry }) => a.entry.index - b.entry.index;
  const pieces = bundlePieces({
    checkpoint: bundle.checkpoint,
    vkeys: bundle.vkeys,
    witnesses: bundle.witnesses,
    reports: [...bundle.reports].sort(byIndex).map(({ entry, report, nonce, collateral }) => () => ({
      entry,
      text: canonicalJson(report),
      nonce,
      collateral,
    })),
    receipts: [...bundle.receipts].sort(byIndex).map(({ entry, receipt }) => () => ({ entry, text: canonicalJson(receipt) })),
    successions: [...bundle.successions].sort(byIndex).map((succession) => () => succession),
    payloads: [...bundle.payloads]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([hash, bytes]) => ({ hash, length: bytes.length, pieces: () => [bytes] })),
  });
  return joinBytes([...pieces]);
}

/** A file, or a member of another file, which `parseJson` read: it has no bytes of its own whose form could differ. */
export type BundleSource = Uint8Array | JsonObject;

/**
 * Reads a bundle, strictly: canonical form, no unknown member, sorted lists. Nothing is authenticated.
 * @throws {ReceiptError} `bundle/malformed`, `bundle/not-canonical`, `bundle/entry-order`, and those of the parts.
 * @example const bundle = parseBundle(bytes)
 */
export function parseBundle(source: BundleSource): Bundle {
  const document = source instanceof Uint8Array ? parseCanonical(source) : source;
  const format = new Shape(document, 'bundle', 'bundle/malformed', { required: ['format'], open: true }).string('format');
  if (format !== BUNDLE_FORMAT)
    throw new ReceiptError('bundle/malformed', `bundle refused: ${foreignVersion(`format ${BUNDLE_FORMAT}`, format)}`);
  const shape = new Shape(document, 'bundle', 'bundle/malformed', {
    required: ['format', 'checkpoint', 'vkeys', 'witnesses', 'reports', 'receipts', 'payloads'],
    optional: ['successions'],
  });
  const reports = shape.array('reports').map(parseBundleReport);
  const receipts = shape.array('receipts').map((value): BundleReceipt => {
    const item = new Shape(value, 'bundle.receipts', 'bundle/malformed', { required: ['entry', 'receipt'] });
    return { entry: parseEntry(item.object('entry')), receipt: parseReceipt(item.object('receipt')) };
  });
  if (receipts.length === 0) throw new ReceiptError('bundle/malformed', 'bundle refused: expected at least one receipt');
  const successions = Object.hasOwn(document as JsonObject, 'successions') ? parseSuccessions(shape) : [];
  for (const list of [reports, receipts, successions])
    list.forEach(({ entry }, i) => {
      const before = list[i - 1];
      if (before !== undefined && before.entry.index >= entry.index)
        throw new ReceiptError(
          'bundle/entry-order',
          'bundle refused: expected reports, receipts and successions sorted by index, none twice',
        );
    });
  return {
    checkpoint: shape.string('checkpoint'),
    vkeys: texts(shape, 'vkeys'),
    witnesses: texts(shape, 'witnesses'),
    reports,
    receipts,
    successions,
    payloads: parsePayloads(shape),
  };
}

function parseCanonical(bytes: Uint8Array): unknown {
  let text: string;
  let document: unknown;
  try {
    text = decodeUtf8(bytes);
    document = parseJson(text, { maxBytes: MAX_BUNDLE_BYTES });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message.split('; ')[0] : '';
    throw new ReceiptError(
      'bundle/malformed',
      `bundle refused: expected the JSON of a bundle, got other bytes (${why}); export the bundle again`,
      {
        cause,
      },
    );
  }
  if (canonicalJson(document) !== text)
    throw new ReceiptError(
      'bundle/not-canonical',
      'bundle refused: expected canonical json (RFC 8785); keep the file as it was exported',
    );
  return document;
}

function parseBundleReport(value: unknown): BundleReport {
  const item = new Shape(value, 'bundle.reports', 'bundle/malformed', { required: ['entry', 'report', 'nonce', 'collateral'] });
  const nonce = item.stringOrNull('nonce');
  if (nonce !== null && !isNonce(nonce))
    throw new ReceiptError('bundle/malformed', 'bundle refused: expected a nonce of 64 hex characters');
  const collateral = item.array('collateral').map((file): CollateralFile => {
    const shape = new Shape(file, 'bundle.reports.collateral', 'bundle/malformed', {
      required: ['name', 'media_type', 'bytes'],
    });
    return { name: shape.string('name'), mediaType: shape.string('media_type'), bytes: bytesOf(shape) };
  });
  return { entry: parseEntry(item.object('entry')), report: item.object('report'), nonce, collateral };
}

function parseEntry(value: JsonObject): BundleEntry {
  const shape = new Shape(value, 'bundle entry', 'bundle/malformed', { required: ['index', 'leaf', 'salt', 'path'] });
  const path = texts(shape, 'path');
  if (path.length > MAX_PATH || path.some((hash) => !/^[0-9a-f]{64}$/.test(hash)))
    throw new ReceiptError('bundle/malformed', 'bundle refused: expected a path of at most 63 hashes in hex');
  return {
    index: shape.count('index'),
    leaf: parseLeaf(shape.object('leaf')),
    salt: shape.matching('salt', /^[0-9a-f]{64}$/, '64 hex characters'),
    path: path.map((hash) => decodeHex(hash)),
  };
}

function parseSuccessions(bundle: Shape): readonly BundleSuccession[] {
  const list = bundle.array('successions');
  if (list.length === 0) throw new ReceiptError('bundle/malformed', 'bundle refused: expected no empty list of successions');
  return list.map((value) => {
    const item = new Shape(value, 'bundle.successions', 'bundle/malformed', { required: ['entry', 'successor'] });
    const successor = item.string('successor');
    if (!isDigest(successor))
      throw new ReceiptError('bundle/malformed', 'bundle refused: expected successors named by sha256:<64 hex>');
    return { entry: parseEntry(item.object('entry')), successor };
  });
}

function parsePayloads(bundle: Shape): ReadonlyMap<Digest, Uint8Array> {
  const payloads = new Map<Digest, Uint8Array>();
  let before = '';
  for (const value of bundle.array('payloads')) {
    const shape = new Shape(value, 'bundle.payloads', 'bundle/malformed', { required: ['hash', 'bytes'] });
    const hash = shape.string('hash');
    if (!isDigest(hash))
      throw new ReceiptError('bundle/malformed', 'bundle refused: expected payloads named by sha256:<64 hex>');
    if (compareBytes(utf8(before), utf8(hash)) >= 0)
      throw new ReceiptError('bundle/entry-order', 'bundle refused: expected payloads sorted by hash, none twice');
    before = hash;
    payloads.set(hash, bytesOf(shape));
  }
  return payloads;
}

function bytesOf(shape: Shape): Uint8Array {
  try {
    return decodeBase64(shape.string('bytes'));
  } catch (cause) {
    throw ReceiptError.is(cause)
      ? cause
      : new ReceiptError('bundle/malformed', 'bundle refused: expected standard base64 in bytes', { cause });
  }
}

function texts(shape: Shape, name: string): readonly string[] {
  return shape.array(name).map((value) => {
    if (typeof value !== 'string') throw new ReceiptError('bundle/malformed', `bundle refused: expected texts in ${name}`);
    return value;
  });
}

/**
 * The bundle without the payloads that `keep` turns down (default: all); it still verifies.
 * @example const shareable = redactBundle(bytes)
 */
export function redactBundle(bytes: Uint8Array, keep: (hash: Digest) => boolean = () => false): Uint8Array {
  const bundle = parseBundle(bytes);
  return encodeBundle({ ...bundle, payloads: new Map([...bundle.payloads].filter(([hash]) => keep(hash))) });
}

/**
 * The log proof of one receipt in the bundle, as `/v1/aci/receipts/{id}` gives it.
 * @throws {ReceiptError} `bundle/unknown-receipt`.
 * @example const { index, proof } = bundleLogProof(parseBundle(bytes), receiptId)
 */
export function bundleLogProof(bundle: Bundle, receiptId: string): LogProof {
  const item = bundle.receipts.find(({ receipt }) => receipt.receipt_id === receiptId);
  if (item === undefined)
    throw new ReceiptError('bundle/unknown-receipt', `expected a receipt in the bundle, got ${receiptId}`);
  const { index, path, salt, leaf } = item.entry;
  return {
    index,
    salt,
    leaf: decodeUtf8(encodeLeaf(leaf)),
    proof: formatInclusion({ index, path, checkpoint: bundle.checkpoint }),
  };
}
