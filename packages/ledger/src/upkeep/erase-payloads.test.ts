/** Erasure on every engine: the bytes are gone, everything that names them stays valid and says so, others keep what is theirs, and a cut-off goes on. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { utf8 } from '@assay/encoding/bytes';
import { authenticateBundle } from '@assay/receipt';
import { believeFakeEvidence } from '@assay/testing';
import { describe, expect, test } from 'vitest';
import {
  bundleBytes,
  codeOf,
  directory,
  ENGINES,
  NOW,
  open,
  run,
  start,
  type TestPlace,
} from '../../../../tests/crash/test-ledger.ts';
import { runSql } from '../../../../tests/postgres/server.ts';
import { logUpkeep } from '../../../agent/src/identity/log-upkeep.ts';
import type { Ledger } from '../port.ts';
import { type Operation, query, type Row } from '../rows/operation.ts';
import { readStored } from '../stored-bytes.ts';
import { checkLog } from './check-log.ts';
import { erasePayloads } from './erase-payloads.ts';
import type { KeptPlace } from './row-reader.ts';
import { openRowWriter } from './row-writer.ts';
import { storeStatus } from './store-status.ts';

const kept = (place: TestPlace): KeptPlace => (typeof place === 'string' ? { directory: place } : place);
const SECRET = 'the-word-that-must-go';
const LONG = new Uint8Array(600_000).fill(7);

/** A receipt that keeps these texts. */
async function keep(
  ledger: Ledger,
  taskId: string,
  texts: Readonly<Record<string, string | Uint8Array>>,
  access: string | null = null,
) {
  const draft = ledger.open({
    taskId,
    task: 'execute',
    method: 'POST',
    endpoint: '/',
    requestBody: utf8('{}'),
    nonce: null,
    access,
  });
  const digests = Object.entries(texts).map(([name, text]) =>
    draft.payload(name, 'text/plain', typeof text === 'string' ? utf8(text) : text),
  );
  return { sealed: await ledger.seal(draft), digests };
}

async function sql(place: TestPlace, text: string): Promise<void> {
  if (typeof place !== 'string') return void (await runSql(place.databaseUrl, text));
  const writer = await openRowWriter({ directory: place });
  await writer.change(
    (function* () {
      yield { text, values: [] };
    })(),
  );
  await writer.close();
}

function* allPieces(): Operation<readonly Row[]> {
  return yield query('SELECT bytes FROM sealed_pieces');
}

const checksOf = async (bytes: Uint8Array) =>
  (await authenticateBundle(bytes, { verifyEvidence: believeFakeEvidence })).checks.map(
    ({ id, outcome, actual }) => `${id} ${outcome}: ${actual}`,
  );

