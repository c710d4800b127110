/** dstack evidence over fake carriers: what a sound log says, then one defect each, then hostile bytes. */

import { createHash } from 'node:crypto';
import { concatBytes, utf8 } from '@assay/encoding/bytes';
import { encodeHex } from '@assay/encoding/hex';
import {
  expectCode,
  FAKE_NOW,
  type FakeDstack,
  type FakeDstackOptions,
  type FakeEvent,
  fakeAttestation,
  fakeDstack,
  fakeNitroDocument,
  fakeSnp,
  replay,
  runtimeEvent,
  scaleLog,
  scaleVector,
} from '@assay/testing';
import { secp256k1 } from '@noble/curves/secp256k1.js';
import { keccak_256 } from '@noble/hashes/sha3.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AttestationError } from '../../errors.ts';
import { dstackImageRule } from '../../evidence/dstack/image-measurements.ts';
import type { NamedClaims } from '../../model/claims.ts';
import type { Endorsement } from '../../model/endorsements.ts';
import { dstackVerifier } from './dstack.ts';
import { verifyKeyCustody } from './key-custody.ts';
import { tdxOrDstackVerifier } from './quote-with-log.ts';

type Extra = Readonly<Record<string, unknown>>;

async function verify(fake: FakeDstack, extra: Extra = {}, more: readonly Endorsement[] = []): Promise<NamedClaims> {
  const evidence = dstackVerifier.recognise(utf8(JSON.stringify({ ...fake.document, ...extra })));
  if (evidence === null) throw new Error('expected dstack evidence');
  const endorsements = [...fake.endorsements, ...more];
  return dstackVerifier.verify(evidence, { now: fake.now, endorsements, trust: { roots: fake.anchors } });
}

const outcome = (claims: NamedClaims, id: string) => claims.checks.find((check) => check.id === id)?.outcome;
const edit = (name: string, change: Partial<FakeEvent>) => (log: FakeEvent[]) =>
  log.map((event) => (event.event === name ? { ...event, ...change } : event));

describe('a sound guest', () => {
  test('tells its application, image and key provider', async () => {
    const fake = await fakeDstack();
    const claims = await verify(fake, { tcb_info: JSON.stringify({ app_compose: fake.compose, compose_hash: 'ff' }) });
    const composeHash = createHash('sha256').update(fake.compose).digest('hex');
    expect(claims).toMatchObject({
      type: 'dstack',
      simulated: true,
      measurements: { 'compose-hash': composeHash, 'os-image-hash': '05'.repeat(32) },
      identity: {
        'app-id': composeHash.slice(0, 40),
        'instance-id': '1d'.repeat(20),
        'key-provider': 'kms',
        'storage-fs': 'zfs',
      },
    });
    for (const id of ['dstack.rtmr0', 'dstack.rtmr3', 'dstack.compose-hash', 'dstack.config-id', 'dstack.identity'])
      expect(outcome(claims, id), id).toBe('pass');
    expect(outcome(claims, 'dstack.declared.compose-hash')).toBe('fail');
    expect(outcome(claims, 'dstack.report-data')).toBe('not-checked');
  });

  test('may leave the digests of runtime events empty', async () => {
    const fake = await fakeDstack({ shown: (log) => log.map((event) => (event.imr === 3 ? { ...event, digest: '' } : event)) });
    expect(outcome(await verify(fake), 'dstack.rtmr3')).toBe('pass');
  });

  test('may write events of version 2, with their preimage as text or hex', async () => {
    const preimage = '{"name":"own","payload":"aa","type":134217729}';
    const digest = createHash('sha384').update(preimage).digest('hex');
    for (const written of [preimage, encodeHex(utf8(preimage)), undefined]) {
      const event = { ...runtimeEvent('own', Uint8Array.of(0xaa)), digest, version: 2, ...(written && { preimage: written }) };
      const fake = await fakeDstack({ measured: (log) => [...log, event] });
      expect((await verify(fake)).details.dstack).toMatchObject({ applicationEvents: [{ event: 'own', payload: 'aa' }] });
    }
  });

  test('may strip the events of the boot, which then read not-checked', async () => {
    const fake = await fakeDstack({ shown: (log) => log.filter(({ imr }) => imr === 3) });
    const claims = await verify(fake);
    expect(['dstack.rtmr0', 'dstack.rtmr1', 'dstack.rtmr3'].map((id) => outcome(claims, id))).toEqual([
      'not-checked',
      'not-checked',
      'pass',
    ]);
  });

  test('names the report data it answered for, padded', async () => {
    const reportData = new Uint8Array(64);
    reportData.set([1, 2, 3]);
    const claims = await verify(await fakeDstack({ reportData }), { report_data: '010203' });
    expect(outcome(claims, 'dstack.report-data')).toBe('pass');
  });

  test('is recognised as a quote with its log among the endorsements', async () => {
    const fake = await fakeDstack();
    const evidence = tdxOrDstackVerifier.recognise(fake.quote);
    if (evidence === null) return expect.unreachable('expected a quote');
    const options = { now: fake.now, endorsements: fake.endorsements, trust: { roots: fake.anchors } };
    expect((await tdxOrDstackVerifier.verify(evidence, options)).type).toBe('tdx');
    const log: Endorsement = { kind: 'event-log', json: fake.document.event_log };
    const claims = await tdxOrDstackVerifier.verify(evidence, { ...options, endorsements: [...fake.endorsements, log] });
    expect(claims.type).toBe('dstack');
    const lying: Endorsement = { kind: 'event-log', json: '[]' };
    await expectCode(
      tdxOrDstackVerifier.verify(evidence, { ...options, endorsements: [...fake.endorsements, lying] }),
      'endorsements/foreign',
    );
  });

  test('commits to identity through version 2 of the configuration id', async () => {
    const compose = createHash('sha256').update('{}').digest();
    const id = keccak_256(concatBytes(compose, compose.subarray(0, 20), Uint8Array.of(2), Uint8Array.of(1, 2)));
    const configId = concatBytes(Uint8Array.of(2), id, new Uint8Array(15));
    expect(outcome(await verify(await fakeDstack({ compose: '{}', configId })), 'dstack.config-id')).toBe('pass');
    configId[5] = (configId[5] ?? 0) ^ 1;
    expect(outcome(await verify(await fakeDstack({ compose: '{}', configId })), 'dstack.config-id')).toBe('fail');
  });

  test.each([
    ['zero', new Uint8Array(48), 'not-checked'],
    ['of another compose file', new Uint8Array(48).fill(1, 0, 33), 'fail'],
    ['of an unknown version', new Uint8Array(48).fill(9), 'fail'],
  ])('with a configuration id %s', async (_, configId, wanted) => {
    expect(outcome(await verify(await fakeDstack({ configId })), 'dstack.config-id')).toBe(wanted);
  });
});

