/** The agents on one store: no two have a channel key under the same id, and each finds the others as long as they live. */

import { describe, expect, test } from 'vitest';
import { codeOf, ENGINES, NOW, start } from '../../../../tests/crash/test-ledger.ts';
import { announceMember, claimKeyIds, liveMembers, releaseKeyIds } from './operations.ts';
import { StoreFleet } from './store-fleet.ts';

describe.each(ENGINES)('on $engine', ({ place }) => {
  test('ids, addresses, lives', async () => {
    const { store } = await start(await place(), { silent: true });
    let time = NOW;
    const clock = { now: () => time };
    const [one, two] = [new StoreFleet(store, clock), new StoreFleet(store, clock)];
    const [a, b] = await Promise.all([one.claimKeyIds(2), two.claimKeyIds(2)]);
    expect(new Set([...a, ...b]).size).toBe(4);
    const digest = `sha256:${'0'.repeat(64)}`;
    const notAfter = Math.floor(NOW / 1000) + 20;
    const keysets = [{ digest, notAfter, keyIds: a }];
    await one.announce({ address: 'http://127.0.0.1:1', keysets });
    expect(await two.holderOf(b[0]!)).toBeNull(); // its own, and not announced
    await two.announce({ address: null, keysets: [] });
    expect([await two.holderOf(a[0]!), await one.holderOf(b[0]!), await one.holderOf(a[0]!), await one.holderOf(200)]).toEqual([
      { member: one.member, address: 'http://127.0.0.1:1', keyset: digest },
      null,
      null,
      null,
    ]);
    expect(new Set(await two.members())).toEqual(
      new Set([
        { member: one.member, address: 'http://127.0.0.1:1', keysets },
        { member: two.member, address: null, keysets: [] },
      ]),
    );
    await one.releaseKeyIds([...a, ...b]);
    expect([...(await one.claimKeyIds(2))].sort()).toEqual([...a].sort()); // those of the other were not its own to release
    time += 21_000; // the keyset has ended
    expect([(await two.members()).length, await two.holderOf(a[0]!)]).toEqual([2, null]);
    time += 10_000; // both say nothing
    expect([await two.members(), await two.holderOf(a[0]!)]).toEqual([[], null]);
    const third = new StoreFleet(store, clock);
    expect(await third.claimKeyIds(254)).toHaveLength(254);
    expect(await codeOf(one.claimKeyIds(1))).toBe('ledger/key-ids-spent');
    await third.announce({ address: null, keysets: [] });
    await third.close();
    expect(await one.claimKeyIds(1)).toEqual([1]);
    await Promise.all([one.close(), two.close()]);
  });

  test('a row of another agent tells nothing', async () => {
    const { store } = await start(await place(), { silent: true });
    const [one, two] = [new StoreFleet(store, { now: () => NOW }), new StoreFleet(store, { now: () => NOW })];
    await one.announce({ address: 'http://127.0.0.1:1', keysets: [] });
    const [row] = await store.read(liveMembers(NOW));
    await store.change(announceMember, { member: two.member, about: row!.about, until: NOW + 1 });
    expect(await codeOf(two.members())).toBe('ledger/corrupt');
    await one.close();
  });

  test('a row of an earlier time, or under the id of another key, leads nowhere', async () => {
    const { store } = await start(await place(), { silent: true });
    let time = NOW;
    const clock = { now: () => time };
    const [one, two] = [new StoreFleet(store, clock), new StoreFleet(store, clock)];
    const notAfter = Math.floor(NOW / 1000) + 3600;
    await one.claimKeyIds(1);
    await two.claimKeyIds(1);
    await one.announce({
      address: 'http://127.0.0.1:1',
      keysets: [{ digest: `sha256:${'1'.repeat(64)}`, notAfter, keyIds: [1] }],
    });
    // Rows of ids say whatever the database's operator wants; who has a key is what its agent sealed.
    await store.change(releaseKeyIds, { member: two.member, ids: [2] });
    await store.change(claimKeyIds, { member: one.member, count: 1, now: NOW, until: NOW + 1 });
    expect([(await two.holderOf(1))?.member, await two.holderOf(2)]).toEqual([one.member, null]);
    const [row] = await store.read(liveMembers(NOW));
    time += 31_000;
    await store.change(announceMember, { member: one.member, about: row!.about, until: time + 60_000 });
    expect([await two.members(), await two.holderOf(1)]).toEqual([[], null]);
    await one.close();
  });
});
