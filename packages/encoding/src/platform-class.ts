/**
 * The platform's own class behind one that a library put in its place. Servers replace the global `Request` and `Response` by lighter ones, which derive
 * from them and lack some of their members.
 */

/**
 * @returns the class at the root of the chain of `extends`; the class itself when it derives from none.
 * @example platformClass(Response) // the one of the platform, also after a library set globalThis.Response
 */
export function platformClass<Class extends abstract new (...args: never) => unknown>(given: Class): Class {
  let found: Class = given;
  for (;;) {
    const parent: unknown = Object.getPrototypeOf(found);
    if (typeof parent !== 'function' || parent === Function.prototype) return found;
    found = parent as Class;
  }
}
