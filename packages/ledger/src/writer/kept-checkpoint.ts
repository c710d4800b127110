/**
 * The last published checkpoint, kept next to the database (spec/log.md §4): before the first signature after a start the log is compared
 * with it. A smaller or different tree is never signed.
 */

import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { equalBytes } from '@assay/encoding/bytes';
import { type Checkpoint, parseCheckpoint, parseVerifierKey, verifyCheckpoint } from '@assay/receipt';
import { LedgerError } from '../errors.ts';
import type { LogKey } from '../log-key.ts';
import type { GrowingTree } from '../tree.ts';

/** In the data directory. */
export const CHECKPOINT_FILE = 'checkpoint.note';

/**
 * The checkpoint that was published last from this directory; `null` before the first.
 * @throws {LedgerError} `ledger/unavailable`, `ledger/corrupt`.
 */
export async function readKeptCheckpoint(directory: string, key: LogKey): Promise<Checkpoint | null> {
  let note: string;
  try {
    note = readFileSync(join(directory, CHECKPOINT_FILE), 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new LedgerError(
      'ledger/unavailable',
      `${CHECKPOINT_FILE} in the data directory cannot be read; give the agent access to it`,
      { cause },
    );
  }
  try {
    const published = parseCheckpoint(note);
    await verifyCheckpoint(published, key.verifierKeys.map(parseVerifierKey));
    return published;
  } catch (cause) {
    throw new LedgerError(
      'ledger/corrupt',
      `${CHECKPOINT_FILE} in the data directory is not this log's; restore both from one backup`,
      { cause },
    );
  }
}

/**
 * Compares the tree with a checkpoint of the same log.
 * @throws {LedgerError} `ledger/rolled-back`, `ledger/forked`.
 */
export function assertContinues(tree: GrowingTree, signed: { readonly size: number; readonly root: Uint8Array }): void {
  if (signed.size > tree.size)
    throw new LedgerError(
      'ledger/rolled-back',
      `the log has ${tree.size} entries, but ${signed.size} were signed before; restore the newest data, a smaller log must never be signed; if ${signed.size - tree.size} entries are lost for good: assay store acknowledge --lost ${signed.size - tree.size}`,
    );
  if (!equalBytes(tree.rootAt(signed.size), signed.root))
    throw new LedgerError(
      'ledger/forked',
      `the log differs from what was signed at size ${signed.size}; restore the data, a fork must never be signed`,
    );
}

/** Keeps the newest published checkpoint for the next start, whole or not at all. */
export function keepCheckpoint(directory: string, note: string): void {
  // Agents that share a database may share the directory, too.
  const temporary = join(directory, `${CHECKPOINT_FILE}.${process.pid}.new`);
  const file = openSync(temporary, 'w', 0o600);
  try {
    writeSync(file, note);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(temporary, join(directory, CHECKPOINT_FILE));
}
