/** Is this a product the policy never accepts, e.g. one whose root secret is known to be extractable at every firmware level? */

import { fail, notChecked, pass } from '../model/check.ts';
import { type PartQuestion, POLICY_SPEC } from './question.ts';

const ID = 'policy.product';
const SPEC = `${POLICY_SPEC} refusedProducts`;

export const askProduct: PartQuestion = (claims, { policy }) => {
  const refused = policy.refusedProducts;
  if (refused === undefined || refused.length === 0) return [];
  const { product } = claims.identity;
  if (product === undefined) return [notChecked(ID, SPEC, 'the evidence names no product')];
  const expected = `anything but ${refused.join(', ')}`;
  const found = product.toLowerCase();
  return [
    refused.some((name) => found === name.toLowerCase() || found.startsWith(`${name.toLowerCase()}-`))
      ? fail(ID, SPEC, expected, product)
      : pass(ID, SPEC, product, expected),
  ];
};
