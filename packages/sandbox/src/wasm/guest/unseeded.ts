/**
 * Says that this process used a source of time or entropy that does not follow from the seed. The host then promises nothing
 * about a re-run, for this cell and every later one of its session.
 */

import { MESSAGE } from '../messages.ts';
import { plain, send } from './wire.ts';

let told = false;
let armed = false;

/** Reports from now on; before the first job the runtime's own start uses such sources, with results that no job sees. */
export function armUnseeded(): void {
  armed = true;
}

/** Reports the use of `source` (a name for the record). */
export function unseeded(source: string): void {
  if (told || !armed) return;
  told = true;
  send(MESSAGE.unseeded, plain({ source }));
}

/** `target` as it is, but reported on every call. */
export function reported<Target extends object>(source: string, target: Target): Target {
  return new Proxy(target, {
    apply: (call, self, args) => {
      unseeded(source);
      return Reflect.apply(call as never, self, args);
    },
    construct: (call, args, newTarget) => {
      unseeded(source);
      return Reflect.construct(call as never, args, newTarget) as object;
    },
  });
}
