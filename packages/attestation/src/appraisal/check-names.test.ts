/** However many checks there are, the phrase stays short and names what it counts. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { nameChecks } from './check-names.ts';

test.each<readonly [readonly string[], string]>([
  [[], ''],
  [['policy.debug'], 'policy.debug'],
  [['gateway/policy.debug'], 'gateway/policy.debug'],
  [['policy.debug', 'policy.debug'], 'policy.debug'],
  [['a/policy.debug', 'b/policy.debug', 'policy.nonce'], 'policy.debug of 2 parts, policy.nonce'],
  [['a.a', 'b.b', 'c.c', 'd.d', 'e.e', 'f.f', 'g.g'], 'a.a, b.b, c.c, d.d, e.e and 2 more'],
])('%j', (ids, expected) => expect(nameChecks(ids)).toBe(expected));

test('of any number is at most six names long', () => {
  const id = fc.tuple(fc.constantFrom('', 'gpu-0/', 'gpu-1/'), fc.constantFrom(...'abcdefghij')).map((parts) => parts.join(''));
  fc.assert(fc.property(fc.array(id, { maxLength: 400 }), (ids) => nameChecks(ids).split(/, | and /).length <= 6));
});
