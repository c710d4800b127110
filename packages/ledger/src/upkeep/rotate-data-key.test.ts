/** Rotation of the data key on every engine: all that was sealed opens under the new key and nothing under the old one; proofs stay valid; a cut-off goes on. */

import { createSecretKey, randomBytes } from 'node:crypto';
import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
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
  start,
  type TestPlace,
} from '../../../../tests/crash/test-ledger.ts';
import { runSql } from '../../../../tests/postgres/server.ts';
import { logUpkeep } from '../../../agent/src/identity/log-upkeep.ts';
import { DataKey } from '../data-key.ts';
import { readDataKey, writeDataKey } from '../data-key-file.ts';
import { readStored } from '../stored-bytes.ts';
import { checkLog } from './check-log.ts';
import { erasePayloads } from './erase-payloads.ts';
import { rotateDataKey } from './rotate-data-key.ts';
import type { KeptPlace } from './row-reader.ts';
import { storeStatus } from './store-status.ts';

const kept = (place: TestPlace): KeptPlace => (typeof place === 'string' ? { directory: place } : place);
const LONG = new Uint8Array(4_500_000).fill(5);
const STATE = { collection: 'job-evidence', key: 'k', expectedVersion: 0 };

/** A closed log with something in each place that is sealed. */
async function closedLog(place: TestPlace) {
  const { ledger, close } = await start(place);
  const draft = open(ledger, 'a');
  const digest = draft.payload('long', 'application/octet-stream', LONG);
  draft.payload('empty', 'application/octet-stream', new Uint8Array());
  const { receiptId } = await ledger.seal(draft, { changes: [{ ...STATE, value: utf8('value') }] });
  const job = await ledger.jobs.add({ queue: 'q', payload: { a: 1 }, input: new Uint8Array(2_500_000).fill(2) });
  const worker = ledger.jobs.work('q', async (running) => {
    await running.step('one', async () => 'stepped');
    running.progress('halfway');
    return 'result';
  });
  for await (const _ of ledger.jobs.watch(job.id, AbortSignal.timeout(30_000)));
  await worker.stop();
  const { key } = await ledger.keys.add({ name: 'team-a' });
  const erased = open(ledger, 'erased');
  erased.payload('x', 'text/plain', utf8('gone'));
  await ledger.seal(erased);
  await close();
  await erasePayloads(kept(place), { id: 'erased', now: NOW });
  return { receiptId, digest, job: job.id, key };
}

async function assertAllThere(place: TestPlace, { receiptId, digest, job }: Awaited<ReturnType<typeof closedLog>>) {
  expect(await checkLog(kept(place))).toMatchObject({ problems: [] });
  const { ledger, close } = await start(place);
  const sealed = (await ledger.find(receiptId))!;
  expect(await readStored((await ledger.payload(sealed, digest))!, LONG.length)).toEqual(LONG);
  await authenticateBundle((await bundleBytes(ledger, [receiptId]))!, { verifyEvidence: believeFakeEvidence });
  expect((await ledger.readState(STATE.collection, STATE.key))?.value).toEqual(utf8('value'));
  expect(await ledger.jobs.find(job)).toMatchObject({ state: 'done', payload: { a: 1 }, result: 'result' });
  expect((await ledger.keys.list()).map(({ name }) => name)).toEqual(['team-a']);
  const logged = await logUpkeep(ledger);
  await close();
  return logged;
}

