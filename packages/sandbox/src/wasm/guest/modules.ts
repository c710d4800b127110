/** What `require` and `import` give to a JavaScript job: ethers, files in memory, and Node's pure built-ins. Nothing else. */

import { call } from '../../../runners/javascript/engine.mjs';
import { elapsed } from './determinism.ts';
import { fsModules, type StreamModule } from './fs-module.ts';
import type { MemoryFiles } from './memory-files.ts';
import { builtinFor } from './node-modules.ts';

/** Built-ins without side effects, given by deno itself. */
const PURE = new Set([
  'assert',
  'assert/strict',
  'buffer',
  'crypto',
  'events',
  'path',
  'path/posix',
  'punycode',
  'querystring',
  'readline',
  'readline/promises',
  'stream',
  'stream/promises',
  'string_decoder',
  'url',
  'util',
  'util/types',
  'zlib',
]);

/** Modules that programs often import and this sandbox does not have, each with the reason. */
const INSTEAD: Readonly<Record<string, string>> = {
  child_process: 'this sandbox has no processes',
  worker_threads: 'this sandbox has no threads',
  cluster: 'this sandbox has no processes',
  net: 'this sandbox has no sockets; use fetch with an allowed host',
  http: 'this sandbox has no sockets; use fetch with an allowed host',
  https: 'this sandbox has no sockets; use fetch with an allowed host',
  dns: 'this sandbox has no sockets; use fetch with an allowed host',
  axios: 'use the built-in fetch',
};

export interface ModuleWorld {
  readonly files: MemoryFiles;
  readonly stdin: () => Uint8Array;
  readonly process: object;
  /** The ethers namespace when the code asked for it. */
  readonly ethers: Readonly<Record<string, unknown>> | null;
}

export class PackageUnavailable extends Error {
  readonly code = 'PACKAGE_UNAVAILABLE';

  constructor(name: string) {
    const reason = INSTEAD[name] ?? `only ethers and these built-ins are here: fs, ${[...PURE].join(', ')}`;
    super(`PACKAGE_UNAVAILABLE: '${name.slice(0, 100)}' is not in this sandbox; ${reason}`);
    this.name = 'PackageUnavailable';
  }
}

/** The built-ins of one job: `get` throws for what is not in this sandbox, `has` tells. */
export interface Builtins {
  readonly get: (name: string) => unknown;
  readonly has: (name: string) => boolean;
}

/** Makes the built-ins for one job. */
export function makeBuiltins(world: ModuleWorld): Builtins {
  const { fs, promises } = fsModules(world.files, world.stdin, builtinNamed('stream') as StreamModule);
  const timers = {
    setTimeout: globalThis.setTimeout,
    setInterval: globalThis.setInterval,
    setImmediate: (globalThis as Record<string, unknown>).setImmediate,
    clearTimeout: globalThis.clearTimeout,
    clearInterval: globalThis.clearInterval,
  };
  const sleep = (delay: number, value: unknown): Promise<unknown> =>
    new Promise((resolve) => globalThis.setTimeout(resolve, delay, value));
  const own: Readonly<Record<string, unknown>> = {
    fs,
    'fs/promises': promises,
    process: world.process,
    timers,
    'timers/promises': { setTimeout: sleep },
    perf_hooks: { performance: globalThis.performance },
    os: { EOL: '\n', tmpdir: () => '/tmp', platform: () => 'linux', cpus: () => [{}], hostname: () => 'sandbox' },
    'node-fetch': Object.assign((...args: Parameters<typeof fetch>) => globalThis.fetch(...args), {
      default: globalThis.fetch,
    }),
  };
  const loaded = new Map<string, unknown>();
  const get = (wanted: string): unknown => {
    const name = String(wanted).replace(/^node:/, '');
    if (name === 'ethers' && world.ethers !== null) return world.ethers;
    if (Object.hasOwn(own, name)) return own[name];
    if (!PURE.has(name)) throw new PackageUnavailable(name);
    if (!loaded.has(name)) loaded.set(name, builtinFor(name, builtins.get(name) ?? {}));
    return loaded.get(name);
  };
  const has = (wanted: string): boolean => {
    const name = wanted.replace(/^node:/, '');
    return Object.hasOwn(own, name) || PURE.has(name) || (name === 'ethers' && world.ethers !== null);
  };
  return { get, has };
}

