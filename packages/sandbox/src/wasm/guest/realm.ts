/**
 * The globals that user code finds: what is listed here, and nothing else. The engine has some two hundred more (GPU, workers,
 * storage, sockets, its own API), and every release adds some; those are deleted before the first job, whatever their name.
 */

import { refuseSharedMemory } from './wasm-memory.ts';

const LANGUAGE = [
  ...['Object', 'Function', 'Array', 'Number', 'Boolean', 'String', 'Symbol', 'BigInt', 'Date', 'RegExp', 'Promise', 'Proxy'],
  ...['Error', 'AggregateError', 'EvalError', 'RangeError', 'ReferenceError', 'SyntaxError', 'TypeError', 'URIError'],
  ...['SuppressedError', 'DisposableStack', 'AsyncDisposableStack', 'Iterator', 'Map', 'Set', 'WeakMap', 'WeakSet', 'WeakRef'],
  ...['FinalizationRegistry', 'ArrayBuffer', 'DataView', 'Uint8Array', 'Int8Array', 'Uint16Array', 'Int16Array'],
  ...['Uint32Array', 'Int32Array', 'BigUint64Array', 'BigInt64Array', 'Uint8ClampedArray', 'Float16Array', 'Float32Array'],
  ...['Float64Array', 'parseFloat', 'parseInt', 'isFinite', 'isNaN', 'Infinity', 'NaN', 'undefined', 'globalThis', 'eval'],
  ...['decodeURI', 'decodeURIComponent', 'encodeURI', 'encodeURIComponent', 'escape', 'unescape'],
  ...['JSON', 'Math', 'Intl', 'Reflect', 'Temporal', 'WebAssembly'],
];

const WEB = [
  ...['console', 'queueMicrotask', 'structuredClone', 'atob', 'btoa', 'self', 'crypto', 'performance', 'fetch'],
  ...['setTimeout', 'setInterval', 'clearTimeout', 'clearInterval', 'AbortController', 'AbortSignal', 'DOMException'],
  ...['Event', 'EventTarget', 'CustomEvent', 'Blob', 'File', 'FormData', 'Headers', 'Request', 'Response'],
  ...['URL', 'URLPattern', 'URLSearchParams', 'TextDecoder', 'TextEncoder', 'TextDecoderStream', 'TextEncoderStream'],
  ...['ReadableStream', 'ReadableStreamDefaultReader', 'ReadableStreamBYOBReader', 'WritableStream', 'TransformStream'],
  ...['WritableStreamDefaultWriter', 'ByteLengthQueuingStrategy', 'CountQueuingStrategy'],
  ...['CompressionStream', 'DecompressionStream'],
];

const NODE = ['process', 'Buffer', 'global', 'require', 'setImmediate', 'clearImmediate'];

/** Every name that may be a global of user code. */
export const LISTED_GLOBALS: ReadonlySet<string> = new Set([...LANGUAGE, ...WEB, ...NODE]);

/** Members that go although their owner is listed: they make random names, block in real time, or end the process. */
const UNLISTED_MEMBERS: readonly (readonly [string, readonly string[]])[] = [
  ['URL', ['createObjectURL', 'revokeObjectURL']],
  ['WebAssembly', ['compileStreaming', 'instantiateStreaming']],
];

/**
 * Deletes every global that is not listed. Symbols stay: the engine's brands, without which its own events fail.
 *
 * @throws {Error} when one cannot be deleted, so that the guest never becomes ready with it.
 */
export function closeRealm(): void {
  refuseSharedMemory();
  for (const name of Object.getOwnPropertyNames(globalThis)) {
    if (!LISTED_GLOBALS.has(name) && !Reflect.deleteProperty(globalThis, name)) throw new Error(`the global ${name} stays`);
  }
  for (const [owner, members] of UNLISTED_MEMBERS) {
    const target = (globalThis as unknown as Record<string, object>)[owner];
    for (const member of members) if (target !== undefined) Reflect.deleteProperty(target, member);
  }
}
