/** Of any error text, the line that says what went wrong. */

import { expect, test } from 'vitest';
import { errorLine } from './error-line.ts';

test.each([
  [
    'a traceback',
    'Traceback (most recent call last):\n  File "/tmp/main.py", line 3\n    x\n    ^\nKeyError: 1\n',
    'KeyError: 1',
  ],
  ['a message of several lines', 'Traceback (most recent call last):\n  x\nValueError: first\nsecond', 'ValueError: first'],
  [
    'a stack of JavaScript',
    '/tmp/main.js:1\nnull.x\n    ^\n\nTypeError: no x\n    at main.js:1:6\n\nNode.js v24',
    'TypeError: no x',
  ],
  ['an exception of another name', 'Traceback (most recent call last):\n  x\nmy.Fault: broken', 'my.Fault: broken'],
  ['a cause and its consequence', 'KeyError: 1\n\nDuring handling:\n\nRuntimeError: two', 'RuntimeError: two'],
  ['a sentence', 'expected 1, got 2; try again', 'expected 1, got 2; try again'],
  ['nothing', ' \n', ''],
])('%s', (_, error, line) => expect(errorLine(error)).toBe(line));
