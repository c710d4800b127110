import { utf8 } from '@assay/encoding/bytes';
import { expect, test } from 'vitest';
import { shapeOf } from './data-shape.ts';

test.each<[string, string, string, string]>([
  ['a table', '/tmp/a.csv', 'x,y\n1,2\n', 'CSV; its first line names the columns "x,y", the next line is "1,2"'],
  [
    'a table with another separator',
    '/tmp/a.tsv',
    'x\ty\r\n1\t2\r\n',
    'CSV; its first line names the columns "x\\ty", the next line is "1\\t2"',
  ],
  ['a table without names', '/tmp/a.csv', '1,2\n3,4\n', 'begins with the data "1,2\\n3,4\\n"'],
  ['one line', '/tmp/a.csv', 'x,y\n', 'begins with the data "x,y\\n"'],
  ['a list of objects', '/tmp/a.json', '[{"a":1},{"a":2}]', 'JSON; a list of 2 objects like {"a":1}'],
  ['a small object', '/tmp/a.JSON', '{"a":[1]}', 'JSON; {"a":[1]}'],
  ['broken JSON', '/tmp/a.json', '{"a":', 'begins with the data "{\\"a\\":"'],
  [
    'long objects',
    '/tmp/a.json',
    `[{"a":"${'x'.repeat(300)}"}]`,
    `begins with the data ${JSON.stringify(`[{"a":"${'x'.repeat(153)}`)}`,
  ],
  ['a text', '/tmp/a.log', 'one\ntwo\n', 'begins with the data "one\\ntwo\\n"'],
])('%s', (_, path, text, expected) => {
  expect(shapeOf(path, utf8(text))).toBe(expected);
});

test('what is no text has none', () => {
  expect(shapeOf('/tmp/a.csv', new Uint8Array([0, 1, 2]))).toBeNull();
});