describe.each(ENGINES)('on $engine', ({ engine, place: freshPlace }) => {
  test('everything opens under the new key, and nothing under the old one', async () => {
    const place = await freshPlace();
    const made = await closedLog(place);
    const { directory: path } = kept(place);
    const old = readDataKey(path);
    copyFileSync(join(path, 'data-key.json'), join(path, 'old-data-key.json'));
    const rotated = await rotateDataKey(kept(place), { now: NOW });
    expect(rotated).toMatchObject({ from: old.id, resumed: false });
    expect(rotated.sealed).toBeGreaterThan(70);
    expect(rotated.to).not.toBe(old.id);
    expect(readDataKey(path)).toMatchObject({ id: rotated.to, previous: null });
    expect(readFileSync(join(path, 'data-key.json'), 'utf8')).not.toContain(Buffer.from(old.secret.export()).toString('hex'));
    expect(await storeStatus(kept(place))).toMatchObject({
      dataKey: { id: rotated.to, rotating: false },
      upkeep: { unlogged: 2 },
    });
    expect(await assertAllThere(place, made)).toHaveLength(2); // the erasure, and the rotation
    expect(await storeStatus(kept(place))).toMatchObject({ upkeep: { unlogged: 0 } });
    copyFileSync(join(path, 'old-data-key.json'), join(path, 'data-key.json'));
    const { problems } = await checkLog(kept(place));
    for (const what of [/payload sha256/, /payload of job_/, /step one of job_/, /input of job_/])
      expect(problems.map((each) => each.what).join('\n')).toMatch(what);
    // The erasure is sealed under the new key, so that its payload counts as missing.
    expect(problems.filter(({ what }) => !what.includes('does not open')).map(({ what }) => what)).toEqual([
      expect.stringMatching(/^the payload sha256:\w+ is missing$/),
    ]);
  });

  test('the log names both keys', async () => {
    const place = await freshPlace();
    await (await start(place)).close();
    const { from, to } = await rotateDataKey(kept(place), { now: NOW });
    const { ledger } = await start(place);
    const [receiptId] = await logUpkeep(ledger);
    const { receipt } = (await ledger.find(receiptId!))!;
    expect(receipt.event_log.find(({ type }) => type === 'data-key.rotated')).toEqual({
      type: 'data-key.rotated',
      from,
      to,
      rotated_at: Math.floor(NOW / 1000),
    });
  });

  test('cut off at any step, agents read everything in between, and it goes on when it is run again', {
    timeout: 180_000,
  }, async () => {
    const place = await freshPlace();
    const made = await closedLog(place);
    const { directory: path } = kept(place);
    const first = readDataKey(path).id;
    let steps = 0;
    const cutAt = (step: number) => {
      let left = step;
      const onStep = () => {
        left -= 1;
        if (left === 0) throw new Error('cut');
        steps += 1;
      };
      return rotateDataKey(kept(place), { now: NOW }, onStep).then(
        (rotated) => rotated,
        (error: Error) => {
          if (error.message !== 'cut') throw error;
          return null;
        },
      );
    };
    expect(await cutAt(1)).toBeNull();
    const { id } = readDataKey(path);
    expect([id === first, readDataKey(path).previous?.id]).toEqual([false, first]);
    let rotated: Awaited<ReturnType<typeof cutAt>> = null;
    for (let step = 2; rotated === null; step += 1) {
      expect(await storeStatus(kept(place))).toMatchObject({ dataKey: { id, rotating: true } });
      if (step === 3) await assertAllThere(place, made);
      rotated = await cutAt(step);
      expect(step).toBeLessThan(30);
    }
    expect(rotated).toMatchObject({ from: first, to: id, resumed: true });
    expect(steps).toBeGreaterThan(5);
    expect(await assertAllThere(place, made)).toHaveLength(1);
  });

  test('not while an agent runs', async () => {
    const place = await freshPlace();
    const { close } = await start(place);
    const before = readDataKey(kept(place).directory).id;
    expect(await codeOf(rotateDataKey(kept(place), { now: NOW }))).toBe('ledger/in-use');
    expect(readDataKey(kept(place).directory)).toMatchObject({ id: before, previous: null });
    await close();
    await rotateDataKey(kept(place), { now: NOW });
  });

  test('a text that neither key opens stops it, and both keys stay', async () => {
    const place = await freshPlace();
    await closedLog(place);
    const { directory: path } = kept(place);
    const spoilt = 'UPDATE job_steps SET result = (SELECT payload FROM jobs LIMIT 1)';
    if (typeof place === 'string') {
      const { DatabaseSync } = await import('node:sqlite');
      const db = new DatabaseSync(join(place, 'log.db'));
      db.exec(spoilt);
      db.close();
    } else await runSql(place.databaseUrl, spoilt);
    expect(await codeOf(rotateDataKey(kept(place), { now: NOW }))).toBe('ledger/corrupt');
    expect(readDataKey(path).previous).not.toBeNull();
  });

  test.skipIf(engine === 'sqlite')(
    'agents with the old key, or with a key that was never put in force, are refused',
    async () => {
      const place = await freshPlace();
      if (typeof place === 'string') return;
      await (await start(place)).close();
      const elsewhere = { ...place, directory: directory() };
      for (const name of ['log-key.json', 'data-key.json'])
        copyFileSync(join(place.directory, name), join(elsewhere.directory, name));
      const old = readDataKey(place.directory).id;
      await rotateDataKey(place, { now: NOW });
      expect(await codeOf(start(elsewhere))).toBe('ledger/other-log');
      expect(await codeOf(rotateDataKey(elsewhere, { now: NOW }))).toBe('ledger/other-log');
      expect(readDataKey(elsewhere.directory)).toMatchObject({ id: old, previous: null });
      const inForce = readDataKey(place.directory);
      const { id } = inForce;
      writeDataKey(place.directory, { key: new DataKey(createSecretKey(randomBytes(32))), previous: inForce });
      expect(await codeOf(start(place))).toBe('ledger/other-log'); // cut off between file and database
      expect(await rotateDataKey(place, { now: NOW })).toMatchObject({ from: id, resumed: true });
      await (await start(place)).close();
    },
  );

  test.skipIf(engine === 'sqlite')(
    'ledger/data-key-rotated: an agent that was silent meanwhile writes nothing more',
    {
      timeout: 60_000,
    },
    async () => {
      const place = await freshPlace();
      if (typeof place === 'string') return;
      const made = await closedLog(place);
      const { ledger, close } = await start(place);
      await runSql(place.databaseUrl, 'UPDATE boots SET alive_until = 0');
      await rotateDataKey(place, { now: NOW });
      await new Promise((resolve) => setTimeout(resolve, 6_000)); // a beat of its lease
      const draft = open(ledger, 'late');
      draft.payload('late', 'text/plain', LONG);
      for (const work of [
        () => ledger.jobs.add({ queue: 'q', payload: {}, input: utf8('late') }),
        () => ledger.seal(draft),
        () => ledger.seal(draft),
      ])
        expect(await codeOf(work)).toBe('ledger/data-key-rotated');
      await rotateDataKey(place, { now: NOW });
      await close();
      await assertAllThere(place, made);
    },
  );

  test('of two rotations at the same time one is refused, and nothing is lost', async () => {
    const place = await freshPlace();
    const made = await closedLog(place);
    const two = [kept(place), kept(place)].map((each) => codeOf(rotateDataKey(each, { now: NOW })));
    expect((await Promise.all(two)).sort()).toEqual(['ledger/in-use', 'nothing thrown']);
    if (typeof place !== 'string') {
      const elsewhere = { ...place, directory: directory() };
      for (const name of ['log-key.json', 'data-key.json'])
        copyFileSync(join(place.directory, name), join(elsewhere.directory, name));
      const both = await Promise.all([place, elsewhere].map((each) => codeOf(rotateDataKey(each, { now: NOW }))));
      expect(both.filter((code) => code === 'nothing thrown')).toHaveLength(1);
      expect(both.filter((code) => code === 'ledger/in-use' || code === 'ledger/other-log')).toHaveLength(1);
      if (both[1] === 'nothing thrown')
        copyFileSync(join(elsewhere.directory, 'data-key.json'), join(place.directory, 'data-key.json'));
    }
    await assertAllThere(place, made);
  });
});
