/** The page says of each policy what the policy says of itself. */

import { DEFAULT_POLICY, POLICY_PRESETS } from '@assay/attestation';
import { expect, test } from 'vitest';
import { POLICY_WORDS } from './policy-words.ts';

test('the choices are the presets, each in its own words', () => {
  const presets = Object.entries(POLICY_PRESETS).map(([name, { description }]) => [name, description]);
  const { '': byDefault, file: _, ...others } = POLICY_WORDS;
  expect(others).toEqual(Object.fromEntries(presets.filter(([name]) => name !== 'default')));
  expect(byDefault).toBe(DEFAULT_POLICY.description);
});
