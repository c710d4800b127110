import { expect, it } from 'vitest';
import { nodeModule } from './node-module.ts';

const lent = { getBuiltinModule: (name: string) => name };

it.each([
  ['a browser', {}, null],
  ['Deno', { process: { versions: { node: '24.0.0', deno: '2.0.0' }, ...lent } }, null],
  ['Bun', { process: { versions: { node: '24.0.0', bun: '1.3.0' }, ...lent } }, null],
  ['a Node that cannot be asked', { process: { versions: { node: '20.0.0' } } }, null],
  ['a Node without such a module', { process: { versions: { node: '24.0.0' }, getBuiltinModule: () => undefined } }, null],
  ['Node', { process: { versions: { node: '24.0.0' }, ...lent } }, 'node:crypto'],
])('the module in %s', (_, host, module) => {
  expect(nodeModule('node:crypto', host)).toBe(module);
});
