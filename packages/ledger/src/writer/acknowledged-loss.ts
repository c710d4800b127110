/**
 * An operator's word that entries of the log are lost: after an older backup was restored, the agent refuses to start on a log that is smaller
 * than what it signed, as `checkpoint.note` says. Acknowledging the loss puts that checkpoint away and leaves this file, which the agent
 * logs before it seals anything else (spec/log.md §4).
 */

import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { parseJson } from '@assay/encoding/json';
import { LedgerError } from '../errors.ts';
import { KEY_FLOOR_FILE } from '../keys/key-floor.ts';
import { CHECKPOINT_FILE } from './kept-checkpoint.ts';

const FILE = 'acknowledged-loss.json';

export interface AcknowledgedLoss {
  /** Entries that were signed, and the root over them in hex. */
  readonly signedSize: number;
  readonly signedRoot: string;
  /** Entries that are left. */
  readonly foundSize: number;
  readonly foundRoot: string;
  /** Epoch milliseconds. */
  readonly at: number;
}

/**
 * The loss that was acknowledged in `directory` and is not logged yet; `null` when there is none.
 * @throws {LedgerError} `ledger/corrupt` for a file that is none.
 * @example const loss = readAcknowledgedLoss('/var/lib/assay'); if (loss !== null) console.warn(loss.foundSize)
 */
export function readAcknowledgedLoss(directory: string): AcknowledgedLoss | null {
  let text: string;
  try {
    text = readFileSync(join(directory, FILE), 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new LedgerError('ledger/unavailable', `${FILE} in the data directory cannot be read; give the agent access to it`, {
      cause,
    });
  }
  const { v, ...loss } = parsed(text) as { readonly v?: unknown } & AcknowledgedLoss;
  if (v === 1 && Number.isSafeInteger(loss.signedSize) && Number.isSafeInteger(loss.foundSize)) return loss;
  throw new LedgerError(
    'ledger/corrupt',
    `${FILE} in the data directory is not of this release; run assay store acknowledge again`,
  );
}

function parsed(text: string): unknown {
  try {
    return parseJson(text);
  } catch (cause) {
    throw new LedgerError('ledger/corrupt', `${FILE} in the data directory is no JSON; run assay store acknowledge again`, {
      cause,
    });
  }
}

/** Writes the acknowledgement, whole or not at all; then the checkpoint over the lost entries is put away, under its size. */
export function writeAcknowledgedLoss(directory: string, loss: AcknowledgedLoss): void {
  const temporary = join(directory, `${FILE}.${process.pid}.new`);
  const file = openSync(temporary, 'w', 0o600);
  try {
    writeSync(file, `${JSON.stringify({ v: 1, ...loss })}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(temporary, join(directory, FILE));
  const away = (name: string): void =>
    renameSync(join(directory, name), join(directory, `lost-${loss.signedSize}-${loss.at}-${name}`));
  // What is left may hold API keys as they were before a change that is lost.
  if (existsSync(join(directory, KEY_FLOOR_FILE))) away(KEY_FLOOR_FILE);
  away(CHECKPOINT_FILE);
}

/**
 * Puts an acknowledgement away once it is logged; it stays in the store under its sizes.
 * @example
 * const loss = readAcknowledgedLoss('/var/lib/assay');
 * if (loss !== null) putAwayAcknowledgedLoss('/var/lib/assay', loss);
 */
export function putAwayAcknowledgedLoss(directory: string, { signedSize, foundSize, at }: AcknowledgedLoss): void {
  renameSync(join(directory, FILE), join(directory, `acknowledged-loss-${signedSize}-${foundSize}-${at}.json`));
}
