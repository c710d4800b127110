/** Writes what a command was asked to keep. */

import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { CliError } from './errors.ts';
import type { Io } from './io.ts';

/** Writes one file below the working directory, with its folders. @throws {CliError} `cli/file-unwritable`. */
export async function writeFileOf(io: Io, path: string, bytes: Uint8Array): Promise<void> {
  const absolute = resolve(io.cwd, path);
  try {
    await mkdir(dirname(absolute), { recursive: true });
    await writeFile(absolute, bytes);
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? 'unwritable';
    throw new CliError('cli/file-unwritable', `cannot write ${path}: ${reason}; check the folder`, { cause });
  }
}
