/**
 * Go's checksum-database packages (golang.org/x/mod/sumdb/note and tlog, pinned in sumdb/go.mod) judge a real log of ours: checkpoints,
 * inclusion and consistency proofs, and the tiles, from which Go must compute the same paths. A changed log must be refused.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeBase64 } from '@assay/encoding/base64';
import { utf8 } from '@assay/encoding/bytes';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openLedger, type StorePlace } from '../../packages/ledger/src/open-ledger.ts';
import type { Ledger } from '../../packages/ledger/src/port.ts';
import { createSigningKeys } from '../../packages/ledger/src/signing-keys.ts';
import { fakeReport } from '../../packages/testing/src/index.ts';
import { freshDatabase, HAS_POSTGRES } from '../postgres/server.ts';
import { buildJudge, type JudgedLog, judgedLog } from './sumdb-judge.ts';

const directory = mkdtempSync(join(tmpdir(), 'assay-sumdb-'));
const drops: (() => Promise<void>)[] = [];
afterAll(async () => {
  for (const drop of drops) await drop();
  rmSync(directory, { recursive: true, force: true });
});

const judge = buildJudge(directory);

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

function ask(log: JudgedLog): readonly string[] {
  return judge?.(log) ?? [];
}

describe.skipIf(judge === null).each(WRITERS)('golang.org/x/mod/sumdb and a log of $writers', ({ place }) => {
  let log: JudgedLog;
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
    const receiptIds = [0, 1, 127, 254, 255, 256, 349].map((at) => receipts[at]?.receiptId ?? '');
    log = await judgedLog(ledger, { old, receiptIds });
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
    const changed = (change: Partial<JudgedLog>) =>
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
