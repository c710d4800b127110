/**
 * How many cores this process could have for itself: those that are idle, and what it uses already. The load average does not tell: it counts
 * this process's own threads, and a minute after others have ended it still counts them.
 */

import { availableParallelism, cpus } from 'node:os';

/** How often the cores are looked at, ms. */
const TICK_MS = 500;

/** What all cores and this process have done so far; milliseconds. */
export interface CoreTimes {
  /** Of all cores together: with nothing to do. */
  readonly idle: number;
  /** Of all cores together, idle or not. */
  readonly total: number;
  /** Of this process, all its threads. */
  readonly own: number;
  /** Cores that `total` counts. */
  readonly cores: number;
}

/**
 * Cores that were free for this process between two looks; 0 when no time passed.
 * @example freeBetween({ idle: 0, total: 0, own: 0, cores: 2 }, { idle: 500, total: 1000, own: 500, cores: 2 }) // 2: one idle, one its own
 */
export function freeBetween(before: CoreTimes, after: CoreTimes): number {
  const passed = (after.total - before.total) / after.cores;
  if (passed <= 0) return 0;
  return (after.idle - before.idle + after.own - before.own) / passed;
}

/** Looks at the cores until it is stopped, from the moment it is made. */
export class FreeCores {
  readonly #look: () => CoreTimes;
  readonly #timer: ReturnType<typeof setInterval>;
  #last: CoreTimes;
  /** In the newest interval. */
  #free: number;

  constructor(look: () => CoreTimes = lookAtCores) {
    this.#look = look;
    this.#last = look();
    this.#free = availableParallelism();
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    this.#timer.unref();
  }

  /** Whole cores, at least 1 and at most `most`. */
  count(most: number): number {
    return Math.max(1, Math.min(most, availableParallelism(), Math.round(this.#free)));
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    const now = this.#look();
    this.#free = freeBetween(this.#last, now);
    this.#last = now;
  }
}

function lookAtCores(): CoreTimes {
  const times = cpus().map((core) => core.times);
  const { user, system } = process.cpuUsage();
  return {
    idle: times.reduce((sum, { idle }) => sum + idle, 0),
    total: times.reduce((sum, each) => sum + each.user + each.nice + each.sys + each.idle + each.irq, 0),
    own: (user + system) / 1000,
    cores: times.length,
  };
}
