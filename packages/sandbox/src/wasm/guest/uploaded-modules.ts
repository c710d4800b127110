/**
 * Modules that came with a JavaScript job: CommonJS as Node resolves and runs it, JSON, and ES modules with live exports. Built-ins
 * and what is not there are `modules.ts`'s.
 */

import type { Acorn } from '../../../runners/javascript/parser.mjs';
import { prepareModule } from '../../../runners/javascript/source.mjs';
import type { MemoryFiles } from './memory-files.ts';
import { runScript } from './program-text.ts';

export const MAIN = '/tmp/main.js';

/** What programs see as `module`. */
export interface UploadedModule {
  readonly id: string;
  readonly path: string;
  readonly filename: string;
  readonly paths: readonly string[];
  readonly children: UploadedModule[];
  exports: unknown;
  loaded: boolean;
}

export interface Require {
  (name: string): unknown;
  readonly main: UploadedModule;
  readonly cache: Record<string, UploadedModule>;
  readonly resolve: (name: string) => string;
}

export interface LoaderWorld {
  readonly files: MemoryFiles;
  readonly acorn: Acorn;
  /** Gives a built-in; throws for what is not in this sandbox. */
  readonly builtin: (name: string) => unknown;
  /** True for a name that {@link LoaderWorld.builtin} has. */
  readonly isBuiltin: (name: string) => boolean;
}

type Namespace = Record<string, unknown>;
type Load = (name: unknown) => Promise<unknown>;
interface ImportedModule {
  readonly namespace: Namespace;
  readonly done: Promise<Namespace>;
}
const decoder = new TextDecoder();

const directoryOf = (path: string): string => path.slice(0, path.lastIndexOf('/')) || '/';

/** Folders above a file in which packages are looked for. */
function packageFolders(directory: string): readonly string[] {
  const parts = directory.split('/');
  return parts.map((_, index) => `${parts.slice(0, parts.length - index).join('/')}/node_modules`);
}

function newModule(id: string, filename: string): UploadedModule {
  const path = directoryOf(filename);
  return { id, path, filename, paths: packageFolders(path), children: [], exports: {}, loaded: false };
}

/** Makes `require`, `import` and `module` for one program. */
export class ModuleLoader {
  readonly main = newModule('.', MAIN);
  readonly #world: LoaderWorld;
  readonly #cache: Record<string, UploadedModule> = Object.assign(Object.create(null), { [MAIN]: this.main });
  readonly #namespaces = new Map<string, ImportedModule>();
  /** Modules that wait for others at the moment, by path. */
  readonly #waits = new Map<string, Set<string>>();

  constructor(world: LoaderWorld) {
    this.#world = world;
  }

  /** `require` as a module in `directory` has it. */
  requireFrom(directory: string): Require {
    const require = (name: unknown): unknown => this.#require(String(name), directory);
    return Object.assign(require, {
      main: this.main,
      cache: this.#cache,
      resolve: (name: string) => this.#resolve(name, directory) ?? name,
    });
  }