const defects: readonly [string, string, FakeDstackOptions, Extra?][] = [
  [
    'a payload swapped under its old digest',
    'dstack/event-digest-mismatch',
    { shown: edit('compose-hash', { event_payload: 'ff'.repeat(32) }) },
  ],
  [
    'a name swapped under its old digest',
    'dstack/event-digest-mismatch',
    { shown: edit('os-image-hash', { event: 'mr-kms' }) },
  ],
  ['a preimage of something else', 'dstack/event-digest-mismatch', { shown: edit('app-id', { preimage: '{}' }) }],
  ['version 2 claimed for a version 1 digest', 'dstack/event-digest-mismatch', { shown: edit('app-id', { version: 2 }) }],
  [
    'a payload swapped and the digest emptied',
    'dstack/register-mismatch',
    { shown: edit('compose-hash', { event_payload: 'ff'.repeat(32), digest: '' }) },
  ],
  [
    'a payload swapped and the digest recomputed',
    'dstack/register-mismatch',
    { shown: edit('compose-hash', runtimeEvent('compose-hash', 'x')) },
  ],
  ['an event left out', 'dstack/register-mismatch', { shown: (log) => log.filter(({ event }) => event !== 'app-id') }],
  ['an event added', 'dstack/register-mismatch', { shown: (log) => [...log, runtimeEvent('more', '')] }],
  ['events in another order', 'dstack/register-mismatch', { shown: (log) => [...log].reverse() }],
  ['a boot event left out', 'dstack/register-mismatch', { shown: (log) => log.slice(1) }],
  [
    'an identity told twice',
    'dstack/identity-event-repeated',
    { measured: (log) => [runtimeEvent('app-id', 'first'), ...log] },
  ],
  ['another compose file', 'dstack/compose-hash-mismatch', {}, { app_compose: '{"other":1}' }],
  ['report data of another request', 'dstack/report-data-mismatch', {}, { report_data: '01' }],
  ['a register beyond the fourth', 'dstack/event-log-malformed', { shown: edit('app-id', { imr: 4 }) }],
  ['a runtime event in another register', 'dstack/event-log-malformed', { shown: edit('app-id', { imr: 2 }) }],
  ['another event in the runtime register', 'dstack/event-log-malformed', { shown: edit('app-id', { event_type: 4 }) }],
  ['a short digest', 'dstack/event-log-malformed', { shown: edit('app-id', { digest: 'aa' }) }],
  ['a digest that is no hex', 'dstack/event-log-malformed', { shown: edit('app-id', { digest: 'zz' }) }],
  ['an unknown event version', 'dstack/event-log-malformed', { shown: edit('app-id', { version: 3 }) }],
  ['a log that is no list', 'dstack/event-log-malformed', {}, { event_log: '{}' }],
  ['a quote that is no hex', 'dstack/attestation-malformed', {}, { quote: '!!' }],
  ['a debuggable guest, authentic all the same', '', { dcap: { body: (body) => body.set([1], 120) } }],
];