describe.each(ENGINES)('on $engine', ({ engine, place: freshPlace }) => {
  test('what a receipt kept goes, beside a running agent; proofs stay, and bundles say it by a signed receipt', async () => {
    const place = await freshPlace();
    const { ledger } = await start(place);
    const first = await keep(ledger, 'a', { prompt: SECRET, long: LONG, empty: '' });
    const other = await keep(ledger, 'b', { prompt: 'stays' });
    const { receiptId } = first.sealed;
    expect(await erasePayloads(kept(place), { id: receiptId, now: NOW })).toEqual([
      { receiptId, taskId: 'a', payloads: 3, shared: 0, before: false, openJobs: 0, inWriteAheadLog: false },
    ]);
    for (const digest of first.digests)
      expect(await codeOf(() => ledger.payload(first.sealed, digest))).toBe('ledger/payload-erased');
    expect(await readStored((await ledger.payload(other.sealed, other.digests[0]!))!, 100)).toEqual(utf8('stays'));
    // Before an agent has logged it, the bundle holds less; afterwards it says why.
    expect((await checksOf((await bundleBytes(ledger, [receiptId]))!)).join('\n')).toContain('left out: prompt, long, empty');
    expect(await storeStatus(kept(place))).toMatchObject({ upkeep: { erasedPayloads: 3, unfinished: 0, unlogged: 1 } });
    expect(await checkLog(kept(place))).toMatchObject({ problems: [], erased: 3, payloads: 1 });
    const [logged] = await logUpkeep(ledger);
    expect(await logUpkeep(ledger)).toEqual([]);
    const said = (await ledger.find(logged!))!.receipt.event_log.find(({ type }) => type === 'payloads.erased');
    expect(said).toEqual({
      type: 'payloads.erased',
      receipt_id: receiptId,
      erased_at: Math.floor(NOW / 1000),
      hashes: [...first.digests].sort(),
    });
    const checks = await checksOf((await bundleBytes(ledger, [receiptId, other.sealed.receiptId]))!);
    expect(checks).toContain('bundle.erased pass: erased, as the log says: prompt, long, empty');
    expect(checks).toContain('bundle.payloads pass: 2 payloads as named');
    expect(await storeStatus(kept(place))).toMatchObject({ upkeep: { erasedPayloads: 3, unlogged: 0 } });
    expect(await checkLog(kept(place))).toMatchObject({ problems: [], erased: 3 });
    expect(await erasePayloads(kept(place), { id: receiptId, now: NOW })).toMatchObject([{ before: true }]);
    expect(await logUpkeep(ledger)).toEqual([]);
  });

  test('bytes that others keep, too, stay for them alone; bytes that come again are kept again', async () => {
    const place = await freshPlace();
    const { ledger } = await start(place);
    const a = await keep(ledger, 'a', { answer: '42', prompt: SECRET });
    const b = await keep(ledger, 'b', { answer: '42' });
    expect(await erasePayloads(kept(place), { id: 'a', now: NOW })).toMatchObject([{ payloads: 2, shared: 1 }]);
    expect(await codeOf(() => ledger.payload(a.sealed, a.digests[0]!))).toBe('ledger/payload-erased');
    expect(await readStored((await ledger.payload(b.sealed, b.digests[0]!))!, 100)).toEqual(utf8('42'));
    await logUpkeep(ledger);
    const both = await bundleBytes(ledger, [a.sealed.receiptId, b.sealed.receiptId]);
    expect((await checksOf(both!)).join('\n')).toContain('erased, as the log says: prompt');
    const again = await keep(ledger, 'c', { prompt: SECRET });
    expect(await readStored((await ledger.payload(again.sealed, again.digests[0]!))!, 100)).toEqual(utf8(SECRET));
    expect(await codeOf(() => ledger.payload(a.sealed, a.digests[1]!))).toBe('ledger/payload-erased');
    // Erased where it is kept last, it is gone.
    expect(await erasePayloads(kept(place), { id: 'b', now: NOW })).toMatchObject([{ payloads: 1, shared: 0 }]);
    expect(await checkLog(kept(place))).toMatchObject({ problems: [] });
  });

  test('every receipt of a task, and what its job carried', async () => {
    const place = await freshPlace();
    const { ledger } = await start(place);
    const access = 'a'.repeat(64);
    await keep(ledger, 'job-task', { one: 'x' }, access);
    await keep(ledger, 'job-task', { two: 'y' }, access);
    const queued = { queue: 'tasks', owner: access, payload: { prompt: SECRET }, input: utf8(SECRET) };
    const done = await ledger.jobs.add({ ...queued, key: 'job-task' });
    const running = await ledger.jobs.add({ ...queued, key: 'other' });
    await ledger.jobs.cancel(done.id);
    expect(await erasePayloads(kept(place), { id: 'job-task', now: NOW })).toMatchObject([{ payloads: 1 }, { payloads: 1 }]);
    expect([await ledger.jobs.find(done.id), (await ledger.jobs.find(running.id))?.state]).toEqual([null, 'queued']);
    expect(await logUpkeep(ledger)).toHaveLength(2);
    expect(await checkLog(kept(place))).toMatchObject({ problems: [], rows: { jobs: 1 } });
  });

  test('what earlier jobs of the task carried goes, too; while one is open the erasure is not finished', async () => {
    const place = await freshPlace();
    const { ledger } = await start(place);
    await keep(ledger, 'job-task', { one: 'x' });
    const job = { queue: 'tasks', payload: { prompt: SECRET }, input: utf8(SECRET), key: 'job-task' };
    const first = await ledger.jobs.add(job);
    await ledger.jobs.cancel(first.id);
    const second = await ledger.jobs.add(job);
    const erasing = () => erasePayloads(kept(place), { id: 'job-task', now: NOW });
    expect(await erasing()).toMatchObject([{ openJobs: 1, before: false }]);
    expect([await ledger.jobs.find(first.id), (await ledger.jobs.find(second.id))?.state]).toEqual([null, 'queued']);
    expect(await storeStatus(kept(place))).toMatchObject({ upkeep: { unfinished: 1, unlogged: 0 } });
    expect(await logUpkeep(ledger)).toEqual([]);
    await ledger.jobs.cancel(second.id);
    expect(await erasing()).toMatchObject([{ openJobs: 0 }]);
    expect(await ledger.jobs.find(second.id)).toBeNull();
    expect(await logUpkeep(ledger)).toHaveLength(1);
  });

  test('cut off at any step, it goes on when it is run again', async () => {
    const place = await freshPlace();
    const { ledger } = await start(place);
    const { sealed, digests } = await keep(ledger, 'a', { long: new Uint8Array(9_000_000).fill(3), prompt: SECRET });
    for (let step = 1; ; step += 1) {
      let left = step;
      const onStep = () => {
        left -= 1;
        if (left === 0) throw new Error('cut');
      };
      const cut = await erasePayloads(kept(place), { id: 'a', now: NOW }, onStep).then(
        () => false,
        (error: Error) => error.message === 'cut',
      );
      expect(await codeOf(() => ledger.payload(sealed, digests[0]!))).toBe('ledger/payload-erased');
      expect(await checkLog(kept(place))).toMatchObject({ problems: [], erased: 2 });
      await run(ledger, `t-${step}`);
      if (!cut) break;
      if (step === 1) expect(await storeStatus(kept(place))).toMatchObject({ upkeep: { unfinished: 1, unlogged: 0 } });
      if (step === 1) expect(await logUpkeep(ledger)).toEqual([]); // it is not done
      expect(step).toBeLessThan(20);
    }
    expect(await logUpkeep(ledger)).toHaveLength(1);
  });

  test('the same bytes sealed while they are erased are kept', async () => {
    const place = await freshPlace();
    const { ledger } = await start(place);
    await keep(ledger, 'a', { long: LONG });
    const sealed: Awaited<ReturnType<typeof keep>>[] = [];
    let n = 0;
    await erasePayloads(kept(place), { id: 'a', now: NOW }, async () => {
      sealed.push(await keep(ledger, `again-${n++}`, { long: LONG }));
    });
    expect(sealed.length).toBeGreaterThan(1);
    for (const each of sealed)
      expect(await readStored((await ledger.payload(each.sealed, each.digests[0]!))!, LONG.length)).toEqual(LONG);
    expect(await checkLog(kept(place))).toMatchObject({ problems: [], erased: 1 });
  });

  test('rows that no command wrote hide nothing', async () => {
    const place = await freshPlace();
    const { ledger, close } = await start(place);
    const { sealed } = await keep(ledger, 'a', { prompt: SECRET });
    await sql(place, `INSERT INTO erased_payloads SELECT ${sealed.proof.index}, hash FROM sealed_pieces`);
    await sql(place, 'DELETE FROM sealed_pieces');
    const { problems } = await checkLog(kept(place));
    expect(problems.map(({ what }) => what).join()).toMatch(/payload sha256:\w+ is missing/);
    await sql(place, `INSERT INTO upkeep_log VALUES ('erasure-${sealed.receiptId}', 'AAAA', 1, NULL)`);
    expect((await checkLog(kept(place))).problems.map(({ what }) => what).join()).toMatch(/does not open at its place/);
    expect(await codeOf(logUpkeep(ledger))).toBe('ledger/corrupt');
    expect(await codeOf(erasePayloads(kept(place), { id: 'a', now: NOW }))).toBe('ledger/corrupt');
    await close();
  });

  test('an erasure that the log does not name is found', async () => {
    const place = await freshPlace();
    const { ledger } = await start(place);
    await keep(ledger, 'a', { prompt: SECRET });
    await erasePayloads(kept(place), { id: 'a', now: NOW });
    await sql(place, "UPDATE upkeep_log SET logged = 'rcpt_never'");
    expect((await checkLog(kept(place))).problems.map(({ what }) => what).join()).toMatch(
      /erasure of rcpt_\w+ is not in the log/,
    );
  });

  test('two agents log it once', async () => {
    const place = await freshPlace();
    const { ledger } = await start(place);
    await keep(ledger, 'a', { prompt: SECRET });
    await erasePayloads(kept(place), { id: 'a', now: NOW });
    const other = engine === 'postgres' ? (await start(place)).ledger : ledger;
    const [one, two] = await Promise.all([logUpkeep(ledger), logUpkeep(other)]);
    const all = new Set([...one, ...two]);
    expect(all.size).toBe(1);
    const receipts = (await ledger.list({ limit: 50 })).filter(({ task, state }) => task === 'erasure' && state === 'sealed');
    expect(receipts.map(({ receiptId }) => receiptId)).toEqual([...all]);
  });

  test('ledger/nothing-to-erase', async () => {
    const place = await freshPlace();
    const { ledger } = await start(place);
    await keep(ledger, 'shared', { a: '1' }, 'a'.repeat(64));
    await keep(ledger, 'shared', { a: '2' }, 'b'.repeat(64));
    await open(ledger, 'not sealed').started;
    for (const id of ['rcpt_never', '', 'not sealed', 'shared', "' OR 1=1 --"])
      expect([id, await codeOf(erasePayloads(kept(place), { id, now: NOW }))]).toEqual([id, 'ledger/nothing-to-erase']);
  });

  test('nothing of it is in the files of an embedded database', async () => {
    if (typeof (await freshPlace()) !== 'string') return;
    const place = (await freshPlace()) as string;
    const { ledger, close, store } = await start(place);
    const { sealed } = await keep(ledger, 'a', { prompt: SECRET });
    const [piece] = await store.read(allPieces());
    await close();
    const holds = () => readFileSync(join(place, 'log.db')).includes(Buffer.from(piece!.bytes as Uint8Array));
    expect(holds()).toBe(true);
    await erasePayloads({ directory: place }, { id: sealed.receiptId, now: NOW });
    expect(holds()).toBe(false);
  });
});

