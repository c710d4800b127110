/** Upkeep on every engine: a sound log is found sound, each defect is named, exports and backups hold what the log holds. */

import { createSecretKey, randomBytes } from 'node:crypto';
import { cpSync, existsSync, globSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { decodeUtf8, utf8 } from '@assay/encoding/bytes';
import { decodeEntryBundle, hashLeaf, parseCheckpoint, parseVerifierKey, verifyCheckpoint } from '@assay/receipt';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import {
  atEnd,
  codeOf,
  directory,
  ENGINES,
  open,
  postgresPlace,
  run,
  start,
  type TestPlace,
} from '../../../../tests/crash/test-ledger.ts';
import { runSql } from '../../../../tests/postgres/server.ts';
import { logAcknowledgedLoss } from '../../../agent/src/identity/log-loss.ts';
import { DataKey } from '../data-key.ts';
import { readDataKey, writeDataKey } from '../data-key-file.ts';
import { acknowledgeLoss } from './acknowledge-loss.ts';
import { backupStore, migrateStore, restoreStore } from './backup.ts';
import { checkLog } from './check-log.ts';
import { exportLog } from './export-log.ts';
import type { KeptPlace } from './row-reader.ts';
import { storeStatus } from './store-status.ts';

const NONCE = 'ef'.repeat(32);
const kept = (place: TestPlace): KeptPlace => (typeof place === 'string' ? { directory: place } : place);

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'assay-upkeep-'));
  atEnd(async () => rmSync(path, { recursive: true, force: true }));
  return join(path, 'out');
}

/** Changes a database behind the agent's back, in SQL of both engines. */
async function spoil(place: TestPlace, sql: string): Promise<void> {
  if (typeof place !== 'string') return void (await runSql(place.databaseUrl, sql));
  const db = new DatabaseSync(join(place, 'log.db'));
  db.exec(sql);
  db.close();
}

/** A log with a report, receipts with and without nonce, long payloads and a succession, closed. */
async function closedLog(place: TestPlace) {
  const { ledger, close } = await start(place);
  const first = await run(ledger, 'a', NONCE);
  const draft = open(ledger, 'long');
  draft.payload('long', 'application/octet-stream', new Uint8Array(200_000).fill(7));
  draft.payload('empty', 'application/octet-stream', new Uint8Array());
  await ledger.seal(draft);
  for (let i = 0; i < 3; i += 1) await run(ledger, `t-${i}`);
  const done = { collection: 'job-evidence', key: 'job_1/receipt', expectedVersion: 0, value: new Uint8Array() };
  await ledger.seal(open(ledger, 'done'), { changes: [done] });
  await ledger.jobs.add({ queue: 'audit', payload: { source: 'x' }, input: new Uint8Array(3_000_000).fill(1) });
  await ledger.keys.add({ name: 'team-a' });
  await close();
  return first;
}