describe('one defect', () => {
  test.each(defects)('%s', async (_, code, options, extra = {}) => {
    const fake = await fakeDstack(options);
    if (code === '') expect((await verify(fake, extra)).debug).toBe(true);
    else await expectCode(() => verify(fake, extra), code);
  });

  test('an identity repeated after system-ready is not believed, and is shown', async () => {
    const fake = await fakeDstack({ measured: (log) => [...log, runtimeEvent('compose-hash', new Uint8Array(32))] });
    const claims = await verify(fake);
    expect(outcome(claims, 'dstack.identity')).toBe('fail');
    expect(claims.measurements['compose-hash']).not.toBe('00'.repeat(32));
  });

  test('a compose file given by the caller that was not measured fails', async () => {
    const claims = await verify(await fakeDstack(), {}, [{ kind: 'app-compose', bytes: utf8('{}') }]);
    expect(outcome(claims, 'dstack.compose-hash')).toBe('fail');
  });
});

describe('versioned attestations', () => {
  const reportData = new Uint8Array(64).fill(0xda);
  const runtime = (log: readonly FakeEvent[]) => log.filter(({ imr }) => imr === 3);

  async function verifyBytes(bytes: Uint8Array, options: Parameters<typeof dstackVerifier.verify>[1]): Promise<NamedClaims> {
    const evidence = dstackVerifier.recognise(bytes);
    if (evidence === null) throw new Error('expected an attestation');
    return dstackVerifier.verify(evidence, options);
  }

  test('over TDX, and its copies of the events must agree', async () => {
    const fake = await fakeDstack();
    const options = { now: fake.now, endorsements: fake.endorsements, trust: { roots: fake.anchors } };
    const body = concatBytes(scaleVector(fake.quote), scaleLog(fake.log));
    const bytes = fakeAttestation({ carrier: 0, body, events: runtime(fake.log), reportData });
    expect((await verifyBytes(bytes, options)).identity['instance-id']).toBe('1d'.repeat(20));
    const hex = utf8(JSON.stringify({ attestation: encodeHex(bytes) }));
    expect((await verifyBytes(hex, options)).type).toBe('dstack');
    const other = fakeAttestation({ carrier: 0, body, events: runtime(fake.log).slice(1), reportData });
    await expectCode(() => verifyBytes(other, options), 'dstack/attestation-malformed');
    await expectCode(() => verifyBytes(concatBytes(bytes, Uint8Array.of(0)), options), 'dstack/attestation-malformed');
    const elsewhere = fakeAttestation({ carrier: 0, body, events: runtime(fake.log), reportData: new Uint8Array(64) });
    await expectCode(() => verifyBytes(elsewhere, options), 'dstack/report-data-mismatch');
  });

  test('over Nitro: the report data is the user data, and runtime events are not believed', async () => {
    const { document, anchor } = await fakeNitroDocument({ fields: { user_data: reportData } });
    const events = [runtimeEvent('app-id', new Uint8Array(20))];
    const bytes = fakeAttestation({ carrier: 2, body: scaleVector(document), events, reportData });
    const claims = await verifyBytes(bytes, { now: FAKE_NOW, trust: { roots: [anchor] } });
    expect(claims.identity['app-id']).toBeUndefined();
    expect(outcome(claims, 'dstack.runtime-events')).toBe('not-checked');
    const image = [1, 2, 3].map((value) => new Uint8Array(48).fill(value));
    expect(claims.measurements['os-image-hash']).toBe(
      createHash('sha256')
        .update(concatBytes(...image))
        .digest('hex'),
    );
  });

  test('over NitroTPM: PCR14 is the replay of the events', async () => {
    const events = [runtimeEvent('app-id', new Uint8Array(20)), runtimeEvent('system-ready', '')];
    const pcrs = new Map(
      [...Array(16).keys()].map((index) => [index, index === 14 ? replay(events) : new Uint8Array(48).fill(1)]),
    );
    const fields = { user_data: reportData, pcrs: undefined as never, nitrotpm_pcrs: pcrs, module_id: 'i-0fake-tpm0' };
    const { document, anchor } = await fakeNitroDocument({ fields });
    const options = { now: FAKE_NOW, trust: { roots: [anchor] } };
    const bytes = fakeAttestation({ carrier: 4, body: scaleVector(document), events, reportData });
    expect((await verifyBytes(bytes, options)).identity['app-id']).toBe('00'.repeat(20));
    const fewer = fakeAttestation({ carrier: 4, body: scaleVector(document), events: events.slice(1), reportData });
    await expectCode(() => verifyBytes(fewer, options), 'dstack/register-mismatch');
  });

  test('over SEV-SNP: identities come from the document in the host data', async () => {
    const document = JSON.stringify({
      app_id: '11'.repeat(20),
      compose_hash: '22'.repeat(32),
      key_provider: 'kms',
      version: 3,
    });
    const host = createHash('sha256').update(`dstack-mr-config-v3:\0${document}`).digest();
    const fake = await fakeSnp({
      edit(report) {
        report.set(host, 0xc0);
        report.set(reportData, 0x50);
      },
    });
    const endorsements = fake.chain.map((der): Endorsement => ({ kind: 'certificate', der }));
    const options = { now: FAKE_NOW, endorsements, trust: { roots: [fake.anchor] } };
    const body = (text: string) => concatBytes(scaleVector(fake.report), Uint8Array.of(0), scaleVector(utf8(text)));
    const bytes = fakeAttestation({ carrier: 3, body: body(document), events: [], reportData });
    const claims = await verifyBytes(bytes, options);
    expect(claims.measurements['compose-hash']).toBe('22'.repeat(32));
    const other = fakeAttestation({ carrier: 3, body: body(`${document} `), events: [], reportData });
    await expectCode(() => verifyBytes(other, options), 'dstack/config-mismatch');
  });
});

