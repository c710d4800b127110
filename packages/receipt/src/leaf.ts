/**
 * Leaves: the entries of the log. A leaf commits to a receipt, to an attestation report or to the keyset that follows, stands in the
 * hash chain of its boot, and is signed by the leaf key of a keyset of that boot. Format: spec/log.md §2 and §3.
 */

import { concatBytes, utf8 } from '@assay/encoding/bytes';
import { decodeHex, encodeHex } from '@assay/encoding/hex';
import { canonicalJson, parseJson } from '@assay/encoding/json';
import { sha256Hex } from '@assay/encoding/sha256';
import { type Digest, digestBytes, isDigest } from './digest.ts';
import { verifyEd25519 } from './ed25519.ts';
import { ReceiptError } from './errors.ts';
import { type Keyset, keysetDigest, LEAF_ALGORITHM, signingKey } from './keyset.ts';
import { BATCH, batchInput } from './leaf-batch.ts';
import { hashLeaf } from './merkle.ts';
import { Shape } from './shape.ts';
import { SUCCESSION_SALT, successionBody } from './succession.ts';

export type LeafKind = 'report' | 'receipt' | 'succession';

/** A leaf before it is signed. Hashes are 64 lower-case hex characters. */
export interface LeafContent {
  readonly v: 'assay-leaf/2';
  readonly kind: LeafKind;
  readonly origin: string;
  readonly log_keys: Digest;
  readonly replica: string;
  readonly boot: string;
  /** Counts the leaves of the boot from 0. */
  readonly seq: number;
  /** {@link leafDigest} of the leaf before; `null` for the first. */
  readonly prev: string | null;
  /** Epoch milliseconds. */
  readonly time: number;
  readonly nonce: string | null;
  readonly keyset_digest: Digest;
  readonly commitment: string;
  readonly key_id: string;
}

export interface Leaf extends LeafContent {
  /** The leaf's place among those that were signed together: `index/size` and the path to their root (leaf-batch.ts). */
  readonly batch: string;
  /** Of the batch. */
  readonly signature: string;
}

/** Largest entry that a tile bundle can hold. */
export const MAX_LEAF_BYTES = 65_535;

const MEMBERS = [
  'batch',
  'v',
  'kind',
  'origin',
  'log_keys',
  'replica',
  'boot',
  'seq',
  'prev',
  'time',
  'nonce',
  'keyset_digest',
  'commitment',
  'key_id',
  'signature',
];
const CONTENT_PREFIX = 'assay-leaf/2\n';
const COMMITMENT_PREFIX = utf8('assay-commitment/1\n');
const HEX32 = /^[0-9a-f]{32}$/;
const HEX64 = /^[0-9a-f]{64}$/;

/**
 * The entry's bytes: UTF-8 of the leaf's JCS form.
 * @throws {ReceiptError} `leaf/too-large`.
 * @example hashLeaf(encodeLeaf(leaf)) // its place in the tree is of this hash
 */
export function encodeLeaf(leaf: Leaf): Uint8Array {
  const bytes = utf8(leafText(leaf));
  if (bytes.length > MAX_LEAF_BYTES) throw tooLarge(bytes.length);
  return bytes;
}

/**
 * That a leaf's text fits into an entry; texts that certainly do are not encoded for it.
 * @throws {ReceiptError} `leaf/too-large`.
 * @example assertLeafFits(signedText(contentText(leaf), leaf))
 */
export function assertLeafFits(text: string): void {
  if (text.length * 3 <= MAX_LEAF_BYTES) return;
  const { length } = utf8(text);
  if (length > MAX_LEAF_BYTES) throw tooLarge(length);
}

function tooLarge(length: number): ReceiptError {
  return new ReceiptError('leaf/too-large', `expected a leaf of at most ${MAX_LEAF_BYTES} bytes, got ${length}`);
}

/**
 * The leaf in a JSON value, exactly of its shape.
 * @throws {ReceiptError} `leaf/malformed`.
 * @example const leaf = parseLeaf(parseJson(entry))
 */
