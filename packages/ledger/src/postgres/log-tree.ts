/**
 * The committed tree on PostgreSQL. Other agents append, too: whenever the head is not where this one left it, the right edge is read again
 * and held against the last head that this agent knew. A database that went back or another way is never signed.
 */

import { equalBytes } from '@assay/encoding/bytes';
import { EMPTY_ROOT, TILE_WIDTH } from '@assay/receipt';
import type pg from 'pg';
import { LedgerError } from '../errors.ts';
import { tilesOfPath } from '../exports.ts';
import type { TilePlace } from '../store.ts';
import { GrowingTree } from '../tree.ts';
import { assertContinues } from '../writer/kept-checkpoint.ts';

export interface CommittedHead {
  readonly size: number;
  readonly root: Uint8Array;
}

export interface ReadHead extends CommittedHead {
  /** Deletions of payloads so far. */
  readonly erasures: number;
  /** Id of the data key in force. */
  readonly dataKey: string | null;
}

/** Tiles at the right edge of a tree of this size. */
function edgeOf(size: number): readonly TilePlace[] {
  const places: TilePlace[] = [];
  for (let level = 0, count = size; count > 0; level += 1) {
    count = Math.floor(count / TILE_WIDTH);
    places.push({ level, index: count });
    if (count > 0) places.push({ level, index: count - 1 });
  }
  return places;
}

/** Those of the tiles that are there, by `level/index`. */
export async function readTiles(
  client: pg.ClientBase | pg.Pool,
  places: readonly TilePlace[],
): Promise<Map<string, Uint8Array>> {
  if (places.length === 0) return new Map();
  const { rows } = await client.query({
    name: 'tiles',
    text: 'SELECT t.level, t.n, t.hashes FROM tiles t JOIN unnest($1::int[], $2::bigint[]) AS wanted(level, n) USING (level, n)',
    values: [places.map(({ level }) => level), places.map(({ index }) => index)],
  });
  return new Map(rows.map(({ level, n, hashes }) => [`${level}/${n}`, hashes as Uint8Array]));
}

export interface LoadOptions {
  readonly head: CommittedHead;
  /** The newest head that was known before. */
  readonly known: CommittedHead;
  /** Entries whose inclusion will be asked for. */
  readonly paths?: readonly number[];
}

/**
 * The tree at `head`, checked against the database's own head and against the one known before.
 * @throws {LedgerError} `ledger/corrupt`, `ledger/rolled-back`, `ledger/forked`.
 */
export async function loadTree(client: pg.ClientBase, { head, known, paths = [] }: LoadOptions): Promise<GrowingTree> {
  const places = [...edgeOf(head.size), ...edgeOf(known.size), ...paths.flatMap((index) => tilesOfPath(index, head.size))];
  const tiles = await readTiles(client, places);
  let tree: GrowingTree;
  let root: Uint8Array;
  try {
    tree = new GrowingTree(head.size, (level, index) => tiles.get(`${level}/${index}`) ?? null);
    root = tree.root();
    if (known.size > 0 && known.size <= head.size) tree.rootAt(known.size);
  } catch (cause) {
    throw corrupt('tiles are missing', cause);
  }
  if (!equalBytes(root, head.root)) throw corrupt('the tiles do not lead to the committed root');
  assertContinues(tree, known);
  return tree;
}

/** The committed head; `lock`: held until the transaction ends, so that one agent at a time appends. */
export async function readHead(client: pg.ClientBase, { lock }: { readonly lock: boolean }): Promise<ReadHead> {
  const { rows } = await client.query(
    `SELECT size, root, erasures, data_key FROM head WHERE id = 1${lock ? ' FOR UPDATE' : ''}`,
  );
  const [row] = rows;
  return row === undefined
    ? { size: 0, root: EMPTY_ROOT, erasures: 0, dataKey: null }
    : { size: row.size, root: row.root, erasures: row.erasures, dataKey: row.data_key };
}

export function corrupt(why: string, cause?: unknown): LedgerError {
  return new LedgerError(
    'ledger/corrupt',
    `the log in the database is damaged: ${why}; restore it from a backup and tell its witnesses`,
    { cause },
  );
}