describe.each(ENGINES)('on $engine', ({ engine, place: freshPlace }) => {
  test('a sound log is sound, beside a running agent too', async () => {
    const place = await freshPlace();
    await closedLog(place);
    const check = await checkLog(kept(place));
    expect(check).toMatchObject({ size: 8, receipts: 7, reports: 1, payloads: 6, published: 8, problems: [] });
    expect(check.rows).toEqual({ jobs: 1, keys: 1 });
    const { ledger } = await start(place);
    await run(ledger, 'later');
    expect(await checkLog(kept(place))).toMatchObject({ size: 10, problems: [] });
  });

  test('a log of 600 entries is checked in steps', async () => {
    const place = await freshPlace();
    const { ledger, close } = await start(place);
    await Promise.all(Array.from({ length: 600 }, (_, i) => run(ledger, `t-${i}`)));
    await close();
    const steps: number[] = [];
    expect(await checkLog(kept(place), (checked) => steps.push(checked))).toMatchObject({ size: 601, problems: [] });
    expect(steps).toEqual([256, 512, 601]);
  });

  test.each<[string, string, RegExp]>([
    [
      'a receipt whose text was changed',
      "UPDATE receipts SET body = replace(body, 'execute', 'exekute') WHERE idx = 1",
      /commits to another receipt/,
    ],
    ['a receipt that is gone', 'DELETE FROM receipts WHERE idx = 1', /receipt is missing/],
    ['a receipt under the id of another', "UPDATE receipts SET receipt_id = 'rcpt_other' WHERE idx = 2", /id of another/],
    ['a payload that is gone', 'DELETE FROM sealed_pieces', /payload sha256:\w+ is missing/],
    ['a long payload with a piece gone', 'DELETE FROM sealed_pieces WHERE n = 1', /does not open at its place/],
    [
      'a payload in the row of another',
      'UPDATE sealed_pieces SET bytes = (SELECT bytes FROM sealed_pieces WHERE n = 0 ORDER BY hash LIMIT 1) WHERE n = 0',
      /does not open at its place/,
    ],
    ['a nonce that could be used again', 'DELETE FROM nonces', /nonce is not among/],
    ['an entry that is gone', 'DELETE FROM entries WHERE idx = 3', /entry is missing/],
    [
      'an entry that was exchanged',
      'UPDATE entries SET leaf = (SELECT leaf FROM entries WHERE idx = 4) WHERE idx = 3',
      /does not follow/,
    ],
    ['a report that is gone', 'DELETE FROM reports', /report is missing/],
    ['an archived file that is gone', 'DELETE FROM collateral', /commits to another report/],
    [
      'a row that the log does not have',
      'INSERT INTO successions (idx, keyset_digest, successor) VALUES (99, $$a$$, $$b$$)',
      /1 successions are there/,
    ],
    ['a tile of other hashes', 'UPDATE tiles SET hashes = (SELECT root FROM head)', /tile 0\/0 is not that/],
    ['another root', 'UPDATE head SET root = (SELECT nonce FROM nonces)', /do not lead to the committed root/],
    ['fewer entries than were signed', 'UPDATE head SET size = 5', /8 entries were signed before, 5 are there/],
    ['a changed job', "UPDATE jobs SET payload = 'AAAA'", /payload of job_\w+: a sealed text/],
    ['a job with a piece of its input gone', 'DELETE FROM job_inputs WHERE n = 0', /input of job_\w+/],
    [
      'an API key in the place of another',
      "UPDATE state SET key = 'other' WHERE collection = 'api-keys' AND key <> 'generation'",
      /does not open at its place/,
    ],
    [
      'an API key that is gone',
      "DELETE FROM state WHERE collection = 'api-keys' AND key <> 'generation'",
      /state api-keys is not that of generation 1/,
    ],
  ])('%s is found', async (_, sql, problem) => {
    const place = await freshPlace();
    await closedLog(place);
    await spoil(place, engine === 'sqlite' ? sql.replaceAll('$$', "'") : sql);
    const { problems } = await checkLog(kept(place));
    expect(problems.map(({ what }) => what).join('\n')).toMatch(problem);
  });

  test('an export is the log in plain files, up to the published checkpoint', async () => {
    const place = await freshPlace();
    const { ledger, close } = await start(place);
    await Promise.all(Array.from({ length: 300 }, (_, i) => run(ledger, `t-${i}`)));
    await close();
    const out = folder();
    expect(await exportLog(kept(place), out)).toMatchObject({ size: 301, files: 7 });
    const read = (path: string) => new Uint8Array(readFileSync(join(out, path)));
    const vkeys = decodeUtf8(read('vkeys')).trim().split('\n');
    const checkpoint = parseCheckpoint(decodeUtf8(read('checkpoint')));
    await verifyCheckpoint(checkpoint, vkeys.map(parseVerifierKey));
    const again = await start(place, { silent: true });
    for (const path of ['tile/0/000', 'tile/0/001.p/45', 'tile/1/000.p/1', 'tile/entries/000', 'tile/entries/001.p/45'])
      expect(read(path), path).toEqual(new Uint8Array((await again.ledger.tile(path))!));
    const [entry] = decodeEntryBundle(read('tile/entries/001.p/45'));
    expect(hashLeaf(entry!)).toEqual(read('tile/0/001.p/45').slice(0, 32));
    expect(await codeOf(exportLog(kept(place), out))).toBe('ledger/not-empty');
  });

  test('an export of a log that is not the published one is refused', async () => {
    const place = await freshPlace();
    await closedLog(place);
    await spoil(place, 'UPDATE entries SET leaf = (SELECT leaf FROM entries WHERE idx = 4) WHERE idx = 3');
    expect(await codeOf(exportLog(kept(place), folder()))).toBe('ledger/corrupt');
    rmSync(join(kept(place).directory, 'checkpoint.note'));
    expect(await codeOf(exportLog(kept(place), folder()))).toBe('ledger/nothing-published');
  });

  test('a backup of a running agent, restored elsewhere, is the log', async () => {
    const place = await freshPlace();
    const { ledger } = await start(place);
    const { receiptId } = await run(ledger, 'a', NONCE);
    await ledger.checkpoint();
    const out = folder();
    expect(await backupStore(kept(place), out)).toContain('log-key.json');
    expect(statSync(join(out, 'log-key.json')).mode & 0o077).toBe(0);
    expect(await codeOf(backupStore(kept(place), out))).toBe('ledger/not-empty');
    const elsewhere = typeof place === 'string' ? directory() : await postgresPlace();
    await restoreStore(kept(elsewhere), out);
    expect(await checkLog(kept(elsewhere))).toMatchObject({ size: 2, problems: [] });
    const restored = await start(elsewhere);
    expect(await restored.ledger.find(receiptId)).not.toBeNull();
    expect(await codeOf(run(restored.ledger, 'b', NONCE))).toBe('ledger/nonce-reused');
    expect(await codeOf(restoreStore(kept(elsewhere), out))).toBe(engine === 'sqlite' ? 'ledger/in-use' : 'ledger/not-empty');
  });

  test('an older backup in the place of a newer log is noticed by the agent', async () => {
    const place = await freshPlace();
    const first = await start(place);
    await run(first.ledger, 'a');
    const out = folder();
    await backupStore(kept(place), out);
    await run(first.ledger, 'b');
    await first.close();
    if (typeof place === 'string')
      for (const name of ['log.db', 'log.db-wal', 'log.db-shm']) rmSync(join(place, name), { force: true });
    else await runSql(place.databaseUrl, 'DROP SCHEMA assay CASCADE');
    await restoreStore(kept(place), out);
    expect(await codeOf(start(place))).toBe('ledger/rolled-back');
    const now = 1_795_219_300_000;
    expect(await codeOf(acknowledgeLoss(kept(place), { lost: 2, now }))).toBe('ledger/nothing-lost');
    expect(await codeOf(start(place))).toBe('ledger/rolled-back');
    const loss = await acknowledgeLoss(kept(place), { lost: 1, now });
    expect(loss).toMatchObject({ signedSize: 3, foundSize: 2, at: now });
    expect(await codeOf(acknowledgeLoss(kept(place), { lost: 1, now }))).toBe('ledger/nothing-lost');
    const { ledger, close } = await start(place);
    const folderOf = kept(place).directory;
    const receiptId = await logAcknowledgedLoss(folderOf, ledger);
    const { receipt } = (await ledger.find(receiptId!))!;
    expect(receipt.event_log.find(({ type }) => type === 'log.loss-acknowledged')).toMatchObject({
      signed_size: 3,
      signed_root: loss.signedRoot,
      found_size: 2,
    });
    expect(await logAcknowledgedLoss(folderOf, ledger)).toBeNull(); // once
    await close();
    expect(readdirSync(folderOf).filter((name) => name.includes('lost-') || name.includes('acknowledged'))).toHaveLength(2);
    await (await start(place)).close();
    expect(await checkLog(kept(place))).toMatchObject({ problems: [] });
  });

  test('status counts, and migrate says what there was', async () => {
    const place = await freshPlace();
    expect(await codeOf(storeStatus(kept(place)))).toBe('ledger/bad-key-file');
    const { ledger, close } = await start(place);
    await run(ledger, 'a');
    await ledger.jobs.add({ queue: 'audit', payload: {} });
    await open(ledger, 'hangs').started;
    const status = await storeStatus(kept(place));
    expect(status).toMatchObject({ openJobs: 1, rows: { entries: 2, receipts: 1, reports: 1, unsealed: 1 } });
    expect([status.schema.found, status.bytes > 0]).toEqual([status.schema.known, true]);
    await close();
    expect(await migrateStore(kept(place))).toBe(status.schema.known);
  });
});