export function parseLeaf(value: unknown): Leaf {
  const shape = new Shape(value, 'leaf', 'leaf/malformed', { required: MEMBERS });
  const malformed = (why: string) => new ReceiptError('leaf/malformed', `leaf refused: ${why}`);
  if (shape.string('v') !== 'assay-leaf/2') throw malformed('expected version assay-leaf/2');
  const kind = shape.string('kind');
  if (kind !== 'report' && kind !== 'receipt' && kind !== 'succession')
    throw malformed('expected kind report, receipt or succession');
  shape.matching('replica', /^[0-9a-f]{16}$/, '16 hex characters');
  shape.matching('boot', HEX32, '32 hex characters');
  shape.matching('commitment', HEX64, '64 hex characters');
  shape.matching('signature', /^[0-9a-f]{128}$/, '128 hex characters');
  shape.matching('batch', BATCH, 'a place and a path like 2/3 <64 hex>');
  if (!isDigest(shape.string('log_keys')) || !isDigest(shape.string('keyset_digest')))
    throw malformed('expected digests like sha256:<64 hex>');
  if (shape.string('origin') === '' || shape.string('key_id') === '') throw malformed('expected an origin and a key id');
  shape.count('time');
  for (const name of ['prev', 'nonce'])
    if (shape.stringOrNull(name) !== null) shape.matching(name, HEX64, '64 hex characters or null');
  if (kind !== 'receipt' && shape.stringOrNull('nonce') !== null) throw malformed(`expected no nonce in kind ${kind}`);
  const first = shape.count('seq') === 0;
  if (first !== (shape.stringOrNull('prev') === null))
    throw malformed('expected prev to be null in the first leaf of a boot, and only there');
  if (first && kind !== 'report') throw malformed('expected the first leaf of a boot to be of kind report');
  return value as Leaf;
}

/**
 * The leaf in an entry's text, which must be its JCS form to the byte.
 * @throws {ReceiptError} `leaf/malformed`.
 * @example const leaf = parseLeafText(proof.leaf)
 */
export function parseLeafText(text: string): Leaf {
  let value: unknown;
  try {
    value = parseJson(text, { maxBytes: MAX_LEAF_BYTES, maxDepth: 4 });
  } catch (cause) {
    throw new ReceiptError('leaf/malformed', 'leaf refused: expected json', { cause });
  }
  const leaf = parseLeaf(value);
  if (leafText(leaf) !== text) throw new ReceiptError('leaf/malformed', 'leaf refused: expected canonical json (RFC 8785)');
  return leaf;
}

/** The bytes that stand for a leaf's content: everything but `batch` and `signature`. */
export function leafContent(leaf: LeafContent): Uint8Array {
  return utf8(taggedContent(contentText(leaf)));
}

/**
 * {@link contentText} after the tag that keeps its hash apart from those of entries.
 * @example taggedContent(contentText(leaf))
 */
export function taggedContent(text: string): string {
  return `${CONTENT_PREFIX}${text}`;
}

/**
 * The hash of a leaf's content: the next leaf's `prev`, and what batches are made of; 32 bytes.
 * @example encodeHex(leafDigest(leaf)) // the next leaf's prev
 */
export function leafDigest(leaf: LeafContent): Uint8Array {
  return hashLeaf(leafContent(leaf));
}

/**
 * The JCS form of the content, written out: names in order, and only key id and origin can need escapes.
 * @example contentText(leaf) === canonicalJson(leaf)
 */
export function contentText(leaf: LeafContent): string {
  const text = (value: string | null) => (value === null ? 'null' : `"${value}"`);
  return (
    `{"boot":"${leaf.boot}","commitment":"${leaf.commitment}","key_id":${canonicalJson(leaf.key_id)},` +
    `"keyset_digest":"${leaf.keyset_digest}","kind":"${leaf.kind}","log_keys":"${leaf.log_keys}","nonce":${text(leaf.nonce)},` +
    `"origin":${canonicalJson(leaf.origin)},"prev":${text(leaf.prev)},"replica":"${leaf.replica}","seq":${leaf.seq},` +
    `"time":${leaf.time},"v":"${leaf.v}"}`
  );
}

/** The JCS form of a leaf of {@link parseLeaf}'s shape. */
export function leafText(leaf: Leaf): string {
  return signedText(contentText(leaf), leaf);
}

/**
 * The JCS form of the leaf from that of its content.
 * @example const text = signedText(contentText(leaf), leaf)
 */
export function signedText(content: string, { batch, signature }: Pick<Leaf, 'batch' | 'signature'>): string {
  const at = content.lastIndexOf(',"time":');
  return `{"batch":"${batch}",${content.slice(1, at)},"signature":"${signature}"${content.slice(at)}`;
}

/**
 * `hex(SHA-256("assay-commitment/1\n" || salt || body))`; `salt` is 32 random bytes.
 * @example commitment(crypto.getRandomValues(new Uint8Array(32)), body)
 */
export function commitment(salt: Uint8Array, body: Uint8Array): string {
  return sha256Hex(concatBytes(COMMITMENT_PREFIX, salt, body));
}

/**
 * Digest of the log's verifier keys: each vkey and a newline, in order.
 * @example logKeysDigest(vkeys) // sha256:…
 */
export function logKeysDigest(vkeys: readonly string[]): Digest {
  return digestBytes(utf8(vkeys.map((vkey) => `${vkey}\n`).join('')));
}

/**
 * Proves that a key of `keyset` signed the leaf, for this log, and that its commitment opens to `body`.
 * @throws {ReceiptError} `leaf/keyset-mismatch`, `leaf/log-mismatch`, `leaf/commitment-mismatch`, `leaf/signature-invalid`, `keyset/key-missing`.
 * @example await verifyLeaf(leaf, { keyset, origin, logKeys: logKeysDigest(vkeys), kind: 'receipt', salt, body })
 */
