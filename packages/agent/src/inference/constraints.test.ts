/** What a prompt request may say of the model: the id goes into the receipt, so its length is bounded. */

import { utf8 } from '@assay/encoding/bytes';
import { expect, it } from 'vitest';
import { readPromptRequest } from './constraints.ts';

const request = (model: unknown): Uint8Array => utf8(JSON.stringify({ model, messages: [] }));

it.each(['m', 'n'.repeat(256)])('takes the model %s', (model) => {
  expect(readPromptRequest(request(model)).model).toBe(model);
});

it.each([
  ['none', undefined, 'expected the id of a model'],
  ['an empty one', '', 'expected the id of a model'],
  ['a number', 1, 'expected the id of a model'],
  ['257 characters', 'n'.repeat(257), 'at most 256 characters, got 257'],
  ['a megabyte', 'n'.repeat(1_000_000), 'at most 256 characters, got 1000000'],
])('refuses %s', (_, model, words) => {
  expect(() => readPromptRequest(request(model))).toThrow(words);
});
