/** Work on the files of a data directory: what the system refuses (no rights, a read-only or full disk) is one coded error. */

import { isCoded } from '@assay/encoding/coded-error';
import { LedgerError } from './errors.ts';

/**
 * What `work` on files of `directory` gives. Coded errors pass, and faults of this program: they are no property of the directory.
 * @throws {LedgerError} `ledger/unavailable` for what the system, SQLite or Node refuses.
 * @example inDirectory('.assay', () => mkdirSync('.assay'))
 */
export function inDirectory<Result>(directory: string, work: () => Result): Result {
  try {
    return work();
  } catch (cause) {
    const why = refusalOf(cause);
    if (isCoded(cause) || why === null) throw cause;
    throw new LedgerError(
      'ledger/unavailable',
      `${directory} cannot be used (${why}); give the agent a directory it can write`,
      {
        cause,
      },
    );
  }
}

/** The code of a refusal; `null` for every other error. */
function refusalOf(error: unknown): string | null {
  if (!(error instanceof Error) || error instanceof TypeError) return null;
  const { code } = error as NodeJS.ErrnoException;
  return code === undefined || code.startsWith('ERR_INVALID_') ? null : code;
}
