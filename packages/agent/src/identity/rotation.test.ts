/** When keysets change, what a TEE that fails does, and that ended keys are gone: real ledger and simulator, a clock by hand. */

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { encapsulateRequest, encodeRequest } from '@assay/channel';
import type { Ledger } from '@assay/ledger';
import { openLedger } from '@assay/ledger';
import { authenticateBundle } from '@assay/receipt';
import { afterEach, describe, expect, it } from 'vitest';
import { bundleBytes, codeOf, directory, open } from '../../../../tests/crash/test-ledger.ts';
import { createSimulatedAttester } from '../adapters/attesters/simulated/simulated.ts';
import type { Attester } from '../ports/attester.ts';
import { TalkKeyring } from '../tasks/talk/talk-keys.ts';
import { ChannelKeys } from './channel-keys.ts';
import { KeysetRotation, type Rotated } from './rotation.ts';

const START = 1_795_219_200_000;
const HOUR = 3600;
const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

interface Setting {
  readonly rotation: KeysetRotation;
  readonly ledger: Ledger;
  readonly channelKeys: ChannelKeys;
  readonly talkKeys: TalkKeyring;
  readonly clock: { seconds: number };
  readonly tee: { works: boolean; asked: number; pause: Promise<void> };
  readonly rotated: Rotated[];
  readonly failures: unknown[];
  /** Looks, and waits for what that began. */
  look(): Promise<void>;
}

/** Keys live ten hours, with an hour of overlap. */
async function setting(): Promise<Setting> {
  const clock = { seconds: START / 1000 };
  const now = () => clock.seconds * 1000;
  const path = directory();
  const tee = { works: true, asked: 0, pause: Promise.resolve() };
  const simulated = await createSimulatedAttester({ directory: path, clock: { now } });
  const attester: Attester = {
    ...simulated,
    attest: async (request) => {
      tee.asked += 1;
      await tee.pause;
      if (!tee.works) throw new Error('/dev/tee: input/output error');
      return simulated.attest(request);
    },
  };
  const ledger = await openLedger({ directory: path, clock: { now } });
  closing.push(() => ledger.close());
  const [channelKeys, talkKeys] = [new ChannelKeys(), new TalkKeyring()];
  const [rotated, failures]: [Rotated[], unknown[]] = [[], []];
  const rotation = await KeysetRotation.start({
    attester,
    ledger,
    channelKeys,
    talkKeys,
    createTlsKey: null,
    clock: { now },
    lifetimeSeconds: 10 * HOUR,
    overlapSeconds: HOUR,
    operatorKeys: null,
    provenance: { repo_url: null, repo_commit: null, image_digest: null, image_provenance: null },
    onRotated: (each) => rotated.push(each),
    onFailure: (error) => failures.push(error),
  });
  closing.push(() => rotation.close());
  const look = async () => {
    const before = rotated.length + failures.length;
    const asked = tee.asked;
    rotation.look();
    await new Promise((resolve) => setTimeout(resolve, 20));
    for (let n = 0; tee.asked > asked && rotated.length + failures.length === before && n < 500; n += 1)
      await new Promise((resolve) => setTimeout(resolve, 10));
  };
  return { rotation, ledger, channelKeys, talkKeys, clock, tee, rotated, failures, look };
}

const request = encodeRequest({
  method: 'GET',
  scheme: 'http',
  authority: 'a',
  path: '/x',
  headers: [],
  body: new Uint8Array(0),
});
/** Seals requests to the keys that are in force now, for later. */
async function sealer({ channelKeys }: Setting): Promise<readonly Uint8Array[]> {
  const configs = channelKeys.keys.map(({ keyId, keyPair }) => ({ keyId, kem: keyPair.kem, publicKey: keyPair.publicKey }));
  return Promise.all(configs.map(async (config) => (await encapsulateRequest(config, request)).bytes));
}
const opens = ({ channelKeys, clock }: Setting, sealed: readonly Uint8Array[]): Promise<readonly string[]> =>
  Promise.all(sealed.map((bytes) => codeOf(channelKeys.open(bytes, 'whole', clock.seconds))));
const OPENED = ['nothing thrown', 'nothing thrown'];
const REFUSED = ['channel/key-unknown', 'channel/key-unknown'];

