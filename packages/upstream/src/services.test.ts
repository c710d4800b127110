/** Services by name and by address. */

import { expect, test } from 'vitest';
import { serviceAt, serviceKind } from './services.ts';

test.each([
  ['https://api.redpill.ai/v1', 'redpill'],
  ['https://redpill.ai', 'redpill'],
  ['https://inference.tinfoil.sh', 'tinfoil'],
  ['https://notredpill.ai', undefined],
  ['https://redpill.ai.example', undefined],
])('%s is of the kind %s', (url, name) => {
  expect(serviceAt(new URL(url))?.name).toBe(name);
});

test('a name that is not listed is refused with those that are', () => {
  expect(serviceKind('near-ai').name).toBe('near-ai');
  expect(() => serviceKind('near')).toThrow('expected one of redpill, near-ai, dstack-vllm, tinfoil, got near;');
});
