/** W3C XML Signature over a manifest: every one-bit flip of what is signed is refused. */

import { decodeUtf8 } from '@assay/encoding/bytes';
import { FAKE_NOW, fakeManifest } from '@assay/testing';
import { expect, test } from 'vitest';
import { parseRim } from '../../evidence/nvidia/rim.ts';
import { verifyRim } from './rim.ts';

test('every one-bit flip of a manifest outside its certificates is refused', async () => {
  const { xml, anchor } = await fakeManifest();
  const end = decodeUtf8(xml).indexOf('<ds:KeyInfo>');
  const accepted: number[] = [];
  for (let bit = 0; bit < end * 8; bit++) {
    const file = xml.slice();
    file[bit >> 3] = (file[bit >> 3] as number) ^ (1 << (bit & 7));
    try {
      await verifyRim(parseRim(file), { now: FAKE_NOW, trust: { roots: [anchor] } });
      accepted.push(bit);
    } catch (error) {
      expect(error).toHaveProperty('code');
    }
  }
  expect(accepted).toEqual([]);
}, 120_000);
