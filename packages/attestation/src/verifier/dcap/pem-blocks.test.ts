/** Blocks end where certificates end, and together are the whole text. */

import { decodeUtf8, utf8 } from '@assay/encoding/bytes';
import { expect, test } from 'vitest';
import { pemBlocks } from './pem-blocks.ts';

const [A, B] = ['A', 'B'].map((name) => `-----BEGIN CERTIFICATE-----\n${name}\n-----END CERTIFICATE-----`) as [string, string];

test.each<[string, readonly string[]]>([
  [A, [A]],
  [`${A}\n${B}`, [A, `\n${B}`]],
  [`${A}\n${B}\n\0`, [A, `\n${B}\n\0`]],
  ['no certificate', ['no certificate']],
  ['', ['']],
])('%j', (text, blocks) => {
  expect(pemBlocks(utf8(text)).map(decodeUtf8)).toEqual(blocks);
});
