/** A reply that is not whole is never run, whatever it holds; a whole one gives its program from text or tool calls. */

import { describe, expect, test } from 'vitest';
import type { ModelFinish, ModelReply } from '../../../ports/model.ts';
import { programOf } from './reply-program.ts';
import { spokenPart } from './spoken.ts';

const BLOCK = '```python\nprint("all of it")\n```';

function replyOf(members: Partial<ModelReply>): ModelReply {
  return { text: '', reasoning: '', toolCalls: [], finish: 'stop', finishReason: 'stop', ...members } as ModelReply;
}

describe('model/incomplete: a reply that is not whole', () => {
  const ends = ['length', 'filtered', 'refused', 'error', 'unknown'] as const satisfies readonly ModelFinish[];
  test.each(ends)('that ended by %s is not run, in text or in a tool call', async (finish) => {
    const inText = replyOf({ text: BLOCK, finish, finishReason: finish });
    expect((await programOf(inText, 'python')).kind).toBe('incomplete');
    const call = { name: 'python', arguments: '{"code":"print(1)"}' } as ModelReply['toolCalls'][number];
    expect((await programOf(replyOf({ toolCalls: [call], finish, finishReason: finish }), 'python')).kind).toBe('incomplete');
  });

  test('that went round in a loop is told so', async () => {
    const looped = await programOf(replyOf({ text: BLOCK, finish: 'length', finishReason: 'repetition' }), 'python');
    expect(looped).toMatchObject({ kind: 'incomplete', reason: expect.stringContaining('repeated itself') });
  });

  test('that broke off inside its block without a word of its end is not run', async () => {
    const reply = replyOf({ text: '```python\nprint(1)\n', finishReason: null });
    expect((await programOf(reply, 'python')).kind).toBe('incomplete');
  });
});

describe('a whole reply', () => {
  test('gives the program of its text', async () => {
    expect(await programOf(replyOf({ text: BLOCK }), 'python')).toMatchObject({ kind: 'program', code: 'print("all of it")' });
  });

  test('gives the program of a tool call', async () => {
    const call = { name: 'python', arguments: '{"code":"print(7)"}' } as ModelReply['toolCalls'][number];
    const reply = replyOf({ toolCalls: [call], finish: 'tool-calls', finishReason: 'tool_calls' });
    expect(await programOf(reply, 'python')).toMatchObject({ kind: 'program', code: 'print(7)' });
  });

  test.each(['', '   ', 'I can not help with that.'])('without a program holds none: %j', async (text) => {
    expect((await programOf(replyOf({ text }), 'python')).kind).toBe('none');
  });

  test('that is long is read in a thread, with the same result', async () => {
    const reply = replyOf({ text: `${'Some words.\n\n'.repeat(6_000)}${BLOCK}` });
    expect(await programOf(reply, 'python')).toMatchObject({ kind: 'program', code: 'print("all of it")' });
  });
});

test('the history of a retry holds no thoughts', () => {
  const said = spokenPart(`<think>a secret plan</think>\nHere:\n${BLOCK}`, 'python');
  expect(said).toContain('all of it');
  expect(said).not.toContain('secret plan');
});
