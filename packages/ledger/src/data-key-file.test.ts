/** The file of the data key: in clear or sealed under the platform's secret, for its owner alone; another secret, a changed file and none are refused. */

import { chmodSync, cpSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { codeOf, directory, run, start } from '../../../tests/crash/test-ledger.ts';
import { DATA_KEY_FILE, dataKeyNames, openDataKey, readDataKey } from './data-key-file.ts';
import { openLedger } from './open-ledger.ts';
import { backupStore, restoreStore } from './upkeep/backup.ts';
import { checkLog } from './upkeep/check-log.ts';
import { erasePayloads } from './upkeep/erase-payloads.ts';
import { rotateDataKey } from './upkeep/rotate-data-key.ts';

const SECRET = new Uint8Array(32).fill(7);
const OTHER = new Uint8Array(32).fill(8);
const textIn = (path: string) => readFileSync(join(path, DATA_KEY_FILE), 'utf8');
const hexOf = (secret: { export(): Buffer }) => secret.export().toString('hex');

describe.each([
  ['in clear', null],
  ['sealed by the platform', SECRET],
] as const)('a key file %s', (_, secret) => {
  test('is made once, for its owner alone', () => {
    const path = directory();
    const { id } = openDataKey(path, secret);
    expect(openDataKey(path, secret).id).toBe(id);
    expect(readDataKey(path, secret).id).toBe(id);
    expect(dataKeyNames(path)).toEqual({ id, previous: null, sealed: secret !== null });
    expect(statSync(join(path, DATA_KEY_FILE)).mode & 0o777).toBe(0o600);
  });

  test('that others can read, or that is none, is refused', async () => {
    const path = directory();
    openDataKey(path, secret);
    chmodSync(join(path, DATA_KEY_FILE), 0o644);
    expect(await codeOf(() => openDataKey(path, secret))).toBe('ledger/bad-key-file');
    const sealedTwo = '{"v":2,"id":"00","sealed":"00"}';
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
  expect(dataKeyNames(path)).toEqual({ id: to, previous: null, sealed: true });
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
  const { to } = await rotateDataKey({ directory: path, platformSecret: SECRET }, { now: 1 });
  expect(dataKeyNames(path)).toEqual({ id: to, previous: null, sealed: true });
  expect(await checkLog({ directory: path, platformSecret: SECRET })).toMatchObject({ problems: [] });
});
