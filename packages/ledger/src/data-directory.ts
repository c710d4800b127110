/** Work on the files of a data directory: what the system refuses (no rights, a read-only or full disk) is one coded error. */

import { isCoded } from '@assay/encoding/coded-error';
import { LedgerError } from './errors.ts';

/**
 * What `work` on files of `directory` gives. Coded errors pass.
 * @throws {LedgerError} `ledger/unavailable` for every other error.
 * @example inDirectory('.assay', () => mkdirSync('.assay'))
 */
export function inDirectory<Result>(directory: string, work: () => Result): Result {
  try {
    return work();
  } catch (cause) {
    if (isCoded(cause)) throw cause;
    const why = (cause as NodeJS.ErrnoException).code ?? 'another error';
    throw new LedgerError(
      'ledger/unavailable',
      `${directory} cannot be used (${why}); give the agent a directory it can write`,
      {
        cause,
      },
    );
  }
}
