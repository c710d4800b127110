/**
 * Go's checksum-database packages (golang.org/x/mod/sumdb/note and tlog, pinned in sumdb/go.mod) judge a real log of ours: checkpoints,
 * inclusion and consistency proofs, and the tiles, from which Go must compute the same paths. A changed log must be refused.
 */

import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeBase64 } from '@assay/encoding/base64';
import { utf8 } from '@assay/encoding/bytes';
import {
  consistencyPath,
  decodeEntryBundle,
  formatTilePath,
  parseCheckpoint,
  parseInclusion,
  rangeRoot,
  tileHashes,
} from '@assay/receipt';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openLedger, type StorePlace } from '../../packages/ledger/src/open-ledger.ts';
import type { Ledger } from '../../packages/ledger/src/port.ts';
import { createSigningKeys } from '../../packages/ledger/src/signing-keys.ts';
import { fakeReport } from '../../packages/testing/src/index.ts';
import { freshDatabase, HAS_POSTGRES } from '../postgres/server.ts';

const directory = mkdtempSync(join(tmpdir(), 'assay-sumdb-'));
const drops: (() => Promise<void>)[] = [];
afterAll(async () => {
  for (const drop of drops) await drop();
  rmSync(directory, { recursive: true, force: true });
});

function buildJudge(): string | null {
  const source = join(directory, 'go');
  try {
    cpSync(join(import.meta.dirname, 'sumdb'), source, { recursive: true });
    execFileSync('go', ['build', '-o', join(directory, 'judge'), '.'], { cwd: source, stdio: 'pipe', timeout: 120_000 });
    return join(directory, 'judge');
  } catch (error) {
    process.stderr.write(
      `LEFT OUT: the Go interoperability test needs go and golang.org/x/mod (${String(error).split('\n')[0]})\n`,
    );
    return null;
  }
}

const judge = buildJudge();

/** The writers of one log: one agent on the embedded store, or two at the same time on PostgreSQL. */
const WRITERS = [
  { writers: 'one agent', place: async (): Promise<readonly StorePlace[]> => [{ directory: join(directory, 'data') }] },
  ...(HAS_POSTGRES
    ? [
        {
          writers: 'two agents',
          place: async (): Promise<readonly StorePlace[]> => {
            const { url: databaseUrl, drop } = await freshDatabase();
            drops.push(drop);
            const shared = { directory: join(directory, 'shared'), databaseUrl };
            return [shared, shared];
          },
        },
      ]
    : []),
];

interface Log {
  readonly VKey: string;
  readonly Note: string;
  readonly Old: { readonly Note: string };
  readonly Tree: readonly string[];
  readonly Tiles: Readonly<Record<string, string>>;
  readonly Items: readonly { readonly Index: number; readonly Entry: string; readonly Path: readonly string[] }[];
}

function ask(log: Log): readonly string[] {
  const output = execFileSync(judge ?? '', { input: JSON.stringify(log), encoding: 'utf8' });
  return output.trim().split('\n');
}

async function tilesOf(ledger: Ledger, size: number): Promise<Map<string, Uint8Array>> {
  const tiles = new Map<string, Uint8Array>();
  for (let level = 0, count = size; count > 0; level++, count = Math.floor(count / 256))
    for (let index = 0; index * 256 < count; index++) {
      const path = formatTilePath({ kind: 'hashes', level, index, width: Math.min(256, count - index * 256) });
      tiles.set(path, (await ledger.tile(path)) ?? new Uint8Array());
    }
  return tiles;
}

describe.skipIf(judge === null).each(WRITERS)('golang.org/x/mod/sumdb and a log of $writers', ({ place }) => {
  let log: Log;
  beforeAll(async () => {
    const ledgers: Ledger[] = [];
    for (const at of await place()) {
      const keys = createSigningKeys();
      const opened = await openLedger(at);
      await opened.registerReport({ ...fakeReport(keys.keysetEntries), keys });
      ledgers.push(opened);
    }
    const [ledger] = ledgers;
    if (ledger === undefined) throw new Error('no ledger');
    let turn = 0;
    const seal = (taskId: string) => {
      turn += 1;
      const writer = ledgers[turn % ledgers.length] ?? ledger;
      const draft = writer.open({
        taskId,
        task: 'execute',
        method: 'POST',
        endpoint: '/',
        requestBody: utf8(taskId),
        nonce: null,
      });
      return writer.seal(draft);
    };
    const many = (count: number) => Promise.all(Array.from({ length: count }, (_, i) => seal(`task-${i}`)));
    const receipts = await many(200);
    const old = await ledger.checkpoint();
    receipts.push(...(await many(150)));
    const Note = await ledger.checkpoint();
    const { size } = parseCheckpoint(Note);
    const tiles = await tilesOf(ledger, size);
    const width = (index: number, level: number) => Math.min(256, Math.floor(size / 256 ** level) - index * 256);
    const hashes = tileHashes(
      (level, index) => tiles.get(formatTilePath({ kind: 'hashes', level, index, width: width(index, level) })) ?? null,
    );
    const Items = [];
    for (const at of [0, 1, 127, 254, 255, 256, 349]) {
      const found = await ledger.find(receipts[at]?.receiptId ?? '');
      const { index, path } = parseInclusion(found?.proof.proof ?? '');
      const bundle = formatTilePath({
        kind: 'entries',
        level: 0,
        index: Math.floor(index / 256),
        width: width(Math.floor(index / 256), 0),
      });
      const entry = decodeEntryBundle((await ledger.tile(bundle)) ?? new Uint8Array())[index % 256] ?? new Uint8Array();
      Items.push({ Index: index, Entry: encodeBase64(entry), Path: path.map(encodeBase64) });
    }
    log = {
      VKey: ledger.verifierKeys[0] ?? '',
      Note,
      Old: { Note: old },
      Tree: consistencyPath((from, to) => rangeRoot(hashes, from, to), parseCheckpoint(old).size, size).map(encodeBase64),
      Tiles: Object.fromEntries([...tiles].map(([path, bytes]) => [path, encodeBase64(bytes)])),
      Items,
    };
    for (const each of ledgers) await each.close();
  });

  test('accepts checkpoints, proofs and tiles', () => {
    const answers = ask(log);
    expect(answers.length).toBe(3 + 2 * log.Items.length);
    expect(answers.filter((line) => !line.endsWith(' ok'))).toEqual([]);
  });

  test('refuses another size, entry, path and tile', () => {
    const [item] = log.Items;
    if (item === undefined) throw new Error('no item');
    const changed = (change: Partial<Log>) =>
      ask({ ...log, ...change })
        .filter((line) => !line.endsWith(' ok'))
        .map((line) => line.split(' ')[0]);
    expect(changed({ Old: { Note: log.Old.Note.replace(/\n(\d+)\n/, (_, size) => `\n${Number(size) + 1}\n`) } })).toContain(
      'old-checkpoint',
    );
    expect(changed({ Tree: log.Tree.slice(1) })).toContain('consistency');
    expect(changed({ Items: [{ ...item, Entry: encodeBase64(utf8('another')) }] })).toEqual([`inclusion-${item.Index}`]);
    expect(changed({ Items: [{ ...item, Path: [...item.Path].reverse() }] })).toEqual([
      `inclusion-${item.Index}`,
      `tiles-${item.Index}`,
    ]);
    const tiles = Object.fromEntries(Object.entries(log.Tiles).map(([path, bytes]) => [path, bytes.replace(/^..../, 'AAAA')]));
    expect(changed({ Tiles: tiles, Items: [item] })).toEqual([`tiles-${item.Index}`]);
  });
});
