/** Reads the committed tree of the embedded database, checked (spec/log.md §4). */

import { randomBytes } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';
import { equalBytes, utf8 } from '@assay/encoding/bytes';
import { EMPTY_ROOT, hashLeaf, TILE_WIDTH } from '@assay/receipt';
import { LedgerError } from '../errors.ts';
import { GrowingTree } from '../tree.ts';

/** Reads a tile's row. */
export function tileReader(db: DatabaseSync): (level: number, index: number) => Uint8Array | null {
  const select = db.prepare('SELECT hashes FROM tiles WHERE level = ? AND n = ?');
  return (level, index) => (select.get(level, index)?.hashes as Uint8Array | undefined) ?? null;
}

/**
 * The tree as committed, checked.
 * @throws {LedgerError} `ledger/corrupt` when tiles, entries and head disagree.
 */
export function loadTree(db: DatabaseSync): GrowingTree {
  const head = db.prepare('SELECT size, root FROM head WHERE id = 1').get() as { size: number; root: Uint8Array } | undefined;
  const size = head?.size ?? 0;
  const corrupt = (why: string, cause?: unknown) =>
    new LedgerError(
      'ledger/corrupt',
      `the log in the data directory is damaged: ${why}; restore it from a backup and tell its witnesses`,
      { cause },
    );
  let tree: GrowingTree;
  try {
    tree = new GrowingTree(size, tileReader(db));
  } catch (cause) {
    throw corrupt('tiles are missing', cause);
  }
  if (!equalBytes(tree.root(), head?.root ?? EMPTY_ROOT)) throw corrupt('the tiles do not lead to the committed root');
  const last = db.prepare('SELECT max(idx) AS last FROM entries').get()?.last as number | null;
  if ((last ?? -1) !== size - 1) throw corrupt(`the last entry is ${last} under a head of ${size}`);
  assertEdgeEntries(db, size, corrupt);
  return tree;
}

/** The entries of the last, partial tile are all there and hash to it; older ones are checked whenever they are handed out. */
function assertEdgeEntries(db: DatabaseSync, size: number, corrupt: (why: string) => LedgerError): void {
  const from = Math.floor(size / TILE_WIDTH) * TILE_WIDTH;
  const tile = tileReader(db)(0, from / TILE_WIDTH) ?? new Uint8Array();
  const entries = db.prepare('SELECT idx, leaf FROM entries WHERE idx >= ? ORDER BY idx').all(from);
  if (entries.length !== size - from) throw corrupt(`${entries.length} of the last ${size - from} entries are there`);
  entries.forEach((row, i) => {
    if (row.idx !== from + i || !equalBytes(hashLeaf(utf8(row.leaf as string)), tile.subarray(i * 32, i * 32 + 32)))
      throw corrupt(`entry ${from + i} is not the one in the tree`);
  });
}

/** The directory's id, 16 hex characters, made on the first start. */
export function replicaId(db: DatabaseSync): string {
  db.prepare("INSERT INTO meta VALUES ('replica', ?) ON CONFLICT DO NOTHING").run(randomBytes(8).toString('hex'));
  return db.prepare("SELECT value FROM meta WHERE key = 'replica'").get()?.value as string;
}
