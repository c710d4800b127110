/** Previews draw pictures by their bytes, tables and texts by their content, and nothing that could run. */

import { expect, test } from 'vitest';
import { previewOf } from './file-preview.ts';
import { fileNameOf, printable, sizeOf } from './text-safety.ts';

const bytes = (...values: readonly number[]): Uint8Array => new Uint8Array(values);
const text = (content: string): Uint8Array => new TextEncoder().encode(content);
const PNG = bytes(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0);

test.each<readonly [string, string, Uint8Array, object]>([
  ['a picture', 'a.png', PNG, { kind: 'picture', type: 'image/png' }],
  ['a picture under another name', 'a.txt', PNG, { kind: 'picture', type: 'image/png' }],
  ['a JPEG', 'a', bytes(0xff, 0xd8, 0xff, 0xe0), { kind: 'picture', type: 'image/jpeg' }],
  ['a WebP', 'a', text('RIFF....WEBPVP8 '), { kind: 'picture', type: 'image/webp' }],
  ['a RIFF that is none', 'a.webp', text('RIFF....WAVEfmt '), { kind: 'text' }],
  ['an SVG', 'a.svg', text('<svg onload="x()"/>'), { kind: 'text', text: '<svg onload="x()"/>' }],
  ['a page', 'a.html', text('<script>x()</script>'), { kind: 'text' }],
  ['bytes', 'a.bin', bytes(1, 0, 2), { kind: 'none' }],
  ['bytes that are no UTF-8', 'a.txt', bytes(0xff, 0xfe, 0x41), { kind: 'none' }],
  ['nothing', 'a.txt', bytes(), { kind: 'none' }],
  ['a table', 'a.csv', text('a,b\n1,"x, y"\n'), { kind: 'table', head: ['a', 'b'], rows: [['1', 'x, y']], cut: false }],
  ['a table with semicolons', 'a.csv', text('a;b\n1;2\n'), { kind: 'table', head: ['a', 'b'], rows: [['1', '2']] }],
  ['a table with tabs', 'a.tsv', text('a\tb\n1,5\t2\n'), { kind: 'table', rows: [['1,5', '2']] }],
  [
    'rows of other lengths',
    'a.csv',
    text('a,b\n1\n1,2,3\n'),
    {
      kind: 'table',
      rows: [
        ['1', ''],
        ['1', '2'],
      ],
    },
  ],
  ['one column', 'a.csv', text('a\nb\n'), { kind: 'text' }],
  [
    'records',
    'a.json',
    text('[{"a":1},{"b":[2]}]'),
    {
      kind: 'table',
      head: ['a', 'b'],
      rows: [
        ['1', ''],
        ['', '[2]'],
      ],
    },
  ],
  ['other JSON', 'a.json', text('{"a":1}'), { kind: 'text', language: 'json' }],
  ['broken JSON', 'a.json', text('[{'), { kind: 'text' }],
])('%s', async (_, path, content, preview) => {
  expect(await previewOf(path, content)).toMatchObject(preview);
});

test('previews are bounded', async () => {
  const wide = Array.from({ length: 100 }, (_, at) => `c${at}`).join(',');
  const table = await previewOf('a.csv', text(`${wide}\n`.repeat(2000)));
  expect(table).toMatchObject({ kind: 'table', cut: true });
  expect(table.kind === 'table' && [table.head.length, table.rows.length]).toEqual([20, 50]);
  const long = await previewOf('a.txt', text('é'.repeat(10_000_000)));
  expect(long).toMatchObject({ kind: 'text', cut: true });
  expect(long.kind === 'text' && long.text.length).toBeLessThanOrEqual(20_000);
  expect((await previewOf('a.csv', text(`a,b\n${'x'.repeat(10_000)},1\n`))).kind).toBe('table');
});

test.each([
  ['a\u202Egnp.exe', 'a\uFFFDgnp.exe'],
  ['a\nb\u0007', 'a\uFFFDb\uFFFD'],
  ['données 表.csv', 'données 表.csv'],
])('%j prints as %j', (name, printed) => {
  expect(printable(name)).toBe(printed);
});

test.each([
  ['/tmp/a/b.csv', 'b.csv'],
  ['/tmp/<img src=x>.svg', '_img src=x_.svg'],
  ['/tmp/..', 'file'],
  ['/', 'file'],
])('%j is saved as %j', (path, name) => {
  expect(fileNameOf(path)).toBe(name);
});

test.each([
  [0, '0 bytes'],
  [1, '1 byte'],
  [999, '999 bytes'],
  [1500, '1.5 kB'],
  [491_400_064, '491 MB'],
])('%d bytes are %s', (size, words) => {
  expect(sizeOf(size)).toBe(words);
});
