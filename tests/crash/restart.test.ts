// What a restart finds, refuses and goes on with; what a broken or full disk does (spec/log.md §4).
import { createHash } from 'node:crypto';
import { cpSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { decodeUtf8 } from '@assay/encoding/bytes';
import { decodeEntryBundle, parseLeafText, verifyLeafChains, verifyLogProof } from '@assay/receipt';
import { fakeReport } from '@assay/testing';
import { describe, expect, test } from 'vitest';
import { createSigningKeys } from '../../packages/ledger/src/signing-keys.ts';
import { assertSqliteVersion } from '../../packages/ledger/src/sqlite/database.ts';
import { atEnd, codeOf, directory, downgrade, open, run, start } from './test-ledger.ts';

const NONCE = 'ab'.repeat(32);

const spoil = (sql: string) => (path: string) => {
  const db = new DatabaseSync(join(path, 'log.db'));
  db.exec(sql);
  db.close();
};

describe('starting again', () => {
  test('the log goes on under the same name; an open task reads interrupted', async () => {
    const path = directory();
    const first = await start(path);
    await run(first.ledger, 'a', NONCE);
    await open(first.ledger, 'cut off').started;
    await first.close();
    const second = await start(path);
    expect(second.ledger.verifierKeys).toEqual(first.ledger.verifierKeys);
    expect((await second.ledger.findTask('cut off'))?.state).toBe('interrupted');
    expect(await codeOf(run(second.ledger, 'b', NONCE))).toBe('ledger/nonce-reused');
    await run(second.ledger, 'c');
    const entries = decodeEntryBundle((await second.ledger.tile('tile/entries/000.p/4'))!);
    verifyLeafChains(entries.map((entry) => parseLeafText(decodeUtf8(entry))));
  });

  test('a database from before there were successions is brought up to date', async () => {
    const path = directory();
    const first = await start(path);
    const { receiptId } = await run(first.ledger, 'a');
    await first.close();
    downgrade(path, 1).close();
    const { ledger } = await start(path);
    const keys = createSigningKeys();
    await ledger.succeed({ ...fakeReport(keys.keysetEntries), keys }, () => undefined);
    await run(ledger, 'b');
    expect(await ledger.find(receiptId)).not.toBeNull();
  });

  test('a database that a later release made is refused, and left as it is', async () => {
    const path = directory();
    await (await start(path)).close();
    spoil('PRAGMA user_version = 4711')(path);
    expect(await codeOf(start(path))).toBe('ledger/schema-newer');
    const db = new DatabaseSync(join(path, 'log.db'));
    expect(db.prepare('PRAGMA user_version').get()).toEqual({ user_version: 4711 });
    db.close();
  });

  test('a second agent on the same directory is refused, and let in afterwards', async () => {
    const path = directory();
    const first = await start(path);
    expect(await codeOf(start(path))).toBe('ledger/in-use');
    await first.close();
    await start(path);
  });

  test.each([
    ['a deleted entry', 'ledger/corrupt', spoil('DELETE FROM entries WHERE idx = 1')],
    ['an edited entry', 'ledger/corrupt', spoil(`UPDATE entries SET leaf = replace(leaf, '"seq":1', '"seq":9') WHERE idx = 1`)],
    ['an edited tile', 'ledger/corrupt', spoil('UPDATE tiles SET hashes = zeroblob(length(hashes)) WHERE level = 0')],
    ['an edited root', 'ledger/corrupt', spoil('UPDATE head SET root = zeroblob(32)')],
    ['an older database', 'ledger/rolled-back', spoil('DELETE FROM entries; DELETE FROM tiles; DELETE FROM head')],
    [
      'a key file that others can read',
      'ledger/bad-key-file',
      (path: string) => writeFileSync(join(path, 'log-key.json'), '{}', { mode: 0o644 }),
    ],
    ['a foreign checkpoint', 'ledger/corrupt', (path: string) => writeFileSync(join(path, 'checkpoint.note'), 'hello\n')],
  ])('%s stops the start: %s', async (_, code, damage) => {
    const path = directory();
    const { ledger, close } = await start(path);
    await run(ledger, 'a');
    await ledger.checkpoint();
    await close();
    if (code === 'ledger/bad-key-file') rmSync(join(path, 'log-key.json'));
    damage(path);
    expect(await codeOf(start(path))).toBe(code);
  });

  test('another name for the log is refused', async () => {
    const path = directory();
    const { close } = await start(path, { origin: 'agent.example/one' });
    await close();
    expect(await codeOf(start(path, { origin: 'agent.example/two' }))).toBe('ledger/origin-changed');
  });

  test('secrets have mode 0600 and the boot keys are in no file', async () => {
    const path = directory();
    const { ledger, keys, close } = await start(path);
    await run(ledger, 'a');
    await close();
    expect(statSync(join(path, 'log-key.json')).mode & 0o777).toBe(0o600);
    const database = readFileSync(join(path, 'log.db'));
    for (const { privateKey } of [keys.receipt, keys.leaf]) {
      const secret = privateKey.export({ format: 'der', type: 'pkcs8' }).subarray(-32);
      expect(database.includes(secret)).toBe(false);
    }
  });
});

describe('failures', () => {
  test('after closing, a closed code', async () => {
    const { ledger, close } = await start(directory());
    const draft = open(ledger, 'late');
    await close();
    expect(await codeOf(ledger.seal(draft))).toBe('ledger/closed');
  });

  test('a database that breaks under the agent stops all sealing, and says so', async () => {
    const path = directory();
    const { ledger } = await start(path);
    await run(ledger, 'a');
    spoil('DROP TABLE entries')(path);
    expect(await codeOf(run(ledger, 'b'))).toBe('ledger/unavailable');
    expect(await codeOf(run(ledger, 'c'))).toBe('ledger/unavailable');
  });

  test('a log that went another way than what was signed stops the start', async () => {
    const path = directory();
    await (await start(path)).close();
    cpSync(path, `${path}-copy`, { recursive: true });
    atEnd(async () => rmSync(`${path}-copy`, { recursive: true }));
    for (const side of [path, `${path}-copy`]) {
      const { ledger, close } = await start(side);
      await run(ledger, 'a');
      await close();
    }
    cpSync(join(`${path}-copy`, 'checkpoint.note'), join(path, 'checkpoint.note'));
    expect(await codeOf(start(path))).toBe('ledger/forked');
  });

  test('a directory that is a file', async () => {
    const path = join(directory(), 'file');
    writeFileSync(path, '');
    expect(await codeOf(start(path))).toBe('ledger/unavailable');
  });

  test.each(['3.51.2', '3.50.4', '2.99.9', '0', ''])('SQLite %j is too old', async (version) => {
    expect(await codeOf(() => assertSqliteVersion(version))).toBe('ledger/runtime-too-old');
    for (const good of ['3.51.3', '3.53.4', '4.0.0']) assertSqliteVersion(good);
  });
});

describe('a full disk', () => {
  test('is a coded error; nothing acknowledged is lost, and sealing goes on when there is room', async () => {
    const path = directory();
    const { ledger, keyset, close } = await start(path, { maxBytes: 400 * 1024 });
    const acknowledged: string[] = [];
    let refused = '';
    for (let i = 0; i < 200 && refused === ''; i++) {
      const draft = open(ledger, `task-${i}`);
      draft.payload('noise', 'application/octet-stream', createHash('sha512').update(String(i)).digest());
      draft.payload('big', 'application/octet-stream', new Uint8Array(8_000).fill(i));
      const sealed = await ledger.seal(draft).catch((error: { readonly code: string }) => error.code);
      if (typeof sealed === 'string') refused = sealed;
      else acknowledged.push(sealed.receiptId);
    }
    expect(refused).toBe('ledger/full');
    expect(acknowledged.length).toBeGreaterThan(5);
    for (const id of acknowledged) {
      const found = await ledger.find(id);
      await verifyLogProof(found!.receipt, found!.proof, { keyset, vkeys: ledger.verifierKeys });
    }
    await close();
    const again = await start(path);
    expect((await run(again.ledger, 'after')).proof.index).toBe(acknowledged.length + 2);
  });
});
