/** Model files on disk as sources to read from: one file, the parts of a split one, or a folder. Nothing is loaded as a whole. */

import { createHash } from 'node:crypto';
import { type FileHandle, open, opendir, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { ByteSource, HashOptions } from '@assay/models';
import { CliError } from './errors.ts';
import type { Io } from './io.ts';

/** The platform's SHA-256. */
export const NATIVE_HASH: HashOptions = { newHasher: () => createHash('sha256') };

const BUFFER_BYTES = 4 * 1024 * 1024;
const MAX_FILES = 65_536;
const MAX_DEPTH = 16;
const SPLIT = /^(.*)-\d{5}-of-(\d{5})\.gguf$/;
/** Git's own folders, which no signature covers. */
const PASSED_OVER = new Set(['.git', '.github']);

/** Runs `work` with open sources, and closes them. Reading rejects with the reason of `signal`. */
export async function withModelFiles<T>(
  paths: readonly NamedPath[],
  work: (sources: readonly ByteSource[]) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const opened: FileHandle[] = [];
  try {
    const sources: ByteSource[] = [];
    for (const { name, path, shown } of paths) {
      const { handle, size } = await openFile(path, shown);
      opened.push(handle);
      sources.push(sourceOf(handle, { name, size, signal }));
    }
    return await work(sources);
  } finally {
    for (const handle of opened) await handle.close();
  }
}

/** A file and its name inside of the model. */
export interface NamedPath {
  readonly name: string;
  /** Absolute. */
  readonly path: string;
  /** As the user wrote it. */
  readonly shown: string;
}

/**
 * What makes one model: the file, all parts of a split GGUF, or the files that lie directly in a folder. Links to files are followed, as in
 * download caches.
 * @throws {CliError} `cli/file-unreadable`.
 */
export async function modelPaths(io: Io, subject: string): Promise<readonly NamedPath[]> {
  const absolute = resolve(io.cwd, subject);
  if (await isFolder(absolute, subject)) {
    const names = await filesIn(absolute);
    return names.map((name) => ({ name, path: join(absolute, name), shown: join(subject, name) }));
  }
  const name = basename(absolute);
  const split = SPLIT.exec(name);
  if (split === null) return [{ name, path: absolute, shown: subject }];
  const [, stem = '', count = ''] = split;
  const siblings = (await filesIn(dirname(absolute))).filter((each) => {
    const part = SPLIT.exec(each);
    return part !== null && part[1] === stem && part[2] === count;
  });
  return siblings.map((each) => ({ name: each, path: join(dirname(absolute), each), shown: join(dirname(subject), each) }));
}

/**
 * Everything that a signature over `subject` covers: the file, as `.`, or all files below a folder.
 * @throws {CliError} `cli/file-unreadable`; `cli/bad-option` for links unless they are allowed.
 */
export async function signedPaths(
  io: Io,
  subject: string,
  options: { readonly allowLinks: boolean },
): Promise<readonly NamedPath[]> {
  const absolute = resolve(io.cwd, subject);
  if (!(await isFolder(absolute, subject))) return [{ name: '.', path: absolute, shown: subject }];
  const found: NamedPath[] = [];
  const walk = async (folder: string, inside: string, depth: number): Promise<void> => {
    if (depth > MAX_DEPTH)
      throw new CliError(
        'cli/bad-option',
        `expected at most ${MAX_DEPTH} folders inside of one another, got more in ${subject}; name the model's own folder`,
      );
    for await (const entry of await opendir(folder)) {
      const name = inside === '' ? entry.name : `${inside}/${entry.name}`;
      if (PASSED_OVER.has(name)) continue;
      const path = join(folder, entry.name);
      if (entry.isDirectory()) await walk(path, name, depth + 1);
      else {
        if (entry.isSymbolicLink() && !options.allowLinks)
          throw new CliError(
            'cli/bad-option',
            `expected files and folders in ${subject}, got ${name}, a link; --allow-links follows links to files`,
          );
        found.push({ name, path, shown: join(subject, name) });
      }
      if (found.length > MAX_FILES)
        throw new CliError(
          'cli/bad-option',
          `expected at most ${MAX_FILES} files in ${subject}, got more; name the model's own folder`,
        );
    }
  };
  await walk(absolute, '', 0);
  return found.sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function filesIn(folder: string): Promise<readonly string[]> {
  const names: string[] = [];
  for await (const entry of await opendir(folder)) {
    if (entry.isDirectory() || entry.name.startsWith('.')) continue;
    names.push(entry.name);
    if (names.length > MAX_FILES)
      throw new CliError(
        'cli/bad-option',
        `expected at most ${MAX_FILES} files in ${folder}, got more; name the model's own folder`,
      );
  }
  return names.sort();
}

async function isFolder(absolute: string, shown: string): Promise<boolean> {
  try {
    return (await stat(absolute)).isDirectory();
  } catch (cause) {
    throw unreadable(shown, cause);
  }
}

async function openFile(path: string, shown: string): Promise<{ readonly handle: FileHandle; readonly size: number }> {
  let handle: FileHandle;
  try {
    handle = await open(path, 'r');
  } catch (cause) {
    throw unreadable(shown, cause);
  }
  const facts = await handle.stat();
  if (facts.isFile()) return { handle, size: facts.size };
  await handle.close();
  throw new CliError('cli/file-unreadable', `cannot read ${shown}: it is no regular file; name a file or a folder of files`);
}

/** Reads into two buffers by turns, so that one can be hashed while the other is filled. */
function sourceOf(
  handle: FileHandle,
  { name, size, signal }: { readonly name: string; readonly size: number; readonly signal: AbortSignal | undefined },
): ByteSource {
  const buffers: Uint8Array[] = [];
  let turn = 0;
  return {
    name,
    size,
    read: async (offset, length) => {
      signal?.throwIfAborted();
      let target: Uint8Array;
      if (length > BUFFER_BYTES) target = new Uint8Array(length);
      else {
        turn = 1 - turn;
        buffers[turn] ??= new Uint8Array(Math.min(BUFFER_BYTES, size));
        target = buffers[turn]?.subarray(0, length) ?? new Uint8Array(length);
      }
      let filled = 0;
      while (filled < length) {
        const { bytesRead } = await handle.read(target, filled, length - filled, offset + filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      return target.subarray(0, filled);
    },
  };
}

function unreadable(shown: string, cause: unknown): CliError {
  return new CliError('cli/file-unreadable', `cannot read ${shown}: ${(cause as NodeJS.ErrnoException).code}; check the path`, {
    cause,
  });
}
