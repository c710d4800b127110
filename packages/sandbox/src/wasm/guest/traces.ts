/**
 * Stack traces that name places of the program only. The runtime's own frames carry paths of this machine, so with them the same
 * program would print something else elsewhere. The program may replace methods of the engine: see `engine.mjs`.
 */

import { append, call, newWeakMap, startsWith, toText } from '../../../runners/javascript/engine.mjs';
import { isProgramName } from './program-text.ts';

type Prepare = (error: unknown, sites: readonly CallSite[]) => unknown;

/** The engine keeps programs from replacing these two. */
interface CallSite {
  getScriptNameOrSourceURL(): unknown;
  toString(): string;
}

/** The places of errors whose stack was read, even where the program made another stack of it. */
const places = newWeakMap<object, string>();

/**
 * The lines of an error's stack that are places of the program, as the engine names them.
 *
 * @example
 * placesOf(new TypeError('bad')); // '\n    at main.js:1:7'
 */
export function placesOf(error: Error): string {
  const stack = toText(error.stack ?? '');
  return places.get(error) ?? stack;
}

/**
 * True for scripts of the program, for built-ins, which have no name, and for wasm modules. A script that names itself in a comment
 * (`sourceURL`) is shown under that name, so it counts.
 */
function ofProgram(name: unknown): boolean {
  if (name === null || name === undefined || name === '') return true;
  return typeof name === 'string' && (isProgramName(name) || startsWith(name, 'wasm:'));
}

/** As `Error.prototype.toString` has it (ECMA-262 §20.5.3.4). */
function headOf(error: unknown): string {
  try {
    const { name, message } = error as { readonly name?: unknown; readonly message?: unknown };
    const words = toText(message ?? '');
    const called = name === undefined ? 'Error' : toText(name);
    return words === '' || called === '' ? called + words : `${called}: ${words}`;
  } catch {
    return 'Error';
  }
}

/** Puts the filter in front of whatever user code sets as `Error.prepareStackTrace`. */
export function installTraces(): void {
  let prepare: Prepare | null = null;
  const filtered: Prepare = (error, sites) => {
    const own: CallSite[] = [];
    let lines = '';
    for (let index = 0; index < sites.length; index += 1) {
      const site = sites[index] as CallSite;
      if (!ofProgram(site.getScriptNameOrSourceURL())) continue;
      append(own, site);
      lines += `\n    at ${site.toString()}`;
    }
    if (typeof error === 'object' && error !== null) places.set(error, lines);
    return prepare === null ? headOf(error) + lines : call(prepare, Error, [error, own]);
  };
  Object.defineProperty(Error, 'prepareStackTrace', {
    configurable: false,
    enumerable: false,
    get: () => filtered,
    set: (value: unknown) => {
      prepare = typeof value === 'function' && value !== filtered ? (value as Prepare) : null;
    },
  });
}
