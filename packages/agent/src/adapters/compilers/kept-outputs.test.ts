import { expect, it } from 'vitest';
import { KeptOutputs } from './kept-outputs.ts';

const release = (sha256: string) => ({ version: '0.8.24', longVersion: '0.8.24+x', sha256, integrity: '' });
const [one, other] = [release('1'), release('2')];

it('gives the output of the same compiler and input, and of no other', () => {
  const kept = new KeptOutputs();
  kept.keep(one, 'in', 'out');
  expect([kept.find(one, 'in'), kept.find(other, 'in'), kept.find(one, 'in ')]).toEqual(['out', null, null]);
});

it('keeps no more than fits, the most recently used ones', () => {
  const kept = new KeptOutputs(10);
  kept.keep(one, 'a', '1234');
  kept.keep(one, 'b', '1234');
  expect(kept.find(one, 'a')).toBe('1234');
  kept.keep(one, 'c', '1234');
  expect(['a', 'b', 'c'].map((input) => kept.find(one, input))).toEqual(['1234', null, '1234']);
  kept.keep(one, 'd', '12345678901');
  expect(kept.find(one, 'd')).toBeNull();
  kept.keep(one, 'a', '1234');
  kept.keep(one, 'e', '12');
  expect(['a', 'c', 'e'].map((input) => kept.find(one, input))).toEqual(['1234', '1234', '12']);
});
