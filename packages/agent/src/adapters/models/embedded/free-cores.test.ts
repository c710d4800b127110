/** Cores that are free for the engine: idle ones and its own, whatever the load average says. */

import { availableParallelism } from 'node:os';
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

  it('none when no time passed', () => expect(freeBetween(none, none)).toBe(0));
});

describe('over time', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('follows what others do, within bounds', () => {
    let times: CoreTimes = { ...none, cores: 64 };
    const cores = new FreeCores(() => times);
    const most = Math.min(8, availableParallelism());
    expect(cores.count(8)).toBe(most);
    const pass = (idle: number): number => {
      times = { ...times, idle: times.idle + idle, total: times.total + 64 * 500 };
      vi.advanceTimersByTime(500);
      return cores.count(8);
    };
    expect(pass(0)).toBe(1);
    expect(pass(64 * 500)).toBe(most);
    expect(pass(600)).toBe(1);
    cores.stop();
    expect(pass(64 * 500)).toBe(1);
  });

  it('counts this process', () => {
    const cores = new FreeCores();
    vi.advanceTimersByTime(500);
    expect(cores.count(8)).toBeGreaterThanOrEqual(1);
    cores.stop();
  });
});
