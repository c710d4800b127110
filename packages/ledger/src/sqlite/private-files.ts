/**
 * The data directory is the agent's alone: it holds the keys of log and data, and every receipt. A directory that was made for it by others
 * (a mounted volume has mode 0755) is closed at start; one that cannot be closed is refused. POSIX modes only: on Windows the access
 * list of the folder decides, and nothing is checked.
 */

import { chmodSync, closeSync, constants, fstatSync, lstatSync, mkdirSync, openSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { inDirectory } from '../data-directory.ts';
import { LedgerError } from '../errors.ts';

/** Bits of group and others. */
const FOREIGN = 0o077;
/** Set on directories that many users share, such as /tmp. */
const STICKY = 0o1000;

/**
 * Makes `directory` when it is not there, and takes it and the files in it from every other user: 0700 and 0600.
 * @throws {LedgerError} `ledger/directory-exposed` when the directory belongs to another user or is shared and others can enter it;
 * `ledger/unavailable` when it cannot be made or closed.
 * @example makePrivateDirectory('.assay')
 */
export function makePrivateDirectory(directory: string): void {
  inDirectory(directory, () => make(directory));
}

function make(directory: string): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  if (process.platform === 'win32') return;
  const { mode } = statSync(directory);
  if ((mode & FOREIGN) !== 0) close(directory, mode);
  for (const name of readdirSync(directory)) {
    const path = join(directory, name);
    const found = lstatSync(path);
    if (found.isFile() && (found.mode & FOREIGN) !== 0 && !isKeyFile(name)) chmodSync(path, 0o600);
  }
}

/** Key files that others could read are refused where they are read: closing them would hide that the key may be known. */
const isKeyFile = (name: string): boolean => name.includes('key');

function close(directory: string, mode: number): void {
  const refused = (why: string, cause?: unknown) =>
    new LedgerError(
      'ledger/directory-exposed',
      `expected a data directory that only the agent can enter, got mode ${(mode & 0o7777).toString(8)} on ${directory}, ${why}; give it a directory of its own with mode 700`,
      { cause },
    );
  if ((mode & STICKY) !== 0) throw refused('which many users share');
  try {
    chmodSync(directory, 0o700);
  } catch (cause) {
    throw refused('which belongs to another user', cause);
  }
}

/**
 * Makes the file, mode 0600, when it is not there, so that what opens it next cannot make it with a wider mode.
 * @throws {LedgerError} `ledger/unavailable`.
 */
export function makePrivateFile(path: string): void {
  const file = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600);
  try {
    if (!fstatSync(file).isFile())
      throw new LedgerError('ledger/unavailable', `expected a file at ${path}, got something else; move it away`);
  } finally {
    closeSync(file);
  }
}
