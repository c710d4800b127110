/** Batches of leaves: every leaf is checked alone, and nothing but its own place in its own batch is good. */

import { decodeUtf8, utf8 } from '@assay/encoding/bytes';
import { encodeHex } from '@assay/encoding/hex';
import { expectCode } from '@assay/testing';
import { ed25519 } from '@noble/curves/ed25519.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { digestBytes } from './digest.ts';
import { type Keyset, keyId, keysetDigest, LEAF_ALGORITHM } from './keyset.ts';
import {
  assertLeafFits,
  commitment,
  contentText,
  encodeLeaf,
  type Leaf,
  type LeafContent,
  leafDigest,
  parseLeafText,
  signedText,
  verifyLeaf,
} from './leaf.ts';
import { BATCH, batchInput, batchOf, MAX_BATCH } from './leaf-batch.ts';
import { hashLeaf, hashNode, splitPoint, verifyInclusion } from './merkle.ts';
import { inclusionPath } from './tiles.ts';

const SECRET = new Uint8Array(32).fill(7);
const PUBLIC = ed25519.getPublicKey(SECRET);
const KEY_ID = keyId('leaf', PUBLIC);
const LOG_KEYS = digestBytes(utf8('log keys'));
const SALT = new Uint8Array(32).fill(9);
const KEYSET = {
  receipt_signing_keys: [{ key_id: KEY_ID, algo: LEAF_ALGORITHM, public_key: encodeHex(PUBLIC) }],
} as unknown as Keyset;

const body = (n: number) => utf8(`receipt ${n}`);

function contents(count: number): readonly LeafContent[] {
  const out: LeafContent[] = [];
  for (let seq = 1; seq <= count; seq++) {
    const before = out.at(-1);
    out.push({
      v: 'assay-leaf/2',
      kind: 'receipt',
      origin: 'log.example/"test"',
      log_keys: LOG_KEYS,
      replica: '0'.repeat(16),
      boot: '1'.repeat(32),
      seq,
      prev: before === undefined ? '2'.repeat(64) : encodeHex(leafDigest(before)),
      time: 1_795_219_200_000 + seq,
      nonce: null,
      keyset_digest: keysetDigest(KEYSET),
      commitment: commitment(SALT, body(seq)),
      key_id: KEY_ID,
    });
  }
  return out;
}

function sealed(count: number): readonly Leaf[] {
  const all = contents(count);
  const { signingInput, places } = batchOf(all.map((content) => encodeHex(leafDigest(content))));
  const signature = encodeHex(ed25519.sign(signingInput, SECRET));
  return all.map((content, index) => ({ ...content, batch: places[index] as string, signature }));
}

function verify(leaf: Leaf): Promise<void> {
  const under = { keyset: KEYSET, origin: leaf.origin, logKeys: LOG_KEYS, kind: 'receipt' as const };
  return verifyLeaf(leaf, { ...under, salt: encodeHex(SALT), body: body(leaf.seq) });
}

describe('a batch', () => {
  test.each([1, 2, 3, 4, 5, 7, 8, 13, 32, 33])('of %i: each leaf verifies alone, and its text is canonical', async (size) => {
    for (const leaf of sealed(size)) {
      await verify(leaf);
      const text = decodeUtf8(encodeLeaf(leaf));
      expect(parseLeafText(text)).toEqual(leaf);
      expect(signedText(contentText(leaf), leaf)).toBe(text);
    }
  });

  test('has the root and the paths of RFC 6962', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 300 }), (size) => {
        const digests = Array.from({ length: size }, (_, n) => hashLeaf(utf8(String(n))));
        const range = (from: number, to: number): Uint8Array => {
          if (to - from === 1) return digests[from] as Uint8Array;
          const middle = from + splitPoint(to - from);
          return hashNode(range(from, middle), range(middle, to));
        };
        const { places } = batchOf(digests.map(encodeHex));
        const root = range(0, size);
        for (const index of new Set([0, size >> 1, size - 1])) {
          const path = inclusionPath(range, index, size);
          expect(places[index]).toBe([`${index}/${size}`, ...path.map(encodeHex)].join(' '));
          verifyInclusion({ index, size, leafHash: digests[index] as Uint8Array, path, root });
        }
      }),
      { numRuns: 40 },
    );
  });

  test('of the largest size has places of the form that is read', () => {
    const digests = Array.from({ length: MAX_BATCH }, (_, n) => hashLeaf(utf8(String(n))));
    const { places } = batchOf(digests.map(encodeHex));
    expect(places.filter((place) => !BATCH.test(place))).toEqual([]);
    expect(batchInput(places[MAX_BATCH - 1] as string, digests[MAX_BATCH - 1] as Uint8Array)).not.toBeNull();
  });
});

test('a leaf of more bytes than an entry has does not fit', async () => {
  const [leaf] = sealed(1) as [Leaf];
  const text = decodeUtf8(encodeLeaf(leaf));
  assertLeafFits(text);
  assertLeafFits('x'.repeat(65_535));
  const long = { ...leaf, origin: 'ä'.repeat(32_768) };
  await expectCode(() => encodeLeaf(long), 'leaf/too-large');
  await expectCode(() => assertLeafFits('ä'.repeat(32_768)), 'leaf/too-large');
});

describe('refused', () => {
  const [first, second, third] = sealed(3) as [Leaf, Leaf, Leaf];
  const other = sealed(2)[0] as Leaf;
  test.each<[string, Leaf]>([
    ['the place of another leaf', { ...first, batch: second.batch }],
    ['another index', { ...first, batch: first.batch.replace(/^0/, '1') }],
    ['another size', { ...first, batch: first.batch.replace('/3', '/4') }],
    ['an index that is not below the size', { ...third, batch: third.batch.replace(/^2/, '3') }],
    ['no path', { ...first, batch: '0/3' }],
    ['a path that is too short', { ...first, batch: first.batch.split(' ').slice(0, -1).join(' ') }],
    ['a path of more hashes than any batch has', { ...first, batch: `0/3${` ${'00'.repeat(32)}`.repeat(13)}` }],
    ['a path that is too long', { ...first, batch: `${first.batch} ${'00'.repeat(32)}` }],
    ['a batch of one that was signed in three', { ...first, batch: '0/1' }],
    ['a size beyond any batch', { ...first, batch: '0/9999' }],
    ['the signature of another batch', { ...first, signature: other.signature }],
    ['a changed time', { ...first, time: first.time + 1 }],
    ['a changed link', { ...second, prev: '3'.repeat(64) }],
  ])('%s', async (_, leaf) => {
    await expectCode(verify(leaf), 'leaf/signature-invalid');
  });

  test('every flipped bit of a leaf', async () => {
    const text = decodeUtf8(encodeLeaf(second));
    const bytes = utf8(text);
    const accepted: number[] = [];
    for (let bit = 0; bit < bytes.length * 8; bit += 3) {
      const changed = bytes.slice();
      changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7));
      const good = await Promise.resolve()
        .then(() => verify(parseLeafText(decodeUtf8(changed))))
        .then(
          () => true,
          () => false,
        );
      if (good) accepted.push(bit);
    }
    expect(accepted).toEqual([]);
  }, 60_000);
});

test.each([
  ['a path that is too short', '0/2'],
  ['a path that is too long', `0/1 ${'ab'.repeat(32)}`],
  ['a place behind the end', '2/2'],
])('nothing can be signed for %s', (_, batch) => {
  expect(batchInput(batch, new Uint8Array(32))).toBeNull();
});
