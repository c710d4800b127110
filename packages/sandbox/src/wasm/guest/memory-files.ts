/** Files of a JavaScript job, in memory. Paths are absolute or relative to `/tmp`; only what is below `/tmp` exists. */

import { append, newMap, sort } from '../../../runners/javascript/engine.mjs';

export const ROOT = '/tmp';

/** An error shaped like Node's. */
export function fileError(code: string, text: string, syscall: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${text}, ${syscall} '${path}'`), { code, syscall, path, errno: -1 });
}

export interface FileLimits {
  readonly diskBytes: number;
  readonly fileBytes: number;
  readonly inodes: number;
}

/** A small tree of files with Node's error codes. */
export class MemoryFiles {
  readonly #entries = newMap<string, Uint8Array | null>().set(ROOT, null);
  #limits: FileLimits = { diskBytes: 0, fileBytes: 0, inodes: 0 };
  #used = 0;
  /** True once a write was refused for lack of room. */
  full = false;

  setLimits(limits: FileLimits): void {
    this.#limits = limits;
  }

  /** Absolute path without `.`, `..` and doubled slashes. */
  resolve(path: unknown): string {
    const text = path instanceof URL ? decodeURIComponent(path.pathname) : String(path);
    if (text.includes('\0'))
      throw Object.assign(new TypeError('path must not contain null bytes'), { code: 'ERR_INVALID_ARG_VALUE' });
    const parts: string[] = [];
    for (const part of (text.startsWith('/') ? text : `${ROOT}/${text}`).split('/')) {
      if (part === '..') parts.pop();
      else if (part !== '' && part !== '.') parts.push(part);
    }
    return `/${parts.join('/')}`;
  }

  stat(path: string): Uint8Array | null | undefined {
    return path === '/' ? null : this.#entries.get(path);
  }

  read(path: string): Uint8Array {
    const found = this.stat(path);
    if (found === undefined) throw fileError('ENOENT', 'no such file or directory', 'open', path);
    if (found === null) throw fileError('EISDIR', 'illegal operation on a directory', 'read', path);
    return found;
  }

  write(path: string, bytes: Uint8Array): void {
    const before = this.#entries.get(path);
    if (before === null) throw fileError('EISDIR', 'illegal operation on a directory', 'open', path);
    this.#requireParent(path, 'open');
    const used = this.#used - (before?.length ?? 0) + bytes.length;
    const { diskBytes, fileBytes, inodes } = this.#limits;
    if (bytes.length > fileBytes) throw this.#noRoom('EFBIG', 'file too large', path);
    if (used > diskBytes || (before === undefined && this.#entries.size > inodes)) {
      throw this.#noRoom('ENOSPC', 'no space left on device', path);
    }
    this.#used = used;
    this.#entries.set(path, bytes);
  }

  makeDirectory(path: string, recursive: boolean): void {
    if (this.stat(path) !== undefined) {
      if (recursive && this.stat(path) === null) return;
      throw fileError('EEXIST', 'file already exists', 'mkdir', path);
    }
    const parent = path.slice(0, path.lastIndexOf('/')) || '/';
    if (recursive && parent.startsWith(ROOT)) this.makeDirectory(parent, true);
    this.#requireParent(path, 'mkdir');
    if (this.#entries.size > this.#limits.inodes) throw this.#noRoom('ENOSPC', 'no space left on device', path);
    this.#entries.set(path, null);
  }

  /** Names in a directory, sorted. */
  list(path: string): readonly string[] {
    const found = this.stat(path);
    if (found === undefined) throw fileError('ENOENT', 'no such file or directory', 'scandir', path);
    if (found !== null) throw fileError('ENOTDIR', 'not a directory', 'scandir', path);
    const prefix = path === '/' ? '/' : `${path}/`;
    return this.#paths()
      .filter((entry) => entry.startsWith(prefix) && !entry.slice(prefix.length).includes('/'))
      .map((entry) => entry.slice(prefix.length))
      .sort();
  }

  remove(path: string, options: { readonly recursive: boolean; readonly directory: boolean; readonly force: boolean }): void {
    const found = this.#entries.get(path);
    if (found === undefined) {
      if (options.force) return;
      throw fileError('ENOENT', 'no such file or directory', options.directory ? 'rmdir' : 'unlink', path);
    }
    if (found === null && !options.directory && !options.recursive) throw fileError('EISDIR', 'is a directory', 'unlink', path);
    if (found === null && !options.recursive && this.list(path).length > 0) {
      throw fileError('ENOTEMPTY', 'directory not empty', 'rmdir', path);
    }
    if (path === ROOT) throw fileError('EBUSY', 'resource busy or locked', 'rmdir', path);
    for (const entry of this.#paths()) {
      const bytes = this.#entries.get(entry) ?? null;
      if (entry !== path && !entry.startsWith(`${path}/`)) continue;
      this.#used -= bytes?.length ?? 0;
      this.#entries.delete(entry);
    }
  }

  rename(from: string, to: string): void {
    const found = this.#entries.get(from);
    if (found === undefined) throw fileError('ENOENT', 'no such file or directory', 'rename', from);
    this.#requireParent(to, 'rename');
    if (from === to) return;
    if (to.startsWith(`${from}/`)) throw fileError('EINVAL', 'invalid argument', 'rename', from);
    if (this.#entries.has(to)) this.remove(to, { recursive: false, directory: found === null, force: true });
    for (const entry of this.#paths()) {
      const bytes = this.#entries.get(entry) ?? null;
      if (entry !== from && !entry.startsWith(`${from}/`)) continue;
      this.#entries.delete(entry);
      this.#entries.set(to + entry.slice(from.length), bytes);
    }
  }

  /** Calls `take` with everything there is, sorted by path; `bytes` is `null` for a directory. */
  visit(take: (path: string, bytes: Uint8Array | null) => void): void {
    const paths = this.#paths();
    sort(paths, (a, b) => (a < b ? -1 : 1));
    for (let index = 0; index < paths.length; index += 1) {
      const path = paths[index] as string;
      take(path, this.#entries.get(path) ?? null);
    }
  }

  #paths(): string[] {
    const paths: string[] = [];
    this.#entries.forEach((_bytes, path) => {
      append(paths, path);
    });
    return paths;
  }

  #requireParent(path: string, syscall: string): void {
    if (path !== ROOT && !path.startsWith(`${ROOT}/`))
      throw fileError('EACCES', 'permission denied, only /tmp can be written', syscall, path);
    const parent = path.slice(0, path.lastIndexOf('/'));
    if (this.#entries.get(parent) !== null) throw fileError('ENOENT', 'no such file or directory', syscall, path);
  }

  #noRoom(code: string, text: string, path: string): Error {
    this.full = true;
    return fileError(code, text, 'write', path);
  }
}
