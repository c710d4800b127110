// The runtime's hashes against those of the receipt package, which are over bytes.

import { encodeBase64 } from '@assay/encoding/base64';
import { utf8 } from '@assay/encoding/bytes';
import { encodeHex } from '@assay/encoding/hex';
import { commitment, hashLeaf, hashNode } from '@assay/receipt';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { commitmentOf, entryHash, nodeHash } from './native-hash.ts';

const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 });
const text = fc.string({ unit: 'grapheme', maxLength: 300 });

test('nodes, entries and commitments are those of the receipt package', () => {
  fc.assert(
    fc.property(bytes32, bytes32, text, (left, right, body) => {
      const node = hashNode(left, right);
      expect(nodeHash(encodeHex(left), encodeHex(right), 'hex')).toBe(encodeHex(node));
      expect(nodeHash(encodeBase64(left), encodeBase64(right), 'base64')).toBe(encodeBase64(node));
      expect(entryHash(body, 'hex')).toBe(encodeHex(hashLeaf(utf8(body))));
      expect(entryHash(body, 'base64')).toBe(encodeBase64(hashLeaf(utf8(body))));
      expect(commitmentOf(left, body)).toBe(commitment(left, utf8(body)));
    }),
  );
});

test('a long body is committed to as a whole, and leaves nothing for the next one', () => {
  const salt = new Uint8Array(32).fill(3);
  for (const body of ['é'.repeat(20_000), '', 'x'.repeat(100_000), 'short'])
    expect(commitmentOf(salt, body)).toBe(commitment(salt, utf8(body)));
});