test('a backup has every file that agent or ledger name, but those that are made again', async () => {
  const sources = ['agent', 'ledger'].flatMap((name) => {
    const under = new URL(`../../../${name}/src/`, import.meta.url);
    const paths = globSync('**/*.ts', { cwd: under.pathname }).filter((path) => !path.endsWith('.test.ts'));
    return paths.map((path) => readFileSync(new URL(path, under), 'utf8'));
  });
  const named = sources.flatMap((text) =>
    [...text.matchAll(/^(?:export )?const (?:\w+_)?FILE = '([^']+)'/gm)].map(([, name = '']) => name),
  );
  expect(named).toContain('kms-secret.txt');
  const madeAgain = ['agent.json', 'evm/exploit.cjs', 'log.db'];
  const place = directory();
  await (await start(place)).close();
  const wanted = named.filter((name) => !madeAgain.includes(name));
  for (const name of wanted) if (!existsSync(join(place, name))) writeFileSync(join(place, name), 'x', { mode: 0o600 });
  const copied = await backupStore({ directory: place }, folder());
  expect([...copied].sort()).toEqual([...new Set(wanted), 'log.db'].sort());
});

test('no backup during a rotation of the data key, or over one', async () => {
  const place = directory();
  await closedLog(place);
  const key = readDataKey(place);
  writeDataKey(place, { key: new DataKey(createSecretKey(randomBytes(32))), previous: key });
  expect(await codeOf(backupStore({ directory: place }, folder()))).toBe('ledger/in-use');
  writeDataKey(place, { key });
  const out = folder();
  const backup = codeOf(backupStore({ directory: place }, out)); // has copied the key when it waits for the database
  await Promise.resolve();
  writeDataKey(place, { key: new DataKey(createSecretKey(randomBytes(32))) });
  expect(await backup).toBe('ledger/in-use');
  expect(readdirSync(out)).toEqual([]);
});

