/** Files with keys in the data directory: mode 0600, whole or not there, made once even when agents that share the directory start together. */

import {
  closeSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { inDirectory } from './data-directory.ts';
import { LedgerError } from './errors.ts';

/**
 * The text of a key file; `null` when there is none.
 * @throws {LedgerError} `ledger/bad-key-file` when others can read it, or the agent cannot.
 */
export function readKeyFile(path: string): string | null {
  try {
    if ((statSync(path).mode & 0o077) !== 0)
      throw new LedgerError(
        'ledger/bad-key-file',
        `${path} can be read by others; run chmod 600 on it, and consider its keys known`,
      );
    return readFileSync(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw LedgerError.is(cause)
      ? cause
      : new LedgerError('ledger/bad-key-file', `${path} cannot be read; give the agent access to it`, { cause });
  }
}

/** A durable file next to `path` with the text, which then takes its name. @returns where it is. */
function writtenBefore(path: string, text: string): string {
  const temporary = `${path}.${process.pid}.new`;
  const file = openSync(temporary, 'w', 0o600);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } catch (cause) {
    unlinkSync(temporary);
    throw cause;
  } finally {
    closeSync(file);
  }
  return temporary;
}

/**
 * Puts the text in the place of what a key file holds, durably, whole or not at all.
 * @throws {LedgerError} `ledger/unavailable` where the directory takes no files.
 * @example replaceKeyFile('/var/lib/assay/log.key', text)
 */
export function replaceKeyFile(path: string, text: string): void {
  inDirectory(dirname(path), () => {
    const temporary = writtenBefore(path, text);
    try {
      renameSync(temporary, path);
    } catch (cause) {
      rmSync(temporary, { force: true });
      throw cause;
    }
    syncDirectory(dirname(path));
  });
}

/**
 * Makes the file durable; `false` when another agent made it first, and this text is not in it.
 * @throws {LedgerError} `ledger/unavailable` where the directory takes no files.
 * @example if (!createKeyFile('/var/lib/assay/log.key', text)) console.warn('another agent made it first')
 */
export function createKeyFile(path: string, text: string): boolean {
  return inDirectory(dirname(path), () => linked(path, text));
}

function linked(path: string, text: string): boolean {
  const temporary = writtenBefore(path, text);
  try {
    linkSync(temporary, path);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause;
    return false;
  } finally {
    unlinkSync(temporary);
  }
  syncDirectory(dirname(path));
  return true;
}

/** Makes directory entries durable. */
function syncDirectory(directory: string): void {
  const handle = openSync(directory, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
