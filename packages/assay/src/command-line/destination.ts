/** Writes what a command was asked to keep. */

import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { CliError } from './errors.ts';
import type { Io } from './io.ts';

/** Of files that hold what was asked and answered: their owner's alone, whatever the umask. A file that is there keeps its mode. */
export const PRIVATE: { readonly mode: number } = { mode: 0o600 };

/**
 * Writes one file below the working directory, with its folders.
 * @param options - {@link PRIVATE} for prompts and results.
 * @throws {CliError} `cli/file-unwritable`.
 */
export async function writeFileOf(
  io: Io,
  path: string,
  bytes: Uint8Array,
  options: { readonly mode?: number } = {},
): Promise<void> {
  const absolute = resolve(io.cwd, path);
  try {
    await mkdir(dirname(absolute), { recursive: true });
    await writeFile(absolute, bytes, options);
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? 'unwritable';
    throw new CliError('cli/file-unwritable', `cannot write ${path}: ${reason}; check the folder`, { cause });
  }
}
