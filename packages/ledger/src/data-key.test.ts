/** What is sealed for a database opens at its place and nowhere else; nothing that a client sent stands there in clear. */

import { createSecretKey, randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { utf8 } from '@assay/encoding/bytes';
import { describe, expect, test } from 'vitest';
import { codeOf, ENGINES, open, start, type TestPlace } from '../../../tests/crash/test-ledger.ts';
import { runSql } from '../../../tests/postgres/server.ts';
import { DataKey, PIECE_OVERHEAD } from './data-key.ts';
import { readStored } from './stored-bytes.ts';

const key = new DataKey(createSecretKey(randomBytes(32)));
const place = { hash: new Uint8Array(32).fill(1), n: 0, last: true };

describe('a sealed text', () => {
  test('opens at its place', () => {
    for (const length of [0, 1, 65_536]) {
      const bytes = new Uint8Array(randomBytes(length));
      expect(key.openPiece(place, key.sealPiece(place, bytes))).toEqual(bytes);
      expect(key.open('state/a', key.seal('state/a', bytes))).toEqual(bytes);
    }
    expect(key.seal('a', utf8('x'))).not.toEqual(key.seal('a', utf8('x')));
  });

  test('is the same in room that is given, and leaves the bytes that came and the rest of the room alone', () => {
    for (const length of [0, 5, 2_048, 2_049, 65_536]) {
      const bytes = new Uint8Array(randomBytes(length));
      const copy = bytes.slice();
      const room = Buffer.alloc(65_536 + PIECE_OVERHEAD + 8, 7);
      const sealed = key.sealPiece(place, bytes, room);
      expect([sealed.buffer === room.buffer, sealed.length]).toEqual([true, length + PIECE_OVERHEAD]);
      expect(Buffer.compare(sealed, key.sealPiece(place, bytes))).toBe(0);
      expect(bytes).toEqual(copy);
      expect(room.subarray(sealed.length).every((byte) => byte === 7)).toBe(true);
      expect(key.openPiece(place, sealed)).toEqual(bytes);
    }
  });

  test.each<[string, () => unknown]>([
    ['another payload', () => key.openPiece({ ...place, hash: new Uint8Array(32) }, key.sealPiece(place, utf8('x')))],
    ['another piece', () => key.openPiece({ ...place, n: 1 }, key.sealPiece(place, utf8('x')))],
    ['a payload that was cut', () => key.openPiece(place, key.sealPiece({ ...place, last: false }, utf8('x')))],
    ['another row', () => key.open('state/b', key.seal('state/a', utf8('x')))],
    ['another key', () => new DataKey(createSecretKey(randomBytes(32))).open('a', key.seal('a', utf8('x')))],
    ['nothing', () => key.open('a', new Uint8Array())],
  ])('does not open in %s', async (_, attempt) => {
    expect(await codeOf(attempt)).toBe('ledger/corrupt');
  });

  test('does not open with any bit changed', async () => {
    const sealed = key.sealPiece(place, utf8('hello'));
    for (let bit = 0; bit < sealed.length * 8; bit += 1) {
      const changed = sealed.slice();
      changed[bit >> 3]! ^= 1 << (bit & 7);
      expect(await codeOf(() => key.openPiece(place, changed)), `bit ${bit}`).toBe('ledger/corrupt');
    }
  });
});

/** Every byte that a place holds, key files aside. */
async function everything(at: TestPlace): Promise<string> {
  const path = typeof at === 'string' ? at : at.directory;
  const files = readdirSync(path).filter((name) => name.startsWith('log.db'));
  const text = files.map((name) => readFileSync(join(path, name), 'latin1')).join('\n');
  if (typeof at === 'string') return text;
  const tables = await runSql(at.databaseUrl, "SELECT tablename FROM pg_tables WHERE schemaname = 'assay'");
  const rows = await Promise.all(
    tables.map(({ tablename }) => runSql(at.databaseUrl, `SELECT t::text FROM ${String(tablename)} t`)),
  );
  return JSON.stringify(rows);
}

describe.each(ENGINES)('on $engine', ({ engine, place: freshPlace }) => {
  test('no payload, no state and no job stands in the database in clear, and all of it is read again', async () => {
    const at = await freshPlace();
    const { ledger } = await start(at);
    const word = 'the patient has a cough';
    const draft = open(ledger, 'a');
    const digest = draft.payload('prompt', 'text/plain', utf8(word));
    const sealed = await ledger.seal(draft, {
      changes: [{ collection: 'variables', key: 'rpc', expectedVersion: 0, value: utf8(word) }],
    });
    ledger.jobs.work('audit', async (job) => {
      await job.step('one', async () => word);
      job.progress(word);
      return word;
    });
    const { id } = await ledger.jobs.add({ queue: 'audit', payload: { word } });
    for await (const _ of ledger.jobs.watch(id, AbortSignal.timeout(20_000)));
    const stored = await everything(at);
    expect(stored).toContain('rcpt_');
    for (const form of [word, Buffer.from(word).toString('hex'), Buffer.from(word).toString('base64').slice(0, 24)])
      expect(stored.includes(form), form).toBe(false);
    expect(await readStored((await ledger.payload(sealed, digest))!, 1024)).toEqual(utf8(word));
    expect((await ledger.readState('variables', 'rpc'))?.value).toEqual(utf8(word));
    expect((await ledger.listState('variables'))[0]?.value).toEqual(utf8(word));
    expect(await ledger.jobs.find(id)).toMatchObject({ payload: { word }, progress: word, result: word });
  });

  test('another data key is noticed', async () => {
    const at = await freshPlace();
    const first = await start(at);
    const draft = open(first.ledger, 'a');
    const digest = draft.payload('prompt', 'text/plain', utf8('x'));
    const { receiptId } = await first.ledger.seal(draft);
    await first.close();
    rmSync(join(typeof at === 'string' ? at : at.directory, 'data-key.json'));
    if (engine === 'postgres') {
      expect(await codeOf(start(at))).toBe('ledger/other-log');
      return;
    }
    const { ledger } = await start(at);
    const found = await ledger.find(receiptId);
    expect(await codeOf(async () => readStored((await ledger.payload(found!, digest))!, 1024))).toBe('ledger/corrupt');
  });
});
