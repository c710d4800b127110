/** The file of the data key: in clear or sealed under the platform's secret, for its owner alone; another secret, a changed file and none are refused. */

import { createSecretKey } from 'node:crypto';
import { chmodSync, cpSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expectRefusal } from '@assay/testing';
import { describe, expect, test } from 'vitest';
import { codeOf, directory, run, start } from '../../../tests/crash/test-ledger.ts';
import { DataKey } from './data-key.ts';
import { DATA_KEY_FILE, dataKeyNames, openDataKey, readDataKey, writeDataKey } from './data-key-file.ts';
import { openLedger } from './open-ledger.ts';
import { backupStore, restoreStore } from './upkeep/backup.ts';
import { checkLog } from './upkeep/check-log.ts';
import { erasePayloads } from './upkeep/erase-payloads.ts';
import { rotateDataKey } from './upkeep/rotate-data-key.ts';

const secretOf = (byte: number, simulated = false) => ({ bytes: new Uint8Array(32).fill(byte), simulated });
const SECRET = secretOf(7);
const OTHER = secretOf(8);
const textIn = (path: string) => readFileSync(join(path, DATA_KEY_FILE), 'utf8');
const hexOf = (secret: { export(): Buffer }) => secret.export().toString('hex');

describe.each([
  ['in clear', null, null],
  ['sealed by the platform', SECRET, 'platform'],
  ['sealed by a simulator', secretOf(7, true), 'simulator'],
] as const)('a key file %s', (_, secret, sealed) => {
  test('is made once, for its owner alone', () => {
    const path = directory();
    const { id } = openDataKey(path, secret);
    expect(openDataKey(path, secret).id).toBe(id);
    expect(readDataKey(path, secret).id).toBe(id);
    expect(dataKeyNames(path)).toEqual({ id, previous: null, sealed });
    expect(statSync(join(path, DATA_KEY_FILE)).mode & 0o777).toBe(0o600);
  });

  test('that others can read, or that is none, is refused', async () => {
    const path = directory();
    openDataKey(path, secret);
    chmodSync(join(path, DATA_KEY_FILE), 0o644);
    expect(await codeOf(() => openDataKey(path, secret))).toBe('ledger/bad-key-file');
    const sealedTwo = '{"v":2,"id":"00","by":"platform","sealed":"00"}';
    for (const text of ['{}', '{"v":2,"key":""}', '{"v":1,"key":"00"}', '{"v":3}', 'x', sealedTwo]) {
      rmSync(join(path, DATA_KEY_FILE));
      writeFileSync(join(path, DATA_KEY_FILE), text, { mode: 0o600 });
      expect(await codeOf(() => openDataKey(path, secret)), text).toBe('ledger/bad-key-file');
    }
    rmSync(join(path, DATA_KEY_FILE));
    expect(await codeOf(() => readDataKey(path, secret))).toBe('ledger/bad-key-file');
  });
});

test('a sealed file tells no key, and opens under its own secret alone, unchanged', async () => {
  const path = directory();
  const key = openDataKey(path, SECRET);
  expect(textIn(path)).not.toContain(hexOf(key.secret));
  expect(await codeOf(() => openDataKey(path))).toBe('ledger/bad-key-file');
  expect(await codeOf(() => openDataKey(path, OTHER))).toBe('ledger/bad-key-file');
  const { sealed, ...rest } = JSON.parse(textIn(path)) as { readonly sealed: string };
  for (let at = 0; at < sealed.length; at += 7) {
    const digit = sealed[at] === '0' ? '1' : '0';
    const changed = { ...rest, sealed: `${sealed.slice(0, at)}${digit}${sealed.slice(at + 1)}` };
    writeFileSync(join(path, DATA_KEY_FILE), JSON.stringify(changed));
    expect(await codeOf(() => openDataKey(path, SECRET)), `digit ${at}`).toBe('ledger/bad-key-file');
  }
});

