/** The platform's own class is found behind those that derive from it. */

import { expect, test } from 'vitest';
import { platformClass } from './platform-class.ts';

class Own {}
class Lighter extends Own {}
class Lightest extends Lighter {}

test.each<readonly [string, new () => object, unknown]>([
  ['a class of its own', Own, Own],
  ['one that derives from it', Lighter, Own],
  ['one that derives from that', Lightest, Own],
])('%s', (_, given, root) => expect(platformClass(given)).toBe(root));

test('a response of the platform has all of its members', async () => {
  const bytes = await new (platformClass(class Lighter2 extends Response {}))('ab').bytes();
  expect([...bytes]).toEqual([0x61, 0x62]);
});
