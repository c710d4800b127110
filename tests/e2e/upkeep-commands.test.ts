/** `assay log` and `assay store` over a data directory that an agent left behind. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Io } from '../../packages/assay/src/command-line/io.ts';
import { run as command } from '../../packages/assay/src/command-line/program.ts';
import { DATA_KEY_FILE, readDataKey, writeDataKey } from '../../packages/ledger/src/data-key-file.ts';
import { run, startUntilClosed } from '../crash/test-ledger.ts';

const root = mkdtempSync(join(tmpdir(), 'assay-upkeep-commands-'));
const data = join(root, 'data');
afterAll(() => rmSync(root, { recursive: true, force: true }));

beforeAll(async () => {
  const { ledger, close } = await startUntilClosed(data);
  await run(ledger, 'a');
  await close();
});

async function say(...args: readonly string[]) {
  let out = '';
  let err = '';
  const io: Io = {
    cwd: root,
    env: { ASSAY_DATA_DIR: 'data' },
    interactive: false,
    columns: 80,
    now: () => 1_795_219_300_000,
    stdin: async () => new Uint8Array(),
    stdout: (text: string) => {
      out += text;
    },
    stderr: (text: string) => {
      err += text;
    },
    signal: new AbortController().signal,
  } as unknown as Io;
  return { code: await command(args, io), out, err };
}

test('fsck, export, status, backup, migrate and restore', async () => {
  expect(await say('log', 'fsck')).toMatchObject({ code: 0, out: expect.stringContaining('sound: log.assay/') });
  expect(JSON.parse((await say('log', 'fsck', '--json')).out)).toMatchObject({ sound: true, size: 2, problems: [] });
  expect(await say('log', 'export', 'out')).toMatchObject({ code: 0, out: expect.stringContaining('2 entries') });
  expect(readFileSync(join(root, 'out', 'checkpoint'), 'utf8').split('\n')[1]).toBe('2');
  expect((await say('store', 'status')).out).toMatch(/embedded SQLite[\s\S]*entries +2/);
  expect(await say('store', 'backup', 'kept')).toMatchObject({ code: 0, out: expect.stringContaining('log.db') });
  expect(await say('store', 'migrate')).toMatchObject({ code: 0 });
  expect(await say('store', 'restore', 'kept')).toMatchObject({ code: 5, err: expect.stringContaining('ledger/not-empty') });
  rmSync(join(data, 'log.db'));
  expect(await say('store', 'restore', 'kept')).toMatchObject({ code: 0, out: expect.stringContaining('log.db') });
  expect((await say('log', 'fsck')).code).toBe(0);
});

test('erase and rotate-key say what they did, and the status names it', async () => {
  expect(await say('store', 'erase', 'nothing')).toMatchObject({
    code: 1,
    err: expect.stringContaining('ledger/nothing-to-erase'),
  });
  expect((await say('store', 'erase', 'a')).out).toMatch(/^rcpt_\w+: erased, 1 payload; an agent logs it/);
  expect(JSON.parse((await say('store', 'erase', 'a', '--json')).out)).toMatchObject({
    erased: [{ taskId: 'a', before: true }],
  });
  const before = (await say('store', 'status')).out;
  expect(before).toMatch(/erased payloads +1, 1 commands wait for an agent to log them/);
  const [, id] = /data key +([0-9a-f]{16}), in clear/.exec(before) ?? [];
  expect((await say('store', 'rotate-key')).out).toMatch(new RegExp(`^data key [0-9a-f]{16} follows ${id}, `));
  const after = JSON.parse((await say('store', 'status', '--json')).out);
  expect(after).toMatchObject({ dataKey: { rotating: false }, upkeep: { erasedPayloads: 1, unfinished: 0, unlogged: 2 } });
  expect(after.dataKey.id).not.toBe(id);
  expect(JSON.parse((await say('log', 'fsck', '--json')).out)).toMatchObject({ sound: true, erased: 1 });
});

test.each([
  [true, "sealed under a simulator's key, which keeps nothing"],
  [false, 'sealed under a secret of the platform'],
])('the status says who gave the secret of the data key, simulated: %s', async (simulated, words) => {
  const clear = join(data, DATA_KEY_FILE);
  const before = readFileSync(clear);
  writeDataKey(data, { key: readDataKey(data) }, { bytes: new Uint8Array(32), simulated });
  try {
    expect((await say('store', 'status')).out.replaceAll(/\s+/g, ' ')).toContain(words);
  } finally {
    writeFileSync(clear, before);
  }
});

test('a log that is not sound ends with 3 and names the entry', async () => {
  const db = new DatabaseSync(join(data, 'log.db'));
  db.exec('DELETE FROM receipts WHERE idx = 1');
  db.close();
  expect(await say('log', 'fsck')).toMatchObject({ code: 3, out: expect.stringContaining('entry 1: the receipt is missing') });
});
