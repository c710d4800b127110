/** A transcript answers its own demos and nothing else. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { ServerError } from '../../errors.ts';
import type { ModelTask } from '../../ports/model.ts';
import { createRecorded } from './recorded.ts';

const factorial: ModelTask = { description: 'Calculate the factorial of 10', language: 'python', context: null };
const interest: ModelTask = {
  description: 'Calculate compound interest',
  language: 'python',
  context: '{"years": 10, "principal": 1000, "rate": 0.05, "formula": "A = P(1 + r)^t"}',
};
const prompt = { role: 'user', content: 'the prompt' } as const;
const ask = (task: ModelTask) => createRecorded(null).complete({ messages: [prompt], task });
const say = (content: string) => createRecorded(null).complete({ messages: [{ role: 'user', content }] });

test.each<[string, ModelTask, RegExp]>([
  ['as it was recorded', factorial, /math\.factorial\(10\)/],
  [
    'in other letters, spaces and a full stop',
    { ...factorial, description: ' calculate  the\nFACTORIAL of 10. ' },
    /factorial/,
  ],
  ['the other language', { ...factorial, language: 'javascript' }, /```javascript/],
  ['with its context, in any order', interest, /1000, 0\.05, 10/],
])('a demo, %s', async (_, task, says) => {
  const said: string[] = [];
  const reply = await createRecorded(null).complete({ messages: [prompt], task, onText: (text) => said.push(text) });
  expect(reply.text).toMatch(says);
  expect(said.join('')).toBe(reply.text);
  expect(reply.provenance).toMatchObject({
    kind: 'recorded',
    file: 'recorded.json',
    sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
  });
});

test.each<[string, ModelTask]>([
  ['another number that begins like a recorded one', { ...factorial, description: 'Calculate the factorial of 100' }],
  ['words of a demo within another task', { ...factorial, description: 'Do not calculate the factorial of 10' }],
  ['a language that was not recorded', { ...interest, language: 'javascript' }],
  ['a context that was not recorded', { ...interest, context: '{"principal": 2000, "rate": 0.05, "years": 10}' }],
  ['a context where there was none', { ...factorial, context: '{"n": 11}' }],
  ['no context where there was one', { ...interest, context: null }],
  ['a context with a number that no double holds', { ...interest, context: '{"principal": 1e999}' }],
  ['a question of the chat', { ...factorial, description: 'What is 6 times 7?' }],
])('%s is refused with the list of the demos', async (_, task) => {
  const error = await ask(task).catch((reason: unknown) => reason);
  if (!ServerError.is(error)) throw error;
  expect(error).toMatchObject({ code: 'model/not-connected', kind: 'unavailable' });
  expect(error.message).toMatch(
    /^no AI model is connected.*assay model fetch.*Recorded demos: "Calculate the factorial of 10" \(python\)/,
  );
  expect(error.message).not.toContain('\n');
  expect(error.details.recordedDemos).toContainEqual({
    description: factorial.description,
    language: 'python',
    context: null,
    files: [],
  });
});

test('the demos come with the files that their programs read', () => {
  const { demos = [] } = createRecorded(null);
  const reading = demos.filter(({ files }) => files.length > 0);
  expect(reading.map(({ description }) => description)).toEqual([
    'Load data from /tmp/sales.csv, calculate total revenue, and create a bar chart of top 5 products by sales',
    'Plot sales by region',
  ]);
  expect(reading.map(({ files }) => files.map(({ path }) => path))).toEqual([['/tmp/sales.csv'], ['/tmp/sales.csv']]);
});

test('a task gets the samples of its own demo only', () => {
  const { samplesFor } = createRecorded(null);
  const plot: ModelTask = { description: 'plot sales by region', language: 'python', context: null };
  expect(samplesFor?.(plot).map(({ path }) => path)).toEqual(['/tmp/sales.csv']);
  expect(samplesFor?.({ ...plot, description: 'Plot sales by region and month' })).toEqual([]);
});

test('the chat has demos of its own', async () => {
  expect((await say('What is 6 times 7?')).text).toBe('6 times 7 is 42.');
  await expect(say('What is 6 times 8?')).rejects.toMatchObject({
    code: 'model/not-connected',
    message: expect.stringContaining('"What is 6 times 7?"'),
  });
});

test('one reply an attempt', async () => {
  const task: ModelTask = { description: 'Read /tmp/missing.txt and print it', language: 'python', context: null };
  const first = await ask(task);
  const messages = [prompt, { role: 'assistant', content: first.text }, { role: 'user', content: 'error' }] as const;
  const second = await createRecorded(null).complete({ messages, task });
  expect(first.text).not.toContain('FileNotFoundError');
  expect(second.text).toContain('FileNotFoundError');
});

test.each([
  ['no file', null],
  ['no JSON', '{'],
  [
    'the form of version 1, whose words matched other tasks',
    '{"version":1,"answers":[],"default":{"python":"a","javascript":"b"}}',
  ],
  ['a demo without replies', '{"version":2,"demos":[{"tasks":["a"],"language":"python","replies":[]}]}'],
  ['an unknown member', '{"version":2,"demos":[{"tasks":["a"],"language":"python","replies":["b"],"words":["a"]}]}'],
])('a transcript file that is none: %s', (_, text) => {
  const directory = mkdtempSync(join(tmpdir(), 'assay-transcript-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const path = join(directory, 'transcript.json');
  if (text !== null) writeFileSync(path, text);
  expect(() => createRecorded(path)).toThrow(expect.objectContaining({ code: 'config/unreadable' }));
});
