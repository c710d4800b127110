/** What agents settle among each other, on both engines: rates and request keys hold at the same time, and tasks are told and steered. */

import { describe, expect, test } from 'vitest';
import { codeOf, ENGINES, NOW, start } from '../../../../tests/crash/test-ledger.ts';
import { type Operation, query } from '../rows/operation.ts';
import { openRowWriter } from '../upkeep/row-writer.ts';
import { StoreCoordination } from './store-coordination.ts';

/** As many as an owner may have, less one. */
function* manyKeys(): Operation<void> {
  yield query(
    `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9999)
     INSERT INTO request_keys SELECT 'a', 'k-' || i, 'd', 't', ${NOW + 1000} FROM n`,
  );
}

describe.each(ENGINES)('on $engine', ({ place }) => {
  async function agents() {
    const clock = { now: () => time };
    let time = NOW;
    const at = await place();
    const { store } = await start(at, { silent: true });
    let steady = 0;
    return {
      at,
      one: new StoreCoordination(store, clock, () => steady),
      two: new StoreCoordination(store, clock, () => steady),
      pass: (ms: number) => {
        time += ms;
        steady += Math.max(0, ms);
      },
      jump: (ms: number) => {
        time += ms;
      },
    };
  }

  test('a rate holds for all agents together, and fills again', async () => {
    const { one, two, pass } = await agents();
    const waits = await Promise.all(Array.from({ length: 25 }, (_, i) => (i % 2 === 0 ? one : two).take('client', 20)));
    expect(waits.filter((wait) => wait === 0)).toHaveLength(20);
    expect(new Set(waits.filter((wait) => wait > 0))).toEqual(new Set([3_000]));
    expect(await one.take('another', 20)).toBe(0);
    pass(2_999);
    expect(await two.take('client', 20)).toBeGreaterThan(0);
    pass(1);
    expect([await two.take('client', 20), await one.take('client', 20)]).toEqual([0, 3_000]);
    pass(-3_600_000); // a clock that goes back gives nothing
    expect(await two.take('client', 20)).toBe(3_000);
    pass(2 * 3_600_000);
    for (let i = 0; i < 20; i += 1) expect(await one.take('client', 20)).toBe(0);
    expect(await one.take('client', 20)).toBe(3_000);
  });

  test('a request key names one task for a day, for its API key alone', async () => {
    const { one, two, pass } = await agents();
    const request = { access: 'a', key: 'order-1', digest: 'd' };
    const claims = await Promise.all([one.claim({ ...request, taskId: 't-1' }), two.claim({ ...request, taskId: 't-2' })]);
    expect(claims.map(({ kind }) => kind).sort()).toEqual(['again', 'first']);
    expect(new Set(claims.map(({ taskId }) => taskId)).size).toBe(1);
    expect((await one.claim({ ...request, digest: 'other', taskId: 't-3' })).kind).toBe('mismatch');
    for (const access of ['b', null]) expect((await one.claim({ ...request, access, taskId: 't-4' })).kind).toBe('first');
    await two.release({ ...request, taskId: 'not this one' });
    expect((await one.claim({ ...request, taskId: 't-5' })).kind).toBe('again');
    await two.release({ ...request, taskId: claims[0]!.taskId });
    expect((await one.claim({ ...request, taskId: 't-6' })).kind).toBe('first');
    pass(86_400_001);
    expect(await two.claim({ ...request, taskId: 't-7' })).toEqual({ kind: 'first', taskId: 't-7' });
  });

  test('a clock that jumps ahead and back makes no request come first again', async () => {
    const { one, two, pass, jump } = await agents();
    const request = { access: 'a', key: 'order-1', digest: 'd' };
    expect(await one.claim({ ...request, taskId: 't-1' })).toEqual({ kind: 'first', taskId: 't-1' });
    jump(30 * 86_400_000);
    expect(await two.claim({ ...request, taskId: 't-2' })).toEqual({ kind: 'again', taskId: 't-1' });
    expect((await one.claim({ ...request, key: 'order-2', taskId: 't-3' })).kind).toBe('first'); // forgets what is old
    jump(-30 * 86_400_000);
    expect(await two.claim({ ...request, taskId: 't-4' })).toEqual({ kind: 'again', taskId: 't-1' });
    jump(-30 * 86_400_000);
    expect(await two.claim({ ...request, taskId: 't-5' })).toEqual({ kind: 'again', taskId: 't-1' });
    pass(62 * 86_400_000);
    expect((await two.claim({ ...request, taskId: 't-6' })).kind).toBe('first');
  });

  test('ledger/request-keys-full: keys of one owner are bounded, known ones are still known', async () => {
    const { one, at, pass } = await agents();
    const key = (n: number) => ({ access: 'a', key: `k-${n}`, digest: 'd' });
    await one.claim({ ...key(-1), taskId: 'first' });
    const writer = await openRowWriter(typeof at === 'string' ? { directory: at } : at);
    await writer.change(manyKeys());
    await writer.close();
    expect(await codeOf(one.claim({ ...key(10_000), taskId: 'more' }))).toBe('ledger/request-keys-full');
    expect(await one.claim({ ...key(-1), taskId: 'other' })).toEqual({ kind: 'again', taskId: 'first' });
    expect((await one.claim({ ...key(10_000), access: 'b', taskId: 'more' })).kind).toBe('first');
    pass(2_000);
    expect((await one.claim({ ...key(10_000), taskId: 'more' })).kind).toBe('first');
  });

  test('the first value of a name is that of all', async () => {
    const { one, two } = await agents();
    const values = await Promise.all([one.agree('root', 'a'), two.agree('root', 'b')]);
    expect(new Set(values).size).toBe(1);
    expect([await one.agree('root', 'c'), await one.agree('other', 'd')]).toEqual([values[0], 'd']);
  });

  test('pages are read elsewhere in order, and orders are taken once', async () => {
    const { one, two } = await agents();
    await one.publish('r', { a: 1 });
    await one.publish('r', [2]);
    await one.publish('s', 'other');
    expect(await two.pages('r', 0)).toEqual([{ a: 1 }, [2]]);
    expect(await two.pages('r', 1)).toEqual([[2]]);
    await two.order('r', { kind: 'cancel' });
    await two.order('s', 1);
    await two.order('t', 2);
    const [first, second] = await Promise.all([one.takeOrders(['r', 's']), two.takeOrders(['r', 's'])]);
    expect([...first, ...second]).toEqual([
      { receiptId: 'r', order: { kind: 'cancel' } },
      { receiptId: 's', order: 1 },
    ]);
    expect(await one.takeOrders([])).toEqual([]);
    await one.forget('r');
    expect([await two.pages('r', 0), await two.pages('s', 0)]).toEqual([[], ['other']]);
  });
});
