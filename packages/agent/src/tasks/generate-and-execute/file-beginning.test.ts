import { utf8 } from '@assay/encoding/bytes';
import { expect, test } from 'vitest';
import { beginningOf } from './file-beginning.ts';

test.each<[string, Uint8Array, string | null]>([
  ['a short text', utf8('a,b\n1,2\n'), 'a,b\n1,2\n'],
  ['the first lines of a long one', utf8(`a,b\n${'1,2\n'.repeat(1000)}`), `a,b\n${'1,2\n'.repeat(39)}`],
  ['a long line, cut', utf8('x'.repeat(1000)), 'x'.repeat(160)],
  ['letters of several bytes', utf8('é'.repeat(1000)), 'é'.repeat(160)],
  ['nothing', new Uint8Array(0), null],
  ['a picture', Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10), null],
  ['bytes that are no UTF-8', Uint8Array.of(65, 0xff, 66), null],
  ['an escape sequence of terminals', utf8('a\u001b[31mb'), null],
])('%s', (_, bytes, begins) => {
  expect(beginningOf(bytes)).toBe(begins);
});