test('ledger/busy: a lock that another program holds fails the requests of its time, and no later one', {
  timeout: 30_000,
}, async () => {
  const place = directory();
  const { ledger } = await start(place);
  const other = new DatabaseSync(join(place, 'log.db'));
  other.exec('BEGIN IMMEDIATE');
  expect(await codeOf(run(ledger, 'a'))).toBe('ledger/busy');
  other.exec('ROLLBACK');
  other.close();
  expect((await run(ledger, 'b')).proof.index).toBe(1);
});

test('an erasure, also one of a mistyped id, waits for no reader and stops no agent', async () => {
  const place = directory();
  const { ledger } = await start(place);
  const { sealed } = await keep(ledger, 'a', { prompt: SECRET });
  const reader = new DatabaseSync(join(place, 'log.db'), { readOnly: true });
  reader.exec('BEGIN');
  reader.prepare('SELECT count(*) FROM receipts').get();
  await run(ledger, 'b');
  expect(await codeOf(erasePayloads({ directory: place }, { id: 'rcpt_typo', now: NOW }))).toBe('ledger/nothing-to-erase');
  expect(await erasePayloads({ directory: place }, { id: 'a', now: NOW })).toMatchObject([{ inWriteAheadLog: true }]);
  await run(ledger, 'c');
  reader.exec('COMMIT');
  reader.close();
  expect(await erasePayloads({ directory: place }, { id: sealed.receiptId, now: NOW })).toMatchObject([
    { before: true, inWriteAheadLog: false },
  ]);
});
