/** What Go's checksum-database packages are asked about a log: the program of `sumdb/`, and a log of an open ledger as it reads one. */

import { execFileSync } from 'node:child_process';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { encodeBase64 } from '@assay/encoding/base64';
import {
  consistencyPath,
  decodeEntryBundle,
  formatTilePath,
  parseCheckpoint,
  parseInclusion,
  rangeRoot,
  tileHashes,
} from '@assay/receipt';
import type { Ledger } from '../../packages/ledger/src/port.ts';

const TILE_WIDTH = 256;

/** An entry, and the proof that an agent gave out for it, under the checkpoint that came with the proof. */
export interface JudgedItem {
  readonly Index: number;
  /** Base64. */
  readonly Entry: string;
  readonly Path: readonly string[];
  readonly Note: string;
}

export interface JudgedLog {
  readonly VKey: string;
  readonly Note: string;
  /** An earlier checkpoint, which the log must continue. */
  readonly Old: { readonly Note: string };
  readonly Tree: readonly string[];
  readonly Tiles: Readonly<Record<string, string>>;
  readonly Items: readonly JudgedItem[];
}

/** Asks the program one log; a line for each question, `<name> ok` or `<name> refused: <why>`. */
export type Judge = (log: JudgedLog) => readonly string[];

/** The program, built below `directory`; `null`, said loudly, where Go or its modules are not there. */
export function buildJudge(directory: string): Judge | null {
  const source = join(directory, 'go');
  const program = join(directory, 'judge');
  try {
    cpSync(join(import.meta.dirname, 'sumdb'), source, { recursive: true });
    execFileSync('go', ['build', '-o', program, '.'], { cwd: source, stdio: 'pipe', timeout: 120_000 });
  } catch (error) {
    process.stderr.write(
      `LEFT OUT: the Go interoperability test needs go and golang.org/x/mod (${String(error).split('\n')[0]})\n`,
    );
    return null;
  }
  return (log) => {
    const input = JSON.stringify(log);
    return execFileSync(program, { input, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 })
      .trim()
      .split('\n');
  };
}

/** The log as it is now, with the proofs of some receipts, against an earlier checkpoint of it. Others may go on writing meanwhile. */
export async function judgedLog(
  ledger: Ledger,
  { old, receiptIds }: { readonly old: string; readonly receiptIds: readonly string[] },
): Promise<JudgedLog> {
  const proofs = [];
  for (const id of receiptIds) {
    const found = await ledger.find(id);
    if (found === null) throw new Error(`expected the receipt ${id} in the log, got none`);
    proofs.push(parseInclusion(found.proof.proof));
  }
  const Note = await ledger.checkpoint();
  const { size } = parseCheckpoint(Note);
  const width = (level: number, index: number) =>
    Math.min(TILE_WIDTH, Math.floor(size / TILE_WIDTH ** level) - index * TILE_WIDTH);
  const tiles = new Map<string, Uint8Array>();
  for (let level = 0, count = size; count > 0; level += 1, count = Math.floor(count / TILE_WIDTH))
    for (let index = 0; index * TILE_WIDTH < count; index += 1) {
      const path = formatTilePath({ kind: 'hashes', level, index, width: width(level, index) });
      tiles.set(path, (await ledger.tile(path)) ?? new Uint8Array());
    }
  const hashes = tileHashes(
    (level, index) => tiles.get(formatTilePath({ kind: 'hashes', level, index, width: width(level, index) })) ?? null,
  );
  const Items: JudgedItem[] = [];
  for (const { index, path, checkpoint } of proofs) {
    const bundle = Math.floor(index / TILE_WIDTH);
    const name = formatTilePath({ kind: 'entries', level: 0, index: bundle, width: width(0, bundle) });
    const entry = decodeEntryBundle((await ledger.tile(name)) ?? new Uint8Array())[index % TILE_WIDTH] ?? new Uint8Array();
    Items.push({ Index: index, Entry: encodeBase64(entry), Path: path.map(encodeBase64), Note: checkpoint });
  }
  const Tree = consistencyPath((from, to) => rangeRoot(hashes, from, to), parseCheckpoint(old).size, size).map(encodeBase64);
  const Tiles = Object.fromEntries([...tiles].map(([path, bytes]) => [path, encodeBase64(bytes)]));
  return { VKey: ledger.verifierKeys[0] ?? '', Note, Old: { Note: old }, Tree, Tiles, Items };
}
