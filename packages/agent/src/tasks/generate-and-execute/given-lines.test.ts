import { expect, test } from 'vitest';
import { givenLines } from './given-lines.ts';

test.each<[string, string, 'python' | 'javascript', string | null]>([
  ['a list', '{"prices":[19.99,5.01,25]}', 'javascript', 'const prices = [19.99,5.01,25];\n'],
  ['the same, with spaces', '{ "prices": [19.99, 5.01,\n 25] }', 'python', 'prices = [19.99, 5.01, 25]\n'],
  [
    'values that Python writes in another way',
    '{"a":true,"b":null,"c":{"d":false}}',
    'python',
    'a = True\nb = None\nc = {"d": False}\n',
  ],
  ['texts with quotes, line ends and spaces', '{"a":"x \\"y\\"\\n z"}', 'python', 'a = "x \\"y\\"\\n z"\n'],
  ['a name that is no name', '{"unit price":1}', 'python', null],
  ['a name that programs need', '{"list":[1]}', 'python', null],
  ['a keyword of the other language', '{"function":"f"}', 'python', null],
  ['digits that would be lost', '{"id":12345678901234567890}', 'python', null],
  ['a number with a zero at its end', '{"price":1.50}', 'python', null],
  ['more than a prompt needs', `{"text":"${'x'.repeat(2000)}"}`, 'python', null],
  ['nothing', '{}', 'python', null],
])('%s', (_, context, language, lines) => {
  expect(givenLines(context, language)).toBe(lines);
});

test('no context has none', () => {
  expect(givenLines(null, 'python')).toBeNull();
});
