/**
 * Turns text into code. The engine itself runs with code generation from strings switched off, and scripts made here have no
 * loader behind `import()`: whatever text user code compiles, it cannot load a module. That keeps every built-in of the engine
 * (files, databases, workers, sockets) out of reach; only what `realm.ts` lists exists.
 */

import vm from 'node:vm';
import { newSet, toText } from '../../../runners/javascript/engine.mjs';

const { apply, defineProperty, getPrototypeOf } = Reflect;
const { Script } = vm;
/** The names of all scripts made here. The runtime's own have addresses of files, which no name here is. */
const names = newSet<string>();

/** True for the name of a script that {@link runScript} made. */
export function isProgramName(name: unknown): boolean {
  return names.has(name as string);
}

const runInThisContext = Script.prototype.runInThisContext as () => unknown;

/** Compiles and runs a script in this realm; `filename` is what traces show. */
export function runScript(text: string, filename: string): unknown {
  names.add(filename);
  // Without a prototype, or user code could give the options a loader.
  const options = { __proto__: null, filename, importModuleDynamically: undefined };
  return apply(runInThisContext, new Script(text, options), []);
}

/** `eval` in the global scope, as an indirect call does it. */
function evaluate(text: unknown): unknown {
  return typeof text === 'string' ? runScript(text, 'eval') : text;
}

const KINDS: readonly (readonly [object, string])[] = [
  [Function.prototype, 'function'],
  [getPrototypeOf(async () => {}) as object, 'async function'],
  [getPrototypeOf(function* () {}) as object, 'function*'],
  [getPrototypeOf(async function* () {}) as object, 'async function*'],
];

/** Puts `eval` and the four function constructors that work by {@link runScript} in place of the engine's, which refuse. */
export function installEvaluation(): void {
  defineProperty(globalThis, 'eval', { value: evaluate, writable: true, configurable: true });
  for (const [prototype, keyword] of KINDS) {
    const build = (parts: readonly unknown[]): unknown => {
      let parameters = '';
      const last = parts.length - 1;
      for (let index = 0; index < last; index += 1) parameters += (index === 0 ? '' : ',') + toText(parts[index]);
      const body = last < 0 ? '' : toText(parts[last]);
      return runScript(`(${keyword} anonymous(${parameters}\n) {\n${body}\n})`, 'eval');
    };
    const original = (prototype as { readonly constructor: object }).constructor;
    const replaced = new Proxy(original, {
      apply: (_target, _self, args) => build(args),
      construct: (_target, args) => build(args) as object,
    });
    defineProperty(prototype, 'constructor', { value: replaced, writable: true, configurable: true });
    if (prototype === Function.prototype)
      defineProperty(globalThis, 'Function', { value: replaced, writable: true, configurable: true });
  }
}