describe('the schedule', () => {
  it('makes the next keyset an overlap ahead of the end, and ends the old keys at their end', async () => {
    const set = await setting();
    const { rotation, clock, rotated, look } = set;
    const first = rotation.keyset;
    const early = await sealer(set);
    clock.seconds = first.not_after - HOUR - 1;
    await look();
    expect(rotated).toEqual([]);
    clock.seconds += 1;
    await look();
    expect(rotated).toMatchObject([{ keysetDigest: rotation.keysetDigest, previousEndsAt: first.not_after }]);
    expect(rotation.keyset.not_after).toBe(clock.seconds + 10 * HOUR);
    const next = await sealer(set);
    expect([await opens(set, early), await opens(set, next)]).toEqual([OPENED, OPENED]);
    clock.seconds = first.not_after - 1;
    expect(await opens(set, early)).toEqual(OPENED);
    clock.seconds += 1;
    expect(await opens(set, early), 'refused at the second, before anything looked').toEqual(REFUSED);
    expect(await opens(set, next)).toEqual(OPENED);
    await look();
    expect(rotated.length).toBe(1);
  });

  it('makes one keyset when many ask at once', async () => {
    const { rotation, rotated } = await setting();
    const all = await Promise.all([rotation.rotate(), rotation.rotate(), rotation.rotate(0)]);
    expect(new Set(all.map(({ keysetDigest }) => keysetDigest)).size).toBe(1);
    expect(rotated.length).toBe(1);
  });

  it('never lets old keys live longer than configured, or than their keyset', async () => {
    const set = await setting();
    const first = set.rotation.keyset;
    set.clock.seconds = first.not_after - 60;
    expect((await set.rotation.rotate(99 * HOUR)).previousEndsAt).toBe(first.not_after);
    expect((await set.rotation.rotate(99 * HOUR)).previousEndsAt).toBe(set.clock.seconds + HOUR);
    const sealed = await sealer(set);
    expect((await set.rotation.rotate(0)).previousEndsAt).toBe(set.clock.seconds);
    expect(await opens(set, sealed)).toEqual(REFUSED);
  });

  it('replaces channel keys that took most of the requests they may take', async () => {
    const set = await setting();
    Object.defineProperty(set.channelKeys, 'worn', { get: () => set.rotated.length === 0 });
    await set.look();
    await set.look();
    expect(set.rotated.length).toBe(1);
  });

  it('gives a report of a keyset in its time even when no one asked for days', async () => {
    const { rotation, clock } = await setting();
    clock.seconds = rotation.keyset.not_after + 100 * HOUR;
    const { document } = await rotation.report('ab'.repeat(32));
    expect(document.workload_keyset_digest).toBe(rotation.keysetDigest);
    expect(rotation.keyset.not_after).toBeGreaterThan(clock.seconds);
  });
});

describe('a TEE that fails', () => {
  it('leaves the keyset in force, is asked again after ten seconds, and is told of in the status', async () => {
    const set = await setting();
    const { rotation, clock, tee, rotated, failures, look } = set;
    const first = rotation.keysetDigest;
    const sealed = await sealer(set);
    clock.seconds = rotation.keyset.not_after - HOUR;
    tee.works = false;
    await look();
    expect([rotation.keysetDigest, rotated.length, failures.length]).toEqual([first, 0, 1]);
    expect(rotation.standing()).toMatchObject({ digest: first, failure: expect.stringContaining('gave no evidence') });
    const { asked } = tee;
    clock.seconds += 9;
    await look();
    expect(tee.asked).toBe(asked);
    expect(await opens(set, sealed)).toEqual(OPENED);
    tee.works = true;
    clock.seconds += 1;
    await look();
    expect([rotated.length, rotation.standing().failure]).toEqual([1, null]);
  });

  it('until the end: nothing is opened and nothing sealed past it', async () => {
    const set = await setting();
    const { rotation, clock, tee, ledger, look } = set;
    const sealed = await sealer(set);
    tee.works = false;
    clock.seconds = rotation.keyset.not_after;
    await look();
    expect(await opens(set, sealed)).toEqual(REFUSED);
    expect(set.channelKeys.configuration(clock.seconds).length).toBe(0);
    expect(set.talkKeys.live(clock.seconds)).toEqual([]);
    expect(await codeOf(ledger.seal(open(ledger, 'late')))).toBe('ledger/report-missing');
    tee.works = true;
    clock.seconds += 10;
    await look();
    await ledger.seal(open(ledger, 'on again'));
  });
});

it('receipts on both sides of a slow changeover stand in one verified bundle', async () => {
  const { rotation, ledger, tee } = await setting();
  let go: () => void = () => undefined;
  tee.pause = new Promise((resolve) => {
    go = resolve;
  });
  const before = rotation.keysetDigest;
  const rotating = rotation.rotate();
  const during = await ledger.seal(open(ledger, 'while the TEE thinks'));
  go();
  await rotating;
  const after = await ledger.seal(open(ledger, 'after'));
  expect([during, after].map(({ receipt }) => receipt.workload_keyset_digest)).toEqual([before, rotation.keysetDigest]);
  const bundle = (await bundleBytes(ledger, [during.receiptId, after.receiptId]))!;
  // What the evidence is worth is not the question here, only which keysets are joined.
  const { checks } = await authenticateBundle(bundle, {
    verifyEvidence: async ({ report }) => ({ reportData: report.statementDigest, claims: null }),
  });
  expect(checks.find(({ id }) => id === 'bundle.succession')).toMatchObject({ outcome: 'pass' });
});

describe('ended keys', () => {
  it('are destroyed: the pairs answer nothing, no matter who still holds them', async () => {
    const set = await setting();
    const pairs = set.channelKeys.keys.map(({ keyPair }) => keyPair);
    const encapsulated = await sealer(set);
    await set.rotation.rotate(0);
    const attempts = pairs.map((pair, index) => {
      const length = pair.kem === 0x0020 ? 32 : 1120;
      return codeOf(pair.decapsulate(encapsulated[index]!.slice(7, 7 + length)));
    });
    expect(await Promise.all(attempts)).toEqual(['channel/decryption-failed', 'channel/decryption-failed']);
  });

  it('are not kept: the tutorial pair and the channel pairs are collected', async () => {
    setFlagsFromString('--expose_gc');
    const collect = runInNewContext('gc') as () => void;
    const set = await setting();
    const weak = [
      ...set.talkKeys.live(set.clock.seconds).map(({ agreement }) => new WeakRef<object>(agreement)),
      ...set.channelKeys.keys.map(({ keyPair }) => new WeakRef<object>(keyPair)),
    ];
    expect(weak.length).toBe(3);
    await set.rotation.rotate(0);
    for (let n = 0; n < 20 && weak.some((ref) => ref.deref() !== undefined); n += 1) {
      await new Promise((resolve) => setTimeout(resolve, 10));
      collect();
    }
    expect(weak.map((ref) => ref.deref())).toEqual([undefined, undefined, undefined]);
  });
});
