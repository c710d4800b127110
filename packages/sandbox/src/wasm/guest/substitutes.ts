/**
 * Puts the job's clock and entropy in place of the engine's, wherever an object of the realm shows either. What cannot be
 * substituted is reported instead (`unseeded.ts`); what shows when the engine collects garbage never shows it.
 */

import { call } from '../../../runners/javascript/engine.mjs';
import { installCalendars } from './calendars.ts';
import { clear, elapsed, epoch, fillRandom, handleOf, nextFraction, randomUuid, schedule, wallClock } from './determinism.ts';
import { installBodies } from './forms.ts';
import { installTraces } from './traces.ts';
import { seedSubtle } from './web-crypto.ts';

/** Defines a member as built-ins are: not enumerable. */
export function define(target: object, name: PropertyKey, value: unknown): void {
  Object.defineProperty(target, name, { value, writable: true, configurable: true, enumerable: false });
}

/**
 * Replaces what differs from run to run. `fractionalNow` gives `Date.now()` its µs: the Python interpreter reads its clock there,
 * JavaScript programs want whole milliseconds.
 */
export function installSubstitutes(options: { readonly fractionalNow: boolean }): void {
  installDate(options.fractionalNow ? wallClock : () => Math.floor(wallClock()));
  installCalendars(() => Math.floor(wallClock()));
  define(globalThis, 'performance', makePerformance());
  define(Math, 'random', nextFraction);
  define(Crypto.prototype, 'getRandomValues', fillRandom);
  define(Crypto.prototype, 'randomUUID', randomUuid);
  seedSubtle(SubtleCrypto.prototype);
  installTimers();
  installEventTimes();
  installMemory();
  installBodies(define);
  installTraces();
}

function installDate(now: () => number): void {
  const Real = Date;
  define(Real, 'now', now);
  const replaced = new Proxy(Real, {
    apply: () => new Real(Math.floor(wallClock())).toString(),
    construct: (target, args, newTarget) =>
      Reflect.construct(target, args.length === 0 ? [Math.floor(wallClock())] : args, newTarget) as object,
  });
  define(Real.prototype, 'constructor', replaced);
  define(globalThis, 'Date', replaced);
}

/** `performance` over the job's clock; it keeps marks and measures as the real one does. */
function makePerformance(): object {
  interface Entry {
    readonly name: string;
    readonly entryType: 'mark' | 'measure';
    readonly startTime: number;
    readonly duration: number;
    readonly detail: unknown;
  }
  let entries: Entry[] = [];
  const keep = (entry: Entry): Entry => {
    entries.push(entry);
    return entry;
  };
  const at = (mark: unknown, otherwise: number): number =>
    typeof mark === 'number'
      ? mark
      : (entries.findLast(({ name, entryType }) => entryType === 'mark' && name === mark)?.startTime ?? otherwise);
  const clearEntries = (type: string) => (name?: unknown) => {
    entries = entries.filter((entry) => entry.entryType !== type || (name !== undefined && entry.name !== name));
  };
  return {
    now: elapsed,
    get timeOrigin() {
      return epoch();
    },
    mark: (name: unknown, { startTime = elapsed(), detail = null }: { startTime?: number; detail?: unknown } = {}) =>
      keep({ name: String(name), entryType: 'mark', startTime, duration: 0, detail }),
    measure: (name: unknown, from?: unknown, to?: unknown) => {
      const {
        start = from,
        end = to,
        detail = null,
      } = (typeof from === 'object' && from !== null ? from : {}) as {
        readonly start?: unknown;
        readonly end?: unknown;
        readonly detail?: unknown;
      };
      const startTime = at(start, 0);
      return keep({ name: String(name), entryType: 'measure', startTime, duration: at(end, elapsed()) - startTime, detail });
    },
    getEntries: () => [...entries],
    getEntriesByName: (wanted: unknown) => entries.filter(({ name }) => name === wanted),
    getEntriesByType: (wanted: unknown) => entries.filter(({ entryType }) => entryType === wanted),
    clearMarks: clearEntries('mark'),
    clearMeasures: clearEntries('measure'),
    toJSON: () => ({ timeOrigin: epoch() }),
  };
}

function installTimers(): void {
  const after = (args: readonly unknown[], fire: unknown) => () => {
    if (typeof fire === 'function') call(fire as () => void, undefined, args);
  };
  define(globalThis, 'setTimeout', (fire: unknown, delay?: unknown, ...args: unknown[]) =>
    handleOf(schedule(after(args, fire), Number(delay), null)),
  );
  define(globalThis, 'setInterval', (fire: unknown, delay?: unknown, ...args: unknown[]) => {
    const every = Math.max(1, Number(delay) || 1);
    return handleOf(schedule(after(args, fire), every, every));
  });
  define(globalThis, 'setImmediate', (fire: unknown, ...args: unknown[]) => handleOf(schedule(after(args, fire), 0, null)));
  for (const name of ['clearTimeout', 'clearInterval', 'clearImmediate']) define(globalThis, name, clear);
  define(AbortSignal, 'timeout', (delay: unknown) => {
    const controller = new AbortController();
    const reason = new DOMException('Signal timed out.', 'TimeoutError');
    schedule(() => controller.abort(reason), Number(delay), null);
    return controller.signal;
  });
}

/** Events carry the time of the first reading. */
function installEventTimes(): void {
  const times = new WeakMap<object, number>();
  Object.defineProperty(Event.prototype, 'timeStamp', {
    configurable: true,
    enumerable: true,
    get(this: object) {
      const time = times.get(this) ?? elapsed();
      times.set(this, time);
      return time;
    },
  });
}

/** References that are never cleared and registries that never call: an engine that collects nothing may behave so. */
function installMemory(): void {
  const targets = new WeakMap<object, unknown>();
  const Reference = WeakRef;
  define(Reference.prototype, 'deref', function (this: object) {
    return targets.get(this);
  });
  const replaced = new Proxy(Reference, {
    construct: (target, args, newTarget) => {
      const reference = Reflect.construct(target, args, newTarget) as object;
      targets.set(reference, args[0]);
      return reference;
    },
  });
  define(Reference.prototype, 'constructor', replaced);
  define(globalThis, 'WeakRef', replaced);
  define(FinalizationRegistry.prototype, 'register', () => undefined);
  define(FinalizationRegistry.prototype, 'unregister', () => false);
}