type Loader = { getBuiltinModule(name: string): Readonly<Record<string, unknown>> };
const builtins = new Map<string, Readonly<Record<string, unknown>>>();
const builtinNamed = (name: string): unknown => builtins.get(name) ?? {};

/** Loads the engine's own built-ins, while the globals are there that they look for when they load. */
export function loadBuiltins(): void {
  const loader = (globalThis as unknown as { readonly process: Loader }).process;
  for (const name of PURE) builtins.set(name, loader.getBuiltinModule(`node:${name}`));
}

type EmitterModule = { readonly EventEmitter: new () => Readonly<Record<string, (...args: unknown[]) => unknown>> };
const CHAINED = [
  ...['on', 'once', 'off', 'addListener', 'removeListener', 'removeAllListeners', 'prependListener'],
  ...['prependOnceListener', 'setMaxListeners'],
];

/** A standard input of these bytes. */
export function makeStdin(bytes: Uint8Array): object {
  const { Readable } = builtinNamed('stream') as StreamModule;
  const stream = new Readable({
    read() {
      if (bytes.length > 0) this.push(Buffer.from(bytes));
      this.push(null);
    },
  });
  return Object.assign(stream, { fd: 0, isTTY: false });
}

/** `process` as programs know it: no environment, no signals, no host. */
export function makeProcess(options: {
  readonly argv: readonly string[];
  readonly out: (text: string | Uint8Array) => void;
  readonly err: (text: string | Uint8Array) => void;
  readonly exit: (code: number) => never;
}): Record<string, unknown> & { exitCode: number | undefined } {
  const stream = (write: (text: string | Uint8Array) => void, fd: number): object => ({
    fd,
    isTTY: false,
    columns: 80,
    write: (text: string | Uint8Array, ...rest: unknown[]) => {
      write(typeof text === 'string' || text instanceof Uint8Array ? text : String(text));
      const done = rest.at(-1);
      if (typeof done === 'function') queueMicrotask(() => done());
      return true;
    },
    end: () => {},
    on: () => {},
    once: () => {},
  });
  const shim: Record<string, unknown> & { exitCode: number | undefined } = {
    argv: ['node', '/tmp/main.js', ...options.argv],
    env: { HOME: '/tmp', LANG: 'C.UTF-8', TZ: 'UTC' },
    exitCode: undefined,
    exit: (code?: unknown) => options.exit(Number(code ?? shim.exitCode ?? 0) | 0),
    cwd: () => '/tmp',
    chdir: () => {},
    platform: 'linux',
    arch: 'wasm32',
    pid: 1,
    ppid: 0,
    title: 'node',
    version: 'v24.0.0',
    versions: { node: '24.0.0' },
    stdout: stream(options.out, 1),
    stderr: stream(options.err, 2),
    nextTick: (work: (...args: unknown[]) => void, ...args: unknown[]) => {
      if (typeof work !== 'function') throw new TypeError('expected a function as first argument');
      queueMicrotask(() => call(work, undefined, args));
    },
    uptime: () => elapsed() / 1000,
    hrtime: Object.assign(
      (before?: readonly [number, number]) => {
        const now = Math.round(elapsed() * 1e6) - (before === undefined ? 0 : before[0] * 1e9 + before[1]);
        return [Math.floor(now / 1e9), now % 1e9];
      },
      { bigint: () => BigInt(Math.round(elapsed() * 1e6)) },
    ),
    memoryUsage: () => ({ rss: 0, heapTotal: 0, heapUsed: 0, external: 0, arrayBuffers: 0 }),
    cpuUsage: () => ({ user: 0, system: 0 }),
    emitWarning: () => {},
  };
  const { EventEmitter } = builtinNamed('events') as EmitterModule;
  const emitter = new EventEmitter();
  for (const name of CHAINED) {
    shim[name] = (...args: unknown[]) => {
      call(emitter[name] as () => unknown, emitter, args);
      return shim;
    };
  }
  for (const name of ['emit', 'listenerCount', 'listeners', 'eventNames', 'rawListeners'])
    shim[name] = (...args: unknown[]) => call(emitter[name] as () => unknown, emitter, args);
  return shim;
}