export async function verifyLeaf(
  leaf: Leaf,
  under: {
    readonly keyset: Keyset;
    readonly origin: string;
    readonly logKeys: Digest;
    readonly kind: LeafKind;
    /** Lower-case hex, 32 bytes. */
    readonly salt: string;
    readonly body: Uint8Array;
    /** Verifies signatures of batches; leaves of one batch share theirs. */
    readonly verifySignature?: typeof verifyEd25519 | undefined;
  },
): Promise<void> {
  const { verifySignature = verifyEd25519 } = under;
  if (leaf.keyset_digest !== keysetDigest(under.keyset))
    throw new ReceiptError('leaf/keyset-mismatch', `expected a leaf of the attested keyset, got one of ${leaf.keyset_digest}`);
  if (leaf.kind !== under.kind)
    throw new ReceiptError('leaf/commitment-mismatch', `expected a leaf of kind ${under.kind}, got ${leaf.kind}`);
  if (leaf.origin !== under.origin || leaf.log_keys !== under.logKeys)
    throw new ReceiptError(
      'leaf/log-mismatch',
      `expected a leaf made for the log ${under.origin} and its keys, got another log's`,
    );
  const salt = HEX64.test(under.salt) ? decodeHex(under.salt) : null;
  if (salt === null || leaf.commitment !== commitment(salt, under.body))
    throw new ReceiptError('leaf/commitment-mismatch', `the leaf commits to another ${under.kind}`);
  const key = signingKey(under.keyset, leaf.key_id, LEAF_ALGORITHM);
  const signed = batchInput(leaf.batch, leafDigest(leaf));
  if (signed === null || !(await verifySignature(key, signed, decodeHex(leaf.signature))))
    throw new ReceiptError('leaf/signature-invalid', `the leaf's signature does not verify under ${leaf.key_id}`);
}

interface Chain {
  readonly leaf: Leaf;
  readonly hash: string;
  /** Keysets that were logged by a report and have not named their successor yet. */
  readonly live: ReadonlySet<string>;
  readonly ended: ReadonlySet<string>;
}

/**
 * Checks the hash chains of all boots over a run of entries that begins at the log's first: no gap, no swap, time never back, no keyset
 * before its report or after its succession, and every successor a keyset whose report came before.
 * @throws {ReceiptError} `leaf/chain-broken` with the index of the first bad entry.
 * @example verifyLeafChains(entries.map((entry: Uint8Array) => parseLeafText(decodeUtf8(entry))))
 */
export function verifyLeafChains(leaves: readonly Leaf[]): void {
  const chains = new LeafChains();
  for (const leaf of leaves) chains.follow(leaf);
}

/**
 * As {@link verifyLeafChains}, one leaf at a time: holds the last leaf of each boot.
 * @example for await (const leaf of leaves) chains.follow(leaf)
 */
export class LeafChains {
  readonly #boots = new Map<string, Chain>();
  #index = 0;

  /** Takes the next entry of the log. @throws {ReceiptError} `leaf/chain-broken`. */
  follow(leaf: Leaf): void {
    const index = this.#index;
    this.#index += 1;
    const before = this.#boots.get(leaf.boot);
    const follows =
      before === undefined
        ? leaf.seq === 0
        : leaf.seq === before.leaf.seq + 1 &&
          leaf.prev === before.hash &&
          leaf.time >= before.leaf.time &&
          leaf.replica === before.leaf.replica;
    const keysets = follows ? keysetsAfter(leaf, before) : null;
    if (keysets === null)
      throw new ReceiptError('leaf/chain-broken', `entry ${index} does not follow the last one of boot ${leaf.boot}`, {
        details: { index },
      });
    this.#boots.set(leaf.boot, { leaf, hash: encodeHex(leafDigest(leaf)), ...keysets });
  }
}

/** The keysets of a boot after one more leaf; `null` when that keyset may not sign it. */
function keysetsAfter(leaf: Leaf, before: Chain | undefined): Pick<Chain, 'live' | 'ended'> | null {
  const { live, ended } = before ?? { live: new Set<string>(), ended: new Set<string>() };
  const { keyset_digest: digest } = leaf;
  if (ended.has(digest)) return null;
  if (leaf.kind === 'report') return live.has(digest) ? { live, ended } : { live: new Set([...live, digest]), ended };
  if (!live.has(digest)) return null;
  if (leaf.kind === 'receipt') return { live, ended };
  const salt = decodeHex(SUCCESSION_SALT);
  const others = [...live].filter((other) => other !== digest);
  const named = others.some((other) => commitment(salt, successionBody(other as Digest)) === leaf.commitment);
  return named ? { live: new Set(others), ended: new Set([...ended, digest]) } : null;
}
