/** Cores that are free for the engine: idle ones and its own, whatever the load average says. */

import { cpus } from 'node:os';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type CoreTimes, FreeCores, freeBetween } from './free-cores.ts';

const none: CoreTimes = { idle: 0, total: 0, own: 0, cores: 2 };

describe('between two looks', () => {
  it.each([
    ['nothing runs', { idle: 1000, own: 0 }, 2],
    ['one thread of its own', { idle: 500, own: 500 }, 2],
    ['two threads of its own', { idle: 0, own: 1000 }, 2],
    ['another process on one core', { idle: 500, own: 0 }, 1],
    ['another process, and one thread of its own', { idle: 0, own: 500 }, 1],
    ['eight other processes', { idle: 0, own: 110 }, 0.22],
  ])('%s', (_, { idle, own }, free) => {
    expect(freeBetween(none, { ...none, idle, own, total: 1000 })).toBeCloseTo(free);
  });

  it.each([
    ['no time passed', none, none],
    ['no core is named', { ...none, cores: 0 }, { ...none, cores: 0, own: 500 }],
    ['a core came or went', none, { ...none, total: 1000, cores: 3 }],
  ])('nothing is known when %s', (_, before, after) => expect(freeBetween(before, after)).toBeNull());

  it('the operating system says something of the cores', () => {
    expect(cpus().length).toBeGreaterThan(0);
    const cores = new FreeCores();
    expect(cores.count(1)).toBe(1);
    cores.stop();
  });
});

describe('over time', () => {
  const CORES = 4;
  let times: CoreTimes;
  let cores: FreeCores;

  beforeEach(() => {
    vi.useFakeTimers();
    times = { ...none, cores: CORES };
    cores = new FreeCores(
      () => times,
      () => CORES,
    );
  });
  afterEach(() => {
    cores.stop();
    vi.useRealTimers();
  });

  /** Lets half a second pass in which `idle` cores had nothing to do. */
  const pass = (idle: number): number => {
    times = { ...times, idle: times.idle + idle * 500, total: times.total + CORES * 500 };
    vi.advanceTimersByTime(500);
    return cores.count(8);
  };

  it('begins with all', () => expect(cores.count(8)).toBe(CORES));

  it('follows what others do for two seconds', () => {
    expect([0, 0, 0, 0].map(pass).at(-1)).toBe(1);
    expect([4, 4, 4, 4].map(pass).at(-1)).toBe(CORES);
    expect([1.2, 1.2, 1.2, 1.2].map(pass).at(-1)).toBe(1);
  });

  it('a short piece of other work takes no more than its share of the mean', () => {
    [4, 4, 4, 4].map(pass);
    expect([pass(2), pass(4)]).toEqual([4, 4]);
  });

  it.each([
    [1, 1],
    [3, 3],
    [8, CORES],
  ])('gives at most the %i that are asked for', (most, given) => expect(cores.count(most)).toBe(given));

  it('gives at most those that the process may use', () => {
    const bound = new FreeCores(
      () => times,
      () => 2,
    );
    expect(bound.count(8)).toBe(2);
    bound.stop();
  });

  it('nothing changes once it is stopped', () => {
    [0, 0, 0, 0].map(pass);
    cores.stop();
    expect(pass(4)).toBe(1);
  });
});
