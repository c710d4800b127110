/** Every word that says "not finished" must be read as that; a word that is in no list must never count as a whole reply. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { finishOf } from './finish.ts';

test.each([
  [null, 'stop'],
  ['stop', 'stop'],
  ['STOP', 'stop'],
  ['end_turn', 'stop'],
  ['eos_token', 'stop'],
  ['COMPLETE', 'stop'],
  ['tool_calls', 'tool-calls'],
  ['tool_use', 'tool-calls'],
  ['length', 'length'],
  ['max_tokens', 'length'],
  ['MAX_TOKENS', 'length'],
  ['FINISH_REASON_MAX_TOKENS', 'length'],
  ['model_length', 'length'],
  ['model_context_window_exceeded', 'length'],
  ['content_filter', 'filtered'],
  ['content-filter', 'filtered'],
  ['SAFETY', 'filtered'],
  ['refusal', 'refused'],
  ['error', 'error'],
  ['insufficient_system_resource', 'error'],
  ['abort', 'error'],
  ['', 'unknown'],
  ['half way', 'unknown'],
  ['constructor', 'unknown'],
])('%j is %s', (word, finish) => {
  expect(finishOf(word)).toBe(finish);
});

test('no word outside the lists counts as finished', () => {
  const finished = new Set(['stop', 'end_turn', 'stop_sequence', 'complete', 'completed', 'eos', 'eos_token', 'end', 'done']);
  for (const word of ['finished', 'tool_calls', 'tool_call', 'tool_use', 'function_call']) finished.add(word);
  fc.assert(
    fc.property(fc.string(), (word) => {
      const finish = finishOf(word);
      const plain = word.toLowerCase().replaceAll(/[ -]/g, '_').replace('finish_reason_', '');
      expect(finish === 'stop' || finish === 'tool-calls').toBe(finished.has(plain));
    }),
  );
});
