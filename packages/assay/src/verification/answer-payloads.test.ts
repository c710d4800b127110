/** The texts of an answer are found by the digest of their bytes, and by nothing else. */

import { createHash } from 'node:crypto';
import type { JsonObject } from '@assay/encoding/json';
import { expect, test } from 'vitest';
import { answerPayloads } from './answer-payloads.ts';

const digestOf = (text: string): string => `sha256:${createHash('sha256').update(text).digest('hex')}`;

test.each<[string, JsonObject, string | null]>([
  ['generated code', { generated_code: 'é' }, 'é'],
  ['an output', { output: 'é' }, 'é'],
  ['the output of a run', { execution_result: { stdout: 'é' } }, 'é'],
  ['what a run said of its errors', { execution_result: { stderr: 'é' } }, 'é'],
  ['another text', { generated_code: 'e' }, null],
  ['a text elsewhere', { note: 'é', execution_result: ['é'] }, null],
  ['no text', { generated_code: 7, output: null }, null],
])('%s', async (_, answer, found) => {
  const bytes = (await answerPayloads(answer))(digestOf('é'));
  expect(bytes === null ? null : new TextDecoder().decode(bytes)).toBe(found);
});

test('an empty text is none', async () => {
  expect((await answerPayloads({ output: '' }))(digestOf(''))).toBeNull();
});
