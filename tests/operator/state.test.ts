/**
 * The operator's state on a disk of its host: rows that were changed, put back, deleted or added do not start an agent, and `fsck` names them.
 * Two writers do not overwrite each other. Proven on each engine of the ledger.
 */

import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type Hex, type OwnerMessage, parseSigningPolicy, policyHash } from '@assay/operator';
import { expectRefusal } from '@assay/testing';
import { describe, expect, test } from 'vitest';
import { type RowChange, SealedState } from '../../packages/agent/src/operator/sealed-state.ts';
import type { Ledger } from '../../packages/ledger/src/port.ts';
import { checkLog } from '../../packages/ledger/src/upkeep/check-log.ts';
import { ENGINES, open as openDraft, start, type TestPlace } from '../crash/test-ledger.ts';
import { runSql } from '../postgres/server.ts';
import { type OwnedAgent, signedBy, startOwnedAgent, temporary } from './owned-agent.ts';

const KEY = new Uint8Array(32).fill(7);
const ID: Hex = `0x${'ab'.repeat(32)}`;
const COLLECTION = `operator-${ID.slice(2)}`;

/** Changes a database behind the agent's back, in SQL of both engines. */
async function spoil(place: TestPlace, sql: string): Promise<void> {
  if (typeof place !== 'string') return void (await runSql(place.databaseUrl, sql));
  const db = new DatabaseSync(join(place, 'log.db'));
  db.exec(sql);
  db.close();
}

async function write(ledger: Ledger, state: SealedState, changes: readonly RowChange[]): Promise<void> {
  const draft = openDraft(ledger, 'change');
  try {
    await state.write(changes, ({ changes: writes, event }) => {
      draft.append(event);
      return ledger.seal(draft, { changes: writes });
    });
  } catch (error) {
    await ledger.discard(draft);
    throw error;
  }
}