describe('key custody', () => {
  const sign = (key: Uint8Array, message: Uint8Array): Uint8Array => {
    const signature = secp256k1.sign(keccak_256(message), key, { prehash: false, format: 'recovered' });
    return concatBytes(signature.subarray(1), signature.subarray(0, 1));
  };
  const [app, kms] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
  const [appKey, kmsKey] = [secp256k1.getPublicKey(app), secp256k1.getPublicKey(kms)];
  const [publicKey, appId] = [new Uint8Array(32).fill(3), new Uint8Array(20).fill(4)];
  const signatures = [
    sign(app, utf8(`signing:${encodeHex(publicKey)}`)),
    sign(kms, concatBytes(utf8('dstack-kms-issued:'), appId, appKey)),
  ] as const;
  const sound = { publicKey, purpose: 'signing', signatures, appId, kmsKey };

  test('ends at the key of the KMS', () => expect(verifyKeyCustody(sound)).toEqual(appKey));

  test.each([
    ['another purpose', { purpose: 'other' }],
    ['another key', { publicKey: new Uint8Array(32) }],
    ['another application', { appId: new Uint8Array(20) }],
    ['another kms', { kmsKey: appKey }],
    ['a long signature', { signatures: [concatBytes(signatures[0], new Uint8Array(1)), signatures[1]] as const }],
    ['a short signature', { signatures: [signatures[0].subarray(1), signatures[1]] as const }],
    ['an impossible signature', { signatures: [new Uint8Array(65), signatures[1]] as const }],
  ])('is refused for %s', async (_, change) => {
    await expectCode(() => verifyKeyCustody({ ...sound, ...change }), 'dstack/key-custody-invalid');
  });
});

describe('image measurements', () => {
  test('become a rule', () => {
    const register = 'AB'.repeat(48);
    const rule = dstackImageRule('x', JSON.stringify({ mrtd: register, rtmr0: register, rtmr1: register, rtmr2: register }));
    expect(rule.values.rtmr2).toEqual(['ab'.repeat(48)]);
  });
  test.each(['[]', '{"mrtd":"00"}', 'x'])('%s is refused', async (text) => {
    await expectCode(() => dstackImageRule('x', text), 'dstack/image-measurements-malformed');
  });
});

describe('hostile bytes', () => {
  const coded = (read: () => unknown): void => {
    try {
      read();
    } catch (error) {
      if (!AttestationError.is(error)) throw error;
    }
  };
  test('give coded errors only', () => {
    const head = fc.constantFrom(
      [0, 0, 2, 4, 0, 2, 0],
      [0, 2, 2, 0x84],
      [0, 3, 1, 0, 0, 0, 0],
      [0x83, 0xa7, ...utf8('version')],
    );
    fc.assert(
      fc.property(head, fc.uint8Array({ minLength: 200, maxLength: 600 }), (start, rest) => {
        const bytes = concatBytes(Uint8Array.from(start), rest);
        coded(() => dstackVerifier.recognise(bytes));
      }),
      { numRuns: 2000 },
    );
    fc.assert(
      fc.property(fc.json(), (log) =>
        coded(() => dstackVerifier.recognise(utf8(JSON.stringify({ quote: 'aa', event_log: log })))),
      ),
      { numRuns: 500 },
    );
  });
});
