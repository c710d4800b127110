/** The manifest and the policies that docs/operator.md shows are what the readers take. */

import { readFileSync } from 'node:fs';
import { utf8 } from '@assay/encoding/bytes';
import { parseManifest, parseSigningPolicy } from '@assay/operator';
import { expect, test } from 'vitest';

const PAGE = readFileSync(new URL('../../docs/operator.md', import.meta.url), 'utf8');
const BLOCKS = [...PAGE.matchAll(/```json\n([\s\S]*?)```/g)].map(([, text = '']) => text);

test('one manifest, three policies', () => {
  expect(parseManifest(utf8(BLOCKS[0] ?? '')).name).toBe('my-agent');
  expect(BLOCKS.slice(1).map((text) => parseSigningPolicy(text).rules.map(({ id }) => id))).toEqual([
    ['tips'],
    ['no-tools', 'payroll'],
    ['vote'],
  ]);
});
