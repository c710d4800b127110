/** The `fs` and `fs/promises` that programs get: Node's names over {@link MemoryFiles}. What is missing does not exist here. */

import { fileError, type MemoryFiles } from './memory-files.ts';

type Encoding =
  | string
  | { readonly encoding?: string | null; readonly flag?: string; readonly recursive?: boolean; readonly force?: boolean }
  | null;
type Callback = (error: unknown, value?: unknown) => void;

const encoder = new TextEncoder();

interface Pushing {
  push(chunk: unknown): void;
}

/** What this file uses of Node's `stream`. */
export interface StreamModule {
  readonly Readable: new (options: { readonly encoding?: string | undefined; read(this: Pushing): void }) => object;
  readonly Writable: new (options: {
    readonly decodeStrings: boolean;
    write(chunk: Uint8Array, encoding: string, done: (error?: unknown) => void): void;
  }) => object;
}

/** `fs` and `fs/promises`; `stdin` is what `readFileSync(0)` reads. */
export function fsModules(
  files: MemoryFiles,
  stdin: () => Uint8Array,
  streams: StreamModule,
): { readonly fs: object; readonly promises: object } {
  const source = (path: unknown): Uint8Array =>
    path === 0 || path === '/dev/stdin' ? stdin() : files.read(files.resolve(path));

  const statOf = (path: unknown, quiet = false): object | undefined => {
    const name = files.resolve(path);
    const found = files.stat(name);
    if (found === undefined) {
      if (quiet) return undefined;
      throw fileError('ENOENT', 'no such file or directory', 'stat', name);
    }
    const time = new Date(0);
    return {
      size: found?.length ?? 4096,
      mode: found === null ? 0o40755 : 0o100644,
      mtimeMs: 0,
      mtime: time,
      ctime: time,
      atime: time,
      birthtime: time,
      isFile: () => found !== null,
      isDirectory: () => found === null,
      isSymbolicLink: () => false,
    };
  };

  const write = (path: unknown, content: unknown, options?: Encoding): void => {
    const name = files.resolve(path);
    const bytes = toBytes(content, encodingOf(options));
    const append = typeof options === 'object' && options?.flag?.startsWith('a') === true;
    const before = append ? files.stat(name) : undefined;
    files.write(name, before instanceof Uint8Array ? join(before, bytes) : bytes);
  };

  const sync = {
    readFileSync: (path: unknown, options?: Encoding) => fromBytes(source(path), encodingOf(options)),
    writeFileSync: write,
    appendFileSync: (path: unknown, content: unknown, options?: Encoding) =>
      write(path, content, { encoding: encodingOf(options), flag: 'a' }),
    existsSync: (path: unknown) => files.stat(files.resolve(path)) !== undefined,
    accessSync: (path: unknown) => void statOf(path),
    statSync: (path: unknown, options?: { readonly throwIfNoEntry?: boolean }) =>
      statOf(path, options?.throwIfNoEntry === false),
    lstatSync: (path: unknown, options?: { readonly throwIfNoEntry?: boolean }) =>
      statOf(path, options?.throwIfNoEntry === false),
    mkdirSync: (path: unknown, options?: { readonly recursive?: boolean }) =>
      files.makeDirectory(files.resolve(path), options?.recursive === true),
    readdirSync: (path: unknown, options?: { readonly withFileTypes?: boolean }) => {
      const name = files.resolve(path);
      const names = files.list(name);
      if (options?.withFileTypes !== true) return [...names];
      return names.map((entry) => ({ name: entry, parentPath: name, ...statOf(`${name}/${entry}`) }));
    },
    unlinkSync: (path: unknown) => files.remove(files.resolve(path), { recursive: false, directory: false, force: false }),
    rmdirSync: (path: unknown) => files.remove(files.resolve(path), { recursive: false, directory: true, force: false }),
    rmSync: (path: unknown, options?: { readonly recursive?: boolean; readonly force?: boolean }) =>
      files.remove(files.resolve(path), {
        recursive: options?.recursive === true,
        directory: false,
        force: options?.force === true,
      }),
    renameSync: (from: unknown, to: unknown) => files.rename(files.resolve(from), files.resolve(to)),
    copyFileSync: (from: unknown, to: unknown) => files.write(files.resolve(to), files.read(files.resolve(from)).slice()),
    mkdtempSync: (prefix: unknown) => {
      for (let number = 0; ; number += 1) {
        const name = files.resolve(`${prefix}${String(number).padStart(6, '0')}`);
        if (files.stat(name) !== undefined) continue;
        files.makeDirectory(name, false);
        return name;
      }
    },
  };

  const promises: Record<string, unknown> = {};
  const callbacks: Record<string, unknown> = {};
  for (const [name, call] of Object.entries(sync)) {
    const plain = name.slice(0, -'Sync'.length);
    const run = call as (...args: unknown[]) => unknown;
    promises[plain] = async (...args: unknown[]) => run(...args);
    callbacks[plain] = (...args: unknown[]) => {
      const done = args.pop() as Callback;
      if (typeof done !== 'function') throw new TypeError('expected a callback as last argument');
      queueMicrotask(() => {
        let value: unknown;
        try {
          value = run(...args);
        } catch (error) {
          done(error);
          return;
        }
        done(null, value);
      });
    };
  }
  const createWriteStream = (path: unknown, options?: Encoding): object => {
    if (typeof options !== 'object' || options?.flag?.startsWith('a') !== true) write(path, '');
    const append = (chunk: Uint8Array, _encoding: string, done: (error?: unknown) => void): void => {
      try {
        write(path, chunk, { flag: 'a' });
        done();
      } catch (error) {
        done(error);
      }
    };
    return Object.assign(new streams.Writable({ decodeStrings: true, write: append }), { path });
  };
  const createReadStream = (path: unknown, options?: Encoding): object => {
    const read = function (this: Pushing): void {
      const bytes = source(path);
      if (bytes.length > 0) this.push(Buffer.from(bytes));
      this.push(null);
    };
    return Object.assign(new streams.Readable({ encoding: encodingOf(options) ?? undefined, read }), { path });
  };
  const constants = { F_OK: 0, R_OK: 4, W_OK: 2, X_OK: 1 };
  return {
    fs: { ...sync, ...callbacks, createReadStream, createWriteStream, promises, constants },
    promises: { ...promises, constants },
  };
}

function encodingOf(options: Encoding | undefined): string | null {
  return typeof options === 'string' ? options : (options?.encoding ?? null);
}

function toBytes(content: unknown, encoding: string | null): Uint8Array {
  if (content instanceof Uint8Array) return content.slice();
  if (ArrayBuffer.isView(content)) return new Uint8Array(content.buffer, content.byteOffset, content.byteLength).slice();
  if (content instanceof ArrayBuffer) return new Uint8Array(content.slice(0));
  if (typeof content !== 'string') {
    throw Object.assign(new TypeError('the data must be a string or bytes; use JSON.stringify for objects'), {
      code: 'ERR_INVALID_ARG_TYPE',
    });
  }
  if (encoding === null || /^utf-?8$/i.test(encoding)) return encoder.encode(content);
  return new Uint8Array(Buffer.from(content, encoding as BufferEncoding));
}

function fromBytes(bytes: Uint8Array, encoding: string | null): unknown {
  if (encoding !== null && /^utf-?8$/i.test(encoding)) return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
  const buffer = Buffer.from(bytes);
  return encoding === null ? buffer : buffer.toString(encoding as BufferEncoding);
}

function join(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
