/** A hint for people: on standard error of a terminal, with nothing in it that drives the terminal. */

import { transcript } from '@assay/testing';
import { expect, test } from 'vitest';
import { terminalHint } from './terminal-hint.ts';

test.each([
  [true, '\nhint: write it \ufffd[2J\n'],
  [false, ''],
])('on a terminal: %s', (interactive, printed) => {
  const io = transcript({ cwd: '/', now: 0, interactive });
  terminalHint('write it \u001b[2J', io);
  expect([io.out(), io.err()]).toEqual(['', printed]);
});
