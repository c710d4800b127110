/**
 * Reads files that a command was given by name. Only regular files are opened to the end: a pipe would be waited for, a device never
 * ends. The size is checked before memory is taken, and again while reading, because a file may grow.
 */

import { constants } from 'node:fs';
import { type FileHandle, open, opendir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { readAtMost } from '@assay/encoding/bounded-reader';
import type { Reservation } from '@assay/encoding/budget';
import { joinBytes } from '@assay/encoding/bytes';
import { CliError } from './errors.ts';
import { nearest } from './near-miss.ts';

/** Of a folder, that are compared with a misspelled one. */
const MOST_NAMES = 4096;

export interface ReadFileOptions {
  /** The path as the user wrote it, for errors. */
  readonly shown: string;
  /** Bytes. */
  readonly most: number;
  /** Grows by the size of the file before it is read. */
  readonly held?: Reservation | undefined;
}

/** The kinds that `open` gives besides regular files, and what to do with each. */
const OTHER_KINDS = [
  ['isDirectory', 'a folder', 'name a file in it'],
  ['isFIFO', 'a pipe', 'write - and pipe it into standard input'],
  ['isCharacterDevice', 'a device', 'copy what you need into a file'],
  ['isBlockDevice', 'a device', 'copy what you need into a file'],
  ['isSocket', 'a socket', 'copy what you need into a file'],
] as const;

/**
 * The bytes of a regular file.
 * @throws {CliError} `cli/file-unreadable` when it is absent, forbidden, a loop of links, or no regular file; `cli/input-too-large`.
 * @example await readRegularFile('/tmp/quote.bin', { shown: 'quote.bin', most: 64 * 1024 * 1024 })
 */
export async function readRegularFile(absolute: string, options: ReadFileOptions): Promise<Uint8Array> {
  try {
    return await openedFile(absolute, options);
  } catch (cause) {
    if (cause instanceof CliError) throw cause;
    const near = errnoOf(cause) === 'ENOENT' ? await nearName(absolute) : null;
    throw unreadable(
      options.shown,
      cause,
      near === null ? 'check the path' : `did you mean ${join(dirname(options.shown), near)}?`,
    );
  }
}

/**
 * As {@link readRegularFile}, for a key: what else stands in its folder is not looked at and not named.
 * @throws {CliError} `cli/file-unreadable`, `cli/input-too-large`.
 * @example await readSecretFile('/home/me/owner.key', { shown: 'owner.key', most: 1024 })
 */
export async function readSecretFile(absolute: string, options: ReadFileOptions): Promise<Uint8Array> {
  try {
    return await openedFile(absolute, options);
  } catch (cause) {
    throw cause instanceof CliError ? cause : unreadable(options.shown, cause, 'check the path');
  }
}

async function openedFile(absolute: string, options: ReadFileOptions): Promise<Uint8Array> {
  const { shown, most, held } = options;
  // Without O_NONBLOCK the opening of a pipe waits until somebody writes to it.
  const file = await open(absolute, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (constants.O_NOCTTY ?? 0));
  try {
    const found = await file.stat();
    const kind = OTHER_KINDS.find(([is]) => found[is]());
    if (kind !== undefined)
      throw new CliError('cli/file-unreadable', `cannot read ${shown}: expected a file, got ${kind[1]}; ${kind[2]}`);
    if (found.size > most) throw inputTooLarge(shown, most);
    held?.grow(found.size);
    return await readAll(file, found.size, options);
  } finally {
    await file.close();
  }
}

function errnoOf(cause: unknown): string {
  return (cause as NodeJS.ErrnoException).code ?? 'unreadable';
}

function unreadable(shown: string, cause: unknown, advice: string): CliError {
  return new CliError('cli/file-unreadable', `cannot read ${shown}: ${errnoOf(cause)}; ${advice}`, { cause });
}

/** The file of the same folder whose name was probably meant; `null` when none is near. */
async function nearName(absolute: string): Promise<string | null> {
  const names: string[] = [];
  try {
    for await (const entry of await opendir(dirname(absolute))) {
      if (entry.isFile()) names.push(entry.name);
      if (names.length >= MOST_NAMES) break;
    }
  } catch {
    return null; // The folder is absent or closed; the error of the file says so.
  }
  return nearest(basename(absolute), names);
}

/** What {@link readRegularFile} throws, for other inputs of a command. */
export function inputTooLarge(shown: string, most: number): CliError {
  return new CliError('cli/input-too-large', `${shown} is larger than ${most} bytes, and no evidence is; check the file`);
}

/** One array of the size that was stated; files without a size (`/proc`) and files that grew are read on within the bound. */
async function readAll(file: FileHandle, size: number, { shown, most, held }: ReadFileOptions): Promise<Uint8Array> {
  const bytes = new Uint8Array(size);
  let length = 0;
  for (let read = 1; read > 0 && length < size; length += read)
    read = (await file.read(bytes, length, size - length)).bytesRead;
  const stream = file.createReadStream({ autoClose: false, start: length });
  const rest = await readAtMost(stream, { most: most - length, what: shown, held, refuse: () => inputTooLarge(shown, most) });
  return rest.length === 0 && length === size ? bytes : joinBytes([bytes.subarray(0, length), rest]);
}
