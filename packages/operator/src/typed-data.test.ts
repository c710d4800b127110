/** Typed data whose names are those that every JavaScript object has: refused with a code, and found nowhere. */

import { expectRefusal } from '@assay/testing';
import { expect, it } from 'vitest';
import { parseTypedData } from './typed-data.ts';

const document = (types: object, primaryType: string, message: object = {}) => ({
  domain: { name: 'd' },
  types,
  primaryType,
  message,
});

it.each<[string, object]>([
  ['a primary type', document({}, 'constructor')],
  ['a primary type that is a method', document({}, 'toString')],
  ['a primary type that is the prototype', document({}, '__proto__')],
  ['the type of a member', document({ Order: [{ name: 'a', type: 'constructor' }] }, 'Order')],
  ['the type of a list', document({ Order: [{ name: 'a', type: 'toString[]' }] }, 'Order', { a: [] })],
  ['the prototype as a type', document({ Order: [{ name: 'a', type: '__proto__' }] }, 'Order', { a: {} })],
  ['a member that the message lacks', document({ Order: [{ name: 'toString', type: 'string' }] }, 'Order')],
])('refuses the name of an inherited member as %s', async (_place, given) => {
  await expectRefusal(() => parseTypedData(given), 'operator/message-malformed', ['typed_data']);
});

it('takes other names', () => {
  const given = document({ Order: [{ name: 'prototype', type: 'string' }] }, 'Order', { prototype: 'x' });
  expect(parseTypedData(given).primaryType).toBe('Order');
});