test('what a sealed file says in clear is bound to its seal, and is that of the keys in it', async () => {
  const path = directory();
  const [key, previous] = [7, 9].map((byte) => new DataKey(createSecretKey(new Uint8Array(32).fill(byte)))) as [
    DataKey,
    DataKey,
  ];
  writeDataKey(path, { key, previous }, SECRET);
  expect(readDataKey(path, SECRET)).toMatchObject({ id: key.id, previous: { id: previous.id } });
  const written = JSON.parse(textIn(path)) as Readonly<Record<string, unknown>>;
  const { previous: _, ...alone } = written;
  const changes = [{ ...written, id: previous.id }, { ...written, previous: key.id }, { ...written, by: 'simulator' }, alone];
  for (const changed of changes) {
    writeFileSync(join(path, DATA_KEY_FILE), JSON.stringify(changed));
    await expectRefusal(() => readDataKey(path, SECRET), 'ledger/bad-key-file', ['it was changed']);
  }
  // Sealed by the application itself, under the ids of other keys.
  const named = Object.assign(new DataKey(key.secret), { id: 'ff'.repeat(8) });
  for (const keys of [{ key: named }, { key, previous: named }]) {
    writeDataKey(path, keys, SECRET);
    await expectRefusal(() => readDataKey(path, SECRET), 'ledger/bad-key-file', ['not a data key file']);
  }
});

test('a key in clear that was put into an empty directory is not taken where the platform gives a secret', async () => {
  const path = directory();
  writeFileSync(join(path, DATA_KEY_FILE), JSON.stringify({ v: 1, key: '00'.repeat(32) }), { mode: 0o600 });
  await expectRefusal(() => openLedger({ directory: path, platformSecret: SECRET }), 'ledger/bad-key-file', [
    'got a key in clear',
    'assay store rotate-key',
  ]);
});

test('a store under a sealed key: backup, check, erasure and rotation need the secret where they open what is stored', async () => {
  const path = directory();
  const place = { directory: path, platformSecret: SECRET };
  await (await openLedger(place)).close();
  const first = readDataKey(path, SECRET);
  const { ledger, close } = await start(path, { platformSecret: SECRET });
  const { receiptId } = await run(ledger, 'a');
  await close();
  expect(await checkLog(place)).toMatchObject({ size: 2, problems: [] });
  expect(await codeOf(checkLog({ directory: path }))).toBe('ledger/bad-key-file');
  const folder = join(directory(), 'backup');
  await backupStore({ directory: path }, folder); // a copy, which stays sealed
  expect(readFileSync(join(folder, DATA_KEY_FILE), 'utf8')).not.toContain(hexOf(first.secret));
  expect(await codeOf(rotateDataKey({ directory: path }, { now: 1 }))).toBe('ledger/bad-key-file');
  const { to } = await rotateDataKey(place, { now: 1 });
  expect(dataKeyNames(path)).toEqual({ id: to, previous: null, sealed: 'platform' });
  expect(await erasePayloads(place, { id: receiptId, now: 2 })).toHaveLength(1);
  const restored = directory();
  await restoreStore({ directory: restored }, folder);
  expect(await checkLog({ directory: restored, platformSecret: SECRET })).toMatchObject({ problems: [] });
  expect(await codeOf(openLedger({ directory: restored, platformSecret: OTHER }))).toBe('ledger/bad-key-file');
});

test('a rotation seals a key that stood in clear', async () => {
  const path = directory();
  const { ledger, close } = await start(path);
  await run(ledger, 'a');
  await close();
  const copy = directory();
  cpSync(path, copy, { recursive: true });
  expect(readDataKey(path, SECRET).id).toBe(readDataKey(copy).id); // in clear: the platform's secret is not asked
  expect(await codeOf(() => openLedger({ directory: path, platformSecret: SECRET }))).toBe('ledger/bad-key-file');
  const { to } = await rotateDataKey({ directory: path, platformSecret: SECRET }, { now: 1 });
  expect(dataKeyNames(path)).toEqual({ id: to, previous: null, sealed: 'platform' });
  expect(await checkLog({ directory: path, platformSecret: SECRET })).toMatchObject({ problems: [] });
});
