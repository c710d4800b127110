/**
 * One agent a data directory: an exclusive SQLite lock on a file of its own, held until the process ends. The kernel drops it when the
 * process dies, so a crash leaves nothing to clean up.
 */

import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { inDirectory } from '../data-directory.ts';
import { LedgerError } from '../errors.ts';
import { makePrivateDirectory, makePrivateFile } from './private-files.ts';

/**
 * Takes the lock, making the directory (mode 0700) when it is not there and closing it to other users when it is. Returns what gives it
 * back.
 * @throws {LedgerError} `ledger/in-use`, `ledger/directory-exposed`, `ledger/unavailable`.
 */
export function lockDirectory(directory: string): () => void {
  return inDirectory(directory, () => {
    makePrivateDirectory(directory);
    makePrivateFile(join(directory, 'lock.db'));
    const lock = new DatabaseSync(join(directory, 'lock.db'), { timeout: 0 });
    try {
      lock.exec('PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE');
    } catch (cause) {
      lock.close();
      throw new LedgerError(
        'ledger/in-use',
        `another agent uses ${directory}; stop it, or set ASSAY_DATA_DIR to another directory`,
        { cause },
      );
    }
    return () => lock.close();
  });
}
