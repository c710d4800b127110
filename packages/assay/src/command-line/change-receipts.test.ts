/** Pages lead to older receipts or end; what is no page, and what never ends, is refused. */

import { expectRefusal } from '@assay/testing';
import { expect, test } from 'vitest';
import { changeReceipts } from './change-receipts.ts';

const idOf = (index: number): string => `rcpt_${index.toString(16).padStart(32, '0')}`;
const row = (index: number, members: object = {}) => ({
  ...{ receipt_id: idOf(index), task: 'variable_change', state: 'sealed', outcome: 'succeeded' },
  ...members,
});

/** An agent that answers with these pages, one after the other, the last one for ever. */
function pages(...answers: readonly object[]) {
  const asked: string[] = [];
  const get = async (path: string) => {
    asked.push(path);
    return (answers[asked.length - 1] ?? answers.at(-1)) as never;
  };
  return { asked, api: { url: 'http://agent.example', get } };
}

test('changes of all pages, oldest first, without refusals and other work', async () => {
  const first = { receipts: [row(5), row(4, { task: 'code_execution' }), row(3, { outcome: 'failed' })], next: 3 };
  const { api, asked } = pages(first, { receipts: [row(2, { state: 'running' }), row(1)], next: null });
  expect(await changeReceipts(api)).toEqual([idOf(1), idOf(5)]);
  expect(asked).toEqual(['api/receipts?limit=100', 'api/receipts?limit=100&before=3']);
});

const FULL = Array.from({ length: 40 }, (_, index) => row(index));
test.each<[string, readonly object[], string, number]>([
  ['a page that leads to itself', [{ receipts: [], next: 9 }], 'does not go back, 9 after 9', 2],
  [
    'a page that leads forward',
    [
      { receipts: [], next: 9 },
      { receipts: [], next: 10 },
    ],
    'does not go back, 10 after 9',
    2,
  ],
  [
    'more changes than a bundle has',
    [
      { receipts: FULL, next: 9 },
      { receipts: FULL, next: 8 },
    ],
    'at most 64 changes',
    2,
  ],
  ['more rows than a page has', [{ receipts: Array(101).fill(row(1)), next: null }], 'receipts', 1],
  ['an id that is another path', [{ receipts: [row(1, { receipt_id: '../keys' })], next: null }], 'receipts[0].receipt_id', 1],
  ['no list', [{ next: null }], 'receipts', 1],
  ['a next page that is a text', [{ receipts: [], next: '9' }], 'next', 1],
  ['no word of a next page', [{ receipts: [] }], 'next', 1],
])('%s', async (_, answers, words, times) => {
  const { api, asked } = pages(...answers);
  await expectRefusal(() => changeReceipts(api), 'cli/agent-failed', [words]);
  expect(asked).toHaveLength(times);
});
