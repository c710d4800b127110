/** The list of registered tools: what it may hold, and what is refused. */

import { expectRefusal } from '@assay/testing';
import { expect, test } from 'vitest';
import { parseTools } from './tools.ts';

const tool = (more: object = {}) => ({
  name: 'price',
  parameters: { type: 'object' },
  endpoint: { type: 'http', url: 'https://tools.example/price' },
  ...more,
});

test('endpoints of each kind, with defaults', () => {
  const tools = [
    tool(),
    tool({ name: 'search', endpoint: { type: 'mcp', url: 'https://tools.example/mcp', tool: 'find', secret: 'search_key' } }),
    tool({ name: 'pay', endpoint: { type: 'wallet' } }),
  ];
  expect(parseTools(JSON.stringify(tools)).map(({ endpoint }) => endpoint)).toEqual([
    { type: 'http', url: 'https://tools.example/price' },
    { type: 'mcp', url: 'https://tools.example/mcp', tool: 'find', secret: 'search_key' },
    { type: 'wallet', signs: 'transaction' },
  ]);
  expect(parseTools('')).toEqual([]);
});

test.each([
  ['no JSON', 'tools'],
  ['no list', '{}'],
  ['a name with spaces', JSON.stringify([tool({ name: 'a b' })])],
  ['a name twice', JSON.stringify([tool(), tool()])],
  ['no parameters', JSON.stringify([tool({ parameters: undefined })])],
  ['another member', JSON.stringify([tool({ code: 'rm' })])],
  ['another kind of endpoint', JSON.stringify([tool({ endpoint: { type: 'shell', command: 'rm' } })])],
  ['another scheme', JSON.stringify([tool({ endpoint: { type: 'http', url: 'file:///etc/passwd' } })])],
  ['too many', JSON.stringify(Array.from({ length: 65 }, (_, n) => tool({ name: `t${n}` })))],
])('%s is refused', async (_what, text) => {
  await expectRefusal(() => parseTools(text), 'operator/tools-malformed', ['the variable tools']);
});