test('a directory without a log, and a folder without a backup, are refused', async () => {
  const place = directory();
  expect(await codeOf(backupStore({ directory: place }, folder()))).toBe('ledger/unavailable');
  expect(await codeOf(restoreStore({ directory: place }, folder()))).toBe('ledger/unavailable');
  const { close } = await start(place);
  await close();
  const other = directory();
  cpSync(join(place, 'log-key.json'), join(other, 'log-key.json'));
  expect(await codeOf(checkLog({ directory: other }))).toBe('ledger/bad-key-file');
  cpSync(join(place, 'data-key.json'), join(other, 'data-key.json'));
  expect(await codeOf(checkLog({ directory: other }))).toBe('ledger/unavailable');
  writeFileSync(join(place, 'note'), utf8('x'));
  expect(await codeOf(restoreStore({ directory: place }, place))).toBe('ledger/not-empty');
});

test.each([
  ['in its place', 'postgres://ada:s3cr%3Fet@db.example/log'],
  ['as a parameter', 'postgres://ada@db.example/log?password=s3cr%3Fet&sslmode=require'],
])('the password of DATABASE_URL %s is no argument of pg_dump', async (_where, databaseUrl) => {
  const tools = directory();
  const said = join(tools, 'said');
  writeFileSync(
    join(tools, 'pg_dump'),
    `#!/bin/sh\nfor a in "$@"; do echo "$a" >> ${said}; case "$a" in --file=*) : > "\${a#--file=}";; esac; done\necho "$PGPASSWORD" > ${said}.env\n`,
    { mode: 0o700 },
  );
  vi.stubEnv('PATH', `${tools}:${process.env.PATH}`);
  onTestFinished(() => void vi.unstubAllEnvs());
  await backupStore({ directory: directory(), databaseUrl }, folder());
  const given = readFileSync(said, 'utf8');
  expect(given).toContain('db.example');
  expect(decodeURIComponent(given)).not.toContain('s3cr');
  expect(readFileSync(`${said}.env`, 'utf8')).toBe('s3cr?et\n');
  const withKey = 'postgres://ada@db.example/log?sslpassword=s3cret';
  expect(await codeOf(backupStore({ directory: directory(), databaseUrl: withKey }, folder()))).toBe('ledger/unavailable');
});
