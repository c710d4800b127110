/** An agent's words in an error: one line, its own advice where it gives some, ours where it gives none. */

import { expect, test } from 'vitest';
import { refusalOf } from './answer-content.ts';
import { wholeAnswer } from './chat-answer.ts';
import { withAdvice } from './one-line.ts';

test.each<[string, string, string, string]>([
  ['advice', 'no model is connected; fetch one', 'no model is connected', 'fetch one'],
  ['several pieces', 'no model; fetch one; or start Ollama', 'no model', 'fetch one, or start Ollama'],
  ['none', 'no model is connected', 'no model is connected', 'ours'],
  ['an empty one', 'no model is connected; ', 'no model is connected', 'ours'],
  ['lines', 'a\nb; c\u001b[2J\nd.', 'a b', 'c [2J d'],
  ['no words', '', 'no text', 'ours'],
])('%s', (_, words, said, advice) => expect(withAdvice(words, 'ours')).toEqual({ said, advice }));

test('advice behind a long sentence is kept', () => {
  expect(withAdvice(`${'x'.repeat(400)}; fetch one`, 'ours').advice).toBe('fetch one');
});

test.each<[number, object, string]>([
  [503, { detail: 'no model; fetch one' }, 'the agent answered 503: no model; fetch one'],
  [400, { error: { message: 'no such thing' } }, 'the agent answered 400: no such thing; change the request'],
  [404, { detail: 'no such task; list them; or start one' }, 'the agent answered 404: no such task; list them, or start one'],
])('an answer %i', async (status, problem, message) => {
  expect((await refusalOf(Response.json(problem, { status }))).message).toBe(message);
});

test.each([
  ['the model ended; raise max_tokens', 'the model ended; raise max_tokens'],
  ['the model ended', 'the model ended; ask again'],
])('an error in an answer: %s', async (words, told) => {
  await expect(wholeAnswer(Response.json({ error: { message: words } }))).rejects.toMatchObject({
    code: 'client/agent-refused',
    message: `the agent ended its answer with an error: ${told}`,
  });
});
