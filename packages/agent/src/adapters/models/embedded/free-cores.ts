/**
 * How many cores this process could have for itself: those that are idle, and what it uses already. The load average does not tell: it counts
 * this process's own threads, and a minute after others have ended it still counts them.
 */

import { availableParallelism, cpus } from 'node:os';

/** How often the cores are looked at, ms. */
const TICK_MS = 500;
/** Looks that are kept: their mean is what counts, so that a short piece of other work (a sandbox that starts) decides nothing. */
const LOOKS = 5;

/** What all cores and this process have done so far; milliseconds. */
export interface CoreTimes {
  /** Of all cores together: with nothing to do. */
  readonly idle: number;
  /** Of all cores together, idle or not. */
  readonly total: number;
  /** Of this process, all its threads. */
  readonly own: number;
  /** Cores that `total` counts; 0 where the operating system names none. */
  readonly cores: number;
}

/**
 * Cores that were free for this process between two looks; `null` when they say nothing: no time passed, or no core is named.
 * @example freeBetween({ idle: 0, total: 0, own: 0, cores: 2 }, { idle: 500, total: 1000, own: 500, cores: 2 }) // 2: one idle, one its own
 */
export function freeBetween(before: CoreTimes, after: CoreTimes): number | null {
  if (after.cores === 0 || after.cores !== before.cores) return null;
  const passed = (after.total - before.total) / after.cores;
  if (passed <= 0) return null;
  return (after.idle - before.idle + after.own - before.own) / passed;
}

/** Looks at the cores until it is stopped, from the moment it is made. */
export class FreeCores {
  readonly #look: () => CoreTimes;
  readonly #allowed: () => number;
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #looks: CoreTimes[];

  /** @param allowed how many cores this process may use; all of them are taken for free until two looks say something. */
  constructor(look: () => CoreTimes = lookAtCores, allowed: () => number = availableParallelism) {
    this.#look = look;
    this.#allowed = allowed;
    this.#looks = [look()];
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    this.#timer.unref();
  }

  /** Whole cores, at least 1 and at most `most`. */
  count(most: number): number {
    const [first, last] = [this.#looks[0], this.#looks.at(-1)];
    const allowed = this.#allowed();
    const free = first === undefined || last === undefined ? null : freeBetween(first, last);
    return Math.max(1, Math.min(most, allowed, Math.round(free ?? allowed)));
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    this.#looks.push(this.#look());
    if (this.#looks.length > LOOKS) this.#looks.shift();
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
