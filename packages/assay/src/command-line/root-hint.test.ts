/** A path as it is shown: short where it lies below the folder one is in, whole where it does not. */

import { expect, test } from 'vitest';
import { shownPath } from './root-hint.ts';

test.each([
  ['below', '/home/ada/.assay/simulated-root.pem', '.assay/simulated-root.pem'],
  ['given from here', '.assay/simulated-root.pem', '.assay/simulated-root.pem'],
  ['here', '/home/ada', '.'],
  ['above', '/', '/'],
  ['elsewhere', '/tmp/new/data/simulated-root.pem', '/tmp/new/data/simulated-root.pem'],
  ['given as a climb', '../../tmp/new', '/tmp/new'],
  ['below, under a name that looks like a climb', '/home/ada/..data/x', '..data/x'],
])('%s', (_, path, shown) => {
  expect(shownPath(path, { cwd: '/home/ada' })).toBe(shown);
});