describe.each(ENGINES)('on $engine', ({ place: freshPlace }) => {
  test.each([
    ['nothing', '', null],
    ['a row is deleted', "DELETE FROM state WHERE key = 'b'", 'operator/state-broken'],
    ['every row is deleted', 'DELETE FROM state', 'operator/state-broken'],
    ['the generation is deleted', "DELETE FROM state WHERE key = 'generation'", 'operator/state-broken'],
    [
      'a row is put back',
      "UPDATE state SET version = (SELECT version FROM kept WHERE kept.key = 'a'), value = (SELECT value FROM kept WHERE kept.key = 'a') WHERE key = 'a'",
      'operator/state-broken',
    ],
    ['all rows are put back together', 'DELETE FROM state; INSERT INTO state SELECT * FROM kept', 'operator/state-broken'],
    ['a removed row is put back', "INSERT INTO state SELECT * FROM kept WHERE key = 'c'", 'operator/state-broken'],
    ['a row is renamed', "UPDATE state SET key = 'bb' WHERE key = 'b'", 'ledger/corrupt'],
    [
      'a row of another collection is added',
      "INSERT INTO state SELECT 'operator-other', key, version, value, sealed FROM state",
      null,
    ],
  ])('%s', async (what, sql, code) => {
    const place = await freshPlace();
    const first = await start(place);
    const state = await SealedState.open(first.ledger, KEY, ID);
    await write(first.ledger, state, [
      { key: 'a', value: { text: 'old' } },
      { key: 'b', value: 1 },
      { key: 'c', value: 2 },
    ]);
    await spoil(place, 'CREATE TABLE kept AS SELECT * FROM state');
    await write(first.ledger, state, [
      { key: 'a', value: { text: 'new' } },
      { key: 'c', value: null },
    ]);
    await first.close();
    if (sql !== '') await spoil(place, sql);
    await spoil(place, 'DROP TABLE kept');
    const again = await start(place);
    const opened = (): Promise<SealedState> => SealedState.open(again.ledger, KEY, ID);
    if (code === null) {
      const found = await opened();
      expect([found.get('a'), found.get('b'), found.get('c'), found.generation]).toEqual([{ text: 'new' }, 1, undefined, 2]);
    } else await expectRefusal(opened, code, ['restore']);
    await again.close();
    const { problems } = await checkLog(typeof place === 'string' ? { directory: place } : place);
    expect([what, problems.length > 0]).toEqual([what, what !== 'nothing']);
  });

  test('a key of another agent opens nothing', async () => {
    const { ledger } = await start(await freshPlace());
    await write(ledger, await SealedState.open(ledger, KEY, ID), [{ key: 'a', value: 1 }]);
    await expectRefusal(() => SealedState.open(ledger, new Uint8Array(32), ID), 'operator/state-broken', ['does not open']);
    expect((await SealedState.open(ledger, KEY, `0x${'cd'.repeat(32)}`)).get('a')).toBeUndefined();
  });

  test('of two writers the second is refused, reads again and goes on; nothing is overwritten', async () => {
    const { ledger } = await start(await freshPlace());
    const first = await SealedState.open(ledger, KEY, ID);
    const second = await SealedState.open(ledger, KEY, ID);
    let read = 0;
    second.onRead(() => {
      read += 1;
    });
    await write(ledger, first, [{ key: 'spent', value: 60 }]);
    // Both in flight: the failed one takes those behind it along.
    const late = [second, second].map((state) => write(ledger, state, [{ key: 'spent', value: 50 }]));
    expect((await Promise.allSettled(late)).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    await second.refresh();
    expect([read, second.get('spent'), second.generation]).toEqual([1, 60, 1]);
    await write(ledger, second, [{ key: 'spent', value: 110 }]);
    await first.refresh();
    expect([first.get('spent'), first.generation]).toEqual([110, 2]);
    expect((await ledger.writtenState(COLLECTION))?.generation).toBe(2);
  });

  test('a value on its way is there for decisions, and gone when it was not written', async () => {
    const { ledger } = await start(await freshPlace());
    const state = await SealedState.open(ledger, KEY, ID);
    await write(ledger, state, [{ key: 'a', value: 1 }]);
    const first = write(ledger, state, [
      { key: 'a', value: 2 },
      { key: 'b', value: true },
    ]);
    expect([state.get('a'), state.coming('a'), state.coming('b')]).toEqual([1, 2, true]);
    const second = write(ledger, state, [{ key: 'a', value: null }]);
    expect(state.coming('a')).toBeUndefined();
    await Promise.all([first, second]);
    expect([state.get('a'), state.coming('a'), state.get('b')]).toEqual([undefined, undefined, true]);
    const failed = state.write([{ key: 'b', value: false }], () => Promise.reject(new Error('the disk is full')));
    expect(state.coming('b')).toBe(false);
    await expect(failed).rejects.toThrow('full');
    await state.refresh();
    expect(state.coming('b')).toBe(true);
  });

  test('while rows are read again nothing is written', async () => {
    const { ledger } = await start(await freshPlace());
    let free = (): void => undefined;
    let gate: Promise<void> = Promise.resolve();
    const slow = {
      listState: (collection: string) => gate.then(() => ledger.listState(collection)),
      readState: (collection: string, key: string) => ledger.readState(collection, key),
      writtenState: (collection: string) => ledger.writtenState(collection),
    };
    const state = await SealedState.open(slow, KEY, ID);
    await write(ledger, await SealedState.open(ledger, KEY, ID), [{ key: 'a', value: 1 }]);
    gate = new Promise((resolve) => {
      free = resolve;
    });
    await expectRefusal(() => write(ledger, state, [{ key: 'a', value: 2 }]), 'ledger/conflict', ['read it again']);
    await expectRefusal(() => write(ledger, state, [{ key: 'a', value: 2 }]), 'operator/state-moved', ['again']);
    free();
    await state.refresh();
    await write(ledger, state, [{ key: 'a', value: 2 }]);
    expect([state.get('a'), state.generation]).toEqual([2, 2]);
  });

  test('a refresh says whether it read', async () => {
    const { ledger } = await start(await freshPlace());
    const state = await SealedState.open(ledger, KEY, ID);
    const other = await SealedState.open(ledger, KEY, ID);
    await write(ledger, other, [{ key: 'a', value: 1 }]);
    expect([await state.refresh(), state.get('a'), await state.refresh()]).toEqual([true, 1, true]);
    const writing = write(ledger, state, [{ key: 'b', value: 2 }]);
    expect(await state.refresh()).toBe(false);
    await writing;
    expect([await state.refresh(), state.get('b')]).toEqual([true, 2]);
  });

  test('many changes at once commit in turn, and the hash holds', async () => {
    const place = await freshPlace();
    const { ledger, close } = await start(place);
    const state = await SealedState.open(ledger, KEY, ID);
    const keys = Array.from({ length: 60 }, (_, n) => `row/${n % 20}`);
    await Promise.all(keys.map((key, n) => write(ledger, state, [{ key, value: n % 7 === 0 ? null : n }])));
    const again = await SealedState.open(ledger, KEY, ID);
    expect(again.generation).toBe(60);
    expect(again.list('row/')).toEqual(state.list('row/'));
    await close();
    expect((await checkLog(typeof place === 'string' ? { directory: place } : place)).problems).toEqual([]);
  });
});

async function setPolicy(agent: OwnedAgent, most: string): Promise<void> {
  const policy = {
    v: 'assay-operator-policy/1',
    chains: { 1: { rpc_urls: ['http://127.0.0.1:9'], max_fee_per_gas: '1' } },
    rules: [{ id: 'eth', effect: 'allow', caps: [{ asset: 'native', at_most: most }] }],
  };
  const { agent_id: agentId, control } = await agent.config();
  const fields = {
    agentId,
    policyHash: policyHash(parseSigningPolicy(JSON.stringify(policy))),
    version: control.policy.version + 1,
    previousHash: control.policy.change_hash,
    expiry: Math.floor(Date.now() / 1000) + 600,
  };
  const message: OwnerMessage = { type: 'SetPolicy', fields };
  const answer = await agent.post('/api/v1/control', { message, signatures: await signedBy(message, 2), policy });
  expect(answer.status).toBe(200);
}

test.each([
  ['policy', "key = 'policy'"],
  ['policy and control', "key IN ('policy', 'control')"],
  ['whole state', '1 = 1'],
])('an agent whose older %s was put back does not start', { timeout: 60_000 }, async (_what, rows) => {
  const directory = temporary();
  const agent = await startOwnedAgent({ directory });
  await setPolicy(agent, '1000000');
  const data = join(directory, 'data');
  await spoil(data, 'CREATE TABLE kept AS SELECT * FROM state');
  await setPolicy(agent, '1');
  await agent.agent.close();
  await spoil(data, `DELETE FROM state WHERE ${rows}; INSERT INTO state SELECT * FROM kept WHERE ${rows}; DROP TABLE kept`);
  await expectRefusal(() => startOwnedAgent({ directory }), 'operator/state-broken', ['restore']);
});
