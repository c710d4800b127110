/** What a task was asked for can be changed and asked for again; nothing of it gets lost. */

import { expect, test } from 'vitest';
import { draftOf, EMPTY_DRAFT, requestIn } from './task-draft.ts';

const FILES = [{ path: '/tmp/a', content_base64: 'AA==' }];

test.each([
  [
    {
      type: 'ai_generate_and_execute',
      description: 'x',
      language: 'javascript',
      context: { a: 1 },
      max_retries: 0,
      review: true,
    },
  ],
  [{ type: 'execute', code: 'print(1)', language: 'python', files: FILES, stdin: 'in', limits: { seconds: 3 } }],
])('%j', (request) => {
  expect(requestIn(draftOf(request))).toMatchObject(request);
});

test('tasks of other types become code of one’s own', () => {
  expect(draftOf({ type: 'nodejs', code: 'x' })).toMatchObject({ mode: 'own-code', language: 'javascript', code: 'x' });
  expect(draftOf({ type: 'shell', command: 'ls' })).toMatchObject({ mode: 'own-code', language: 'shell', code: 'ls' });
});

test.each(['{', '[1]', '7', '"x"'])('context %s is no object', (context) => {
  expect(requestIn({ ...EMPTY_DRAFT, context })).toBeNull();
});

test('what is malformed in a request is left out', () => {
  const draft = draftOf({ type: 'execute', code: 7, files: [{ path: 1 }, ...FILES], max_retries: 'x' });
  expect(draft).toMatchObject({ code: '', files: FILES, retries: 2 });
});
