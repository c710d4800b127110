/** A fetch that fails at once has told of no progress; one that goes on tells each tenth, or each hundredth on a terminal, once. */

import { FAKE_NOW, transcript } from '@assay/testing';
import { expect, test } from 'vitest';
import { FetchProgress } from './fetch-progress.ts';

const MIB = 1024 * 1024;

test('nothing is counted before the first byte', () => {
  const io = transcript({ cwd: '/', now: FAKE_NOW });
  const progress = new FetchProgress(io);
  progress.count('https://models.example/m.gguf', 0, 10 * MIB);
  progress.count('https://models.example/m.gguf', 0, 10 * MIB);
  progress.end();
  expect(io.err()).toBe('model: https://models.example/m.gguf\n');
});

test('each tenth is told once in a file', () => {
  const io = transcript({ cwd: '/', now: FAKE_NOW });
  const progress = new FetchProgress(io);
  for (const done of [0, 1, MIB - 1, MIB, MIB + 1, 10 * MIB]) progress.count('x', done, 10 * MIB);
  progress.end();
  expect(io.err()).toBe('model: x\n0% of 10 MB\n10% of 10 MB\n100% of 10 MB\n');
});
