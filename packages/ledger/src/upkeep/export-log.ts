/**
 * A copy of the log as plain files (C2SP tlog-tiles): `checkpoint`, `tile/…`, `tile/entries/…` and `vkeys`, the log's verifier keys. Any web server
 * can serve it, and any client of such logs can read it, without this software. It ends at the newest published checkpoint of the directory.
 */

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { encodeBase64 } from '@assay/encoding/base64';
import { equalBytes, utf8 } from '@assay/encoding/bytes';
import { encodeEntryBundle, formatTilePath, hashLeaf, TILE_WIDTH } from '@assay/receipt';
import { LedgerError } from '../errors.ts';
import { readLogKey } from '../log-key.ts';
import { GrowingTree } from '../tree.ts';
import { CHECKPOINT_FILE, readKeptCheckpoint } from '../writer/kept-checkpoint.ts';
import { entryRows } from './log-rows.ts';
import { type KeptPlace, openRowReader, type RowReader } from './row-reader.ts';

const HASH_BYTES = 32;

export interface LogExport {
  readonly origin: string;
  /** Entries. */
  readonly size: number;
  readonly files: number;
}

/**
 * Writes the log into `folder`, which must be empty or absent. Every file is computed from the entries and held against the checkpoint.
 * @throws {LedgerError} `ledger/nothing-published`, `ledger/not-empty`, `ledger/corrupt`, `ledger/unavailable`.
 * @example await exportLog({ directory: '.assay' }, 'public/log')
 */
export async function exportLog(place: KeptPlace, folder: string): Promise<LogExport> {
  const key = readLogKey(place.directory);
  const head = await readKeptCheckpoint(place.directory, key);
  if (head === null)
    throw new LedgerError(
      'ledger/nothing-published',
      `expected a published checkpoint in ${place.directory}, got none; fetch /log/checkpoint from the agent once, or stop it, then export`,
    );
  const note = readFileSync(join(place.directory, CHECKPOINT_FILE), 'utf8');
  mkdirSync(folder, { recursive: true });
  if (readdirSync(folder).length > 0)
    throw new LedgerError('ledger/not-empty', `expected an empty folder, got files in ${folder}; name another one`);
  const reader = await openRowReader(place);
  try {
    const files = new Files(folder);
    const tree = await copyEntries(reader, head.size, files);
    if (!equalBytes(tree.root(), head.root))
      throw new LedgerError(
        'ledger/corrupt',
        'the entries do not lead to the published root; run assay log fsck, then restore a backup',
      );
    files.write('vkeys', utf8(`${key.verifierKeys.join('\n')}\n`));
    files.write('checkpoint', utf8(note));
    return { origin: key.origin, size: head.size, files: files.written };
  } finally {
    await reader.close();
  }
}

async function copyEntries(reader: RowReader, size: number, files: Files): Promise<GrowingTree> {
  const tree = new GrowingTree(0, () => null);
  for (let from = 0; from < size; from += TILE_WIDTH) {
    const width = Math.min(TILE_WIDTH, size - from);
    const rows = await reader.read(entryRows(from, from + width));
    if (rows.length !== width)
      throw new LedgerError(
        'ledger/corrupt',
        `entries of ${from} to ${from + width} are missing; run assay log fsck, then restore a backup`,
      );
    const entries = rows.map(({ leaf }) => utf8(leaf));
    for (const entry of entries) tree.append(encodeBase64(hashLeaf(entry)));
    files.write(formatTilePath({ kind: 'entries', level: 0, index: from / TILE_WIDTH, width }), encodeEntryBundle(entries));
    for (const { level, index, bytes } of tree.takeChanged())
      if (bytes.length === TILE_WIDTH * HASH_BYTES)
        files.write(formatTilePath({ kind: 'hashes', level, index, width: TILE_WIDTH }), bytes);
  }
  for (const { level, index, bytes } of tree.partialTiles())
    files.write(formatTilePath({ kind: 'hashes', level, index, width: bytes.length / HASH_BYTES }), bytes);
  return tree;
}

class Files {
  readonly #folder: string;
  written = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  write(path: string, bytes: Uint8Array): void {
    const file = join(this.#folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, bytes);
    this.written += 1;
  }
}
