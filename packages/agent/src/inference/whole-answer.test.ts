/** Tokens are read where services count them, in whole answers and in streams, and nowhere else. */

import { utf8 } from '@assay/encoding/bytes';
import { expect, test } from 'vitest';
import { tokensIn } from './whole-answer.ts';

test.each<[string, string, number | null]>([
  ['a whole answer', '{"id":"a","usage":{"total_tokens":12}}', 12],
  [
    'a stream that counts in its last event',
    'data: {"choices":[]}\n\ndata: {"usage":{"total_tokens":7}}\n\ndata: [DONE]\n\n',
    7,
  ],
  ['a stream that counts in every event', 'data: {"usage":{"total_tokens":1}}\ndata: {"usage":{"total_tokens":9}}\n', 9],
  ['a stream whose beginning is cut off', 'ces":[]}\n\ndata: {"usage":{"total_tokens":7}}\n', 7],
  ['usage that is null', 'data: {"usage":null}\n', null],
  ['a number that is none', '{"usage":{"total_tokens":"12"}}', null],
  ['a number below zero', '{"usage":{"total_tokens":-1}}', null],
  ['no JSON', 'busy', null],
  ['nothing', '', null],
])('%s', (_, text, tokens) => {
  expect(tokensIn(utf8(text))).toBe(tokens);
});