  /** `import()` as a module in `directory` has it; `importer` is that module's path when others can wait for it. */
  importFrom(directory: string, importer: string | null = null): Load {
    return async (name) => {
      const wanted = String(name).replace(/^file:\/\//, '');
      const path = this.#resolve(wanted, directory);
      if (path === null) return namespaceOf(this.#builtin(wanted));
      return await this.#import(path, importer);
    };
  }

  /** `node:module` has what makes sense here: `createRequire`. */
  #builtin(name: string): unknown {
    if (!/^(?:node:)?module$/.test(name)) return this.#world.builtin(name);
    const createRequire = (from: unknown): Require => this.requireFrom(directoryOf(String(from).replace(/^file:\/\//, '')));
    return { createRequire, isBuiltin: (wanted: string) => this.#world.isBuiltin(wanted) };
  }

  #require(name: string, directory: string): unknown {
    const path = this.#resolve(name, directory);
    if (path === null) return this.#builtin(name);
    const known = this.#cache[path];
    if (known !== undefined) return known.exports;
    const module = newModule(path, path);
    this.#cache[path] = module;
    try {
      this.#run(module);
    } catch (error) {
      delete this.#cache[path];
      throw error;
    }
    module.loaded = true;
    return module.exports;
  }

  #run(module: UploadedModule): void {
    const { filename, path } = module;
    const text = this.#text(filename);
    if (filename.endsWith('.json')) {
      module.exports = JSON.parse(text);
      return;
    }
    if (filename.endsWith('.mjs')) {
      const message = `require() of the ES module ${filename} is not possible here; use import`;
      throw Object.assign(new Error(message), { code: 'ERR_REQUIRE_ESM' });
    }
    const code = text.startsWith('#!') ? `//${text}` : text;
    const source = `(function (exports, require, module, __filename, __dirname) {${code}\n})\n//# sourceURL=${filename}`;
    const start = runScript(source, filename) as (...args: unknown[]) => void;
    start.call(module.exports, module.exports, this.requireFrom(path), module, filename, path);
  }

  async #import(path: string, importer: string | null): Promise<unknown> {
    const known = this.#namespaces.get(path);
    if (known !== undefined) return await this.#waitFor(path, known, importer);
    const { acorn } = this.#world;
    const source = path.endsWith('.json')
      ? null
      : prepareModule(this.#text(path), { acorn, path, always: path.endsWith('.mjs') });
    if (source === null) return namespaceOf(this.#require(path, '/'));
    const namespace: Namespace = Object.create(null) as Namespace;
    // Known before it begins, so that a circle finds it.
    const begun = { namespace, done: Promise.resolve().then(() => this.#evaluate(source, path, namespace)) };
    this.#namespaces.set(path, begun);
    return await this.#waitFor(path, begun, importer);
  }

  /** In a circle the importer gets what is there so far: else it would wait for itself. */
  async #waitFor(path: string, { namespace, done }: ImportedModule, importer: string | null): Promise<Namespace> {
    if (importer === null) return await done;
    if (this.#waitsFor(path, importer)) return namespace;
    const waits = this.#waits.get(importer) ?? new Set();
    this.#waits.set(importer, waits.add(path));
    try {
      return await done;
    } finally {
      waits.delete(path);
    }
  }

  /** True when `path` is `wanted`, or waits for it through others. */
  #waitsFor(path: string, wanted: string): boolean {
    const seen = new Set([path]);
    for (const each of seen) for (const next of this.#waits.get(each) ?? []) seen.add(next);
    return seen.has(wanted);
  }

  async #evaluate(source: string, path: string, namespace: Namespace): Promise<Namespace> {
    const show = (name: string, get: () => unknown): void => {
      Object.defineProperty(namespace, name, { get, enumerable: true, configurable: true });
    };
    const exported = (getters: Readonly<Record<string, () => unknown>>): void => {
      for (const [name, get] of Object.entries(getters)) show(name, get);
    };
    const exportAll = (from: Namespace, name: string | null): void => {
      if (name !== null) show(name, () => from);
      else for (const key of Object.keys(from)) if (key !== 'default' && !(key in namespace)) show(key, () => from[key]);
    };
    const start = runScript(source, path) as (...args: unknown[]) => Promise<void>;
    await start(this.importFrom(directoryOf(path), path), exported, exportAll);
    return namespace;
  }

  #text(path: string): string {
    return decoder.decode(this.#world.files.read(path));
  }

  /** Path of an uploaded module; `null` for a built-in or a package that is not here. */
  #resolve(name: string, directory: string): string | null {
    if (/^\.{0,2}\//.test(name) || name === '.' || name === '..') {
      const path = this.#world.files.resolve(name.startsWith('/') ? name : `${directory}/${name}`);
      const found = (name.endsWith('/') ? null : this.#asFile(path)) ?? this.#asFolder(path);
      if (found !== null) return found;
      throw Object.assign(new Error(`Cannot find module '${name}'`), { code: 'MODULE_NOT_FOUND' });
    }
    if (this.#world.isBuiltin(name)) return null;
    for (const folder of packageFolders(directory)) {
      const found = this.#asFile(`${folder}/${name}`) ?? this.#asFolder(`${folder}/${name}`);
      if (found !== null) return found;
    }
    return null;
  }

  #asFile(path: string): string | null {
    return [path, `${path}.js`, `${path}.json`].find((name) => this.#world.files.stat(name) instanceof Uint8Array) ?? null;
  }

  #asFolder(path: string): string | null {
    if (this.#world.files.stat(path) !== null) return null;
    const description = `${path}/package.json`;
    if (this.#world.files.stat(description) instanceof Uint8Array) {
      const { main } = JSON.parse(this.#text(description)) as { readonly main?: unknown };
      const start = typeof main === 'string' ? this.#world.files.resolve(`${path}/${main}`) : null;
      const found = start === null ? null : (this.#asFile(start) ?? this.#asFile(`${start}/index`));
      if (found !== null) return found;
    }
    return this.#asFile(`${path}/index`);
  }
}

/** What `import` gives of something that is no ES module. */
function namespaceOf(exports: unknown): unknown {
  if (typeof exports === 'object' && exports !== null && 'default' in exports) return exports;
  return Object.assign(Object.create(null), exports, { default: exports });
}
