/** Python's `str`, held against CPython 3.11. */

import { parseJson } from '@assay/encoding/json';
import { expect, it } from 'vitest';
import { pythonStr } from './python-str.ts';

/** JSON text, and what CPython prints for the value that it reads from it. */
const VECTORS: readonly (readonly [string, string])[] = [
  [
    '{"model": "a", "response": {"content": "it\'s", "tool_calls": null}}',
    "{'model': 'a', 'response': {'content': \"it's\", 'tool_calls': None}}",
  ],
  [
    '["both \' and \\"", "\\\\", "\\t\\n\\r\\u0000\\u007f\\u00a0\\u200b\\u2028\\u00e9\\u6f22\\ud83d\\ude00\\udb40\\udc01", "\'", "\\""]',
    "['both \\' and \"', '\\\\', '\\t\\n\\r\\x00\\x7f\\xa0\\u200b\\u2028\u00e9\u6f22\ud83d\ude00\\U000e0001', \"'\", '\"']",
  ],
  ['1', '1'],
  ['-5', '-5'],
  ['0.5', '0.5'],
  ['1e-07', '1e-07'],
  ['0.0001', '0.0001'],
  ['1.5e+16', '1.5e+16'],
  ['123456.75', '123456.75'],
  ['1e+22', '1e+22'],
  ['true', 'True'],
  ['false', 'False'],
  ['null', 'None'],
  ['{}', '{}'],
  ['[]', '[]'],
  ['{"a b": [{"c": [1, 2.25]}]}', "{'a b': [{'c': [1, 2.25]}]}"],
];

it.each(VECTORS)('%s', (json, text) => {
  expect(pythonStr(parseJson(json))).toBe(text);
});
