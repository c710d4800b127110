/**
 * Functions of the engine, taken before a program runs. The program shares the realm and may replace methods, iterators and globals;
 * what is reported of it uses these only. For the same reason callers count through lists: `for … of`, spreads and array patterns
 * call iterators, and `push` calls setters. Types: `engine.d.mts`.
 */

const { apply, construct, defineProperty, getOwnPropertyDescriptor, getPrototypeOf, ownKeys, setPrototypeOf } = Reflect;

export const call = apply;

/** The method or getter `name` of `target`, as a function that takes its receiver first. */
export function methodOf(target, name) {
  const { value, get } = getOwnPropertyDescriptor(target, name);
  const method = value ?? get;
  return (self, ...values) => apply(method, self, values);
}

export const toText = String;
export const toInteger = Number.parseInt;

export const indexOf = methodOf(String.prototype, 'indexOf');
export const lastIndexOf = methodOf(String.prototype, 'lastIndexOf');
export const trimStart = methodOf(String.prototype, 'trimStart');
/** `slice` of a string. */
export const slice = methodOf(String.prototype, 'slice');
export const startsWith = methodOf(String.prototype, 'startsWith');
/** The match of a regular expression, or `null`. */
export const match = methodOf(RegExp.prototype, 'exec');
export const sort = methodOf(Array.prototype, 'sort');
export const byteLength = methodOf(getPrototypeOf(Uint8Array.prototype), 'byteLength');

/** Puts a value at the end of a list. */
export function append(list, value) {
  defineProperty(list, list.length, { __proto__: null, value, writable: true, enumerable: true, configurable: true });
}

const hasInstance = methodOf(Function.prototype, Symbol.hasInstance);
const ErrorOfEngine = Error;
export const isError = (value) => hasInstance(ErrorOfEngine, value);

/** A class with the methods of `Original` that keeps them. */
function kept(Original) {
  const Kept = class extends Original {};
  const names = ownKeys(Original.prototype);
  for (const name of names) {
    if (name === 'constructor') continue;
    defineProperty(Kept.prototype, name, { __proto__: null, ...getOwnPropertyDescriptor(Original.prototype, name) });
  }
  setPrototypeOf(Kept.prototype, null);
  return () => construct(Original, [], Kept);
}

/** New maps and sets that keep the methods of the engine. Their iterators are not kept: use `forEach`. */
export const newMap = kept(Map);
export const newWeakMap = kept(WeakMap);
export const newSet = kept(Set);
