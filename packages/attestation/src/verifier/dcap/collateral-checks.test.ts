/** A step that was left out reads not-checked: lists that settle nothing, a document that was not found to be signed. */

import { expect, test } from 'vitest';
import type { Revocation } from '../../certificates/revocation.ts';
import { documentsCheck, revocationCheck } from './collateral-checks.ts';
import type { SignedDocument } from './collateral-pieces.ts';

test.each<[readonly Revocation[], string]>([
  [['good', 'good'], 'pass'],
  [['good', 'not-checked'], 'not-checked'],
  [[], 'not-checked'],
])('standings %j read %s', (standings, outcome) => {
  expect(revocationCheck(standings).outcome).toBe(outcome);
});

const [tcbInfo, identity] = [{}, {}] as [SignedDocument<unknown>, SignedDocument<unknown>];

test.each<[string, readonly SignedDocument<unknown>[], string]>([
  ['all of them', [identity, tcbInfo], 'pass'],
  ['one of them', [tcbInfo], 'not-checked'],
  ['none', [], 'not-checked'],
])('documents of which %s signed', (_, signed, outcome) => {
  expect(documentsCheck([tcbInfo, identity], signed).outcome).toBe(outcome);
});
