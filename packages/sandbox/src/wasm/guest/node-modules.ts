/**
 * Node's built-ins as user code gets them: the engine's own, without what depends on the machine. Which ones there are, `modules.ts`
 * says.
 */

import { later, seededCrypto } from './node-crypto.ts';

type Members = Readonly<Record<string, unknown>>;

/** Members that show the machine, or reach what the realm does not list. */
const WITHOUT: Readonly<Record<string, readonly string[]>> = {
  buffer: ['resolveObjectURL'],
  events: ['EventEmitterAsyncResource'],
  util: [
    ...['log', 'debug', 'debuglog', 'getCallSite', 'getCallSites', 'getSystemErrorMap', 'getSystemErrorName'],
    'getSystemErrorMessage',
  ],
};

/** The built-in `name` for user code; `real` is the engine's. */
export function builtinFor(name: string, real: Members): unknown {
  if (name === 'crypto') return seededCrypto(real);
  if (name === 'zlib') return { ...real, ...inStep(real) };
  if (name === 'buffer') return without(name, { ...real, Blob: globalThis.Blob, File: globalThis.File });
  return Object.hasOwn(WITHOUT, name) ? without(name, real) : real;
}

/** Calls with a callback do their work at once, so that results come in the order in which they were asked for. */
function inStep(real: Members): Members {
  const pairs = Object.entries(real).flatMap(([name, member]): [string, unknown][] => {
    const twin = real[`${name}Sync`];
    return typeof member === 'function' && typeof twin === 'function' ? [[name, later(twin as never)]] : [];
  });
  return Object.fromEntries(pairs);
}

/** A copy of the module; a module that is a function (`events`) stays one. */
function without(name: string, real: Members): unknown {
  const left = new Set(WITHOUT[name]);
  const kept = Object.fromEntries(Object.entries(real).filter(([member]) => !left.has(member)));
  if (typeof real !== 'function') return kept;
  for (const member of left) Reflect.deleteProperty(real, member);
  return real;
}
