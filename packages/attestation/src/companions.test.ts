/**
 * Companions that are stale, early, foreign or unreadable leave the verdict open and are named; forged ones are refused; and none of
 * them spoils a sound one that lies beside it. One table, every kind of companion.
 */

import { utf8 } from '@assay/encoding/bytes';
import {
  certificatesOf,
  FAKE_NOW,
  fakeCertificate,
  fakeCrl,
  fakeDcap,
  fakeDevice,
  fakeDstack,
  fakeInstant,
  fakeKey,
  fakeManifest,
  fakeOcsp,
  fakeSnp,
} from '@assay/testing';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { describe, expect, test } from 'vitest';
import type { Endorsement } from './model/endorsements.ts';
import type { TrustAnchor } from './model/verification.ts';
import { verify } from './verify.ts';

const DAY = 86_400_000;
const [yesterday, tomorrow] = [FAKE_NOW - DAY / 4, FAKE_NOW + DAY / 4];

interface Subject {
  readonly evidence: Uint8Array;
  readonly anchors: readonly TrustAnchor[];
  /** Those with the fault. */
  readonly endorsements: readonly Endorsement[];
  /** Those that make the evidence good, where it needs any. */
  readonly sound?: readonly Endorsement[];
}

type Row = readonly [name: string, code: string, words: readonly string[], make: () => Promise<Subject>];

async function dcap(options: Parameters<typeof fakeDcap>[0]): Promise<Subject> {
  const [sound, spoilt] = await Promise.all([fakeDcap(), fakeDcap(options)]);
  const { quote: evidence, anchors } = sound;
  return { evidence, anchors, endorsements: spoilt.endorsements, sound: sound.endorsements };
}

async function snp(options: Parameters<typeof fakeSnp>[0], more: readonly Endorsement[] = []): Promise<Subject> {
  const [sound, spoilt] = await Promise.all([fakeSnp(), fakeSnp(options)]);
  const { report: evidence, anchor } = sound;
  return {
    evidence,
    anchors: [anchor],
    endorsements: [...certificatesOf(spoilt.chain), ...more],
    sound: certificatesOf(sound.chain),
  };
}

/** The list of the fake ARK beside a sound key. */
async function arkList(change: Partial<Parameters<typeof fakeCrl>[0]>): Promise<Subject> {
  const { root } = await fakeSnp();
  const [list, good] = await Promise.all([fakeCrl({ issuer: root, ...change }), fakeCrl({ issuer: root })]);
  const subject = await snp({}, [{ kind: 'crl', der: list }]);
  return { ...subject, sound: [...(subject.sound ?? []), { kind: 'crl', der: good }] };
}

async function gpu(more: readonly Endorsement[] | ((device: Awaited<ReturnType<typeof fakeDevice>>) => Promise<Endorsement>)) {
  const device = await fakeDevice();
  const extra = typeof more === 'function' ? [await more(device)] : more;
  return { evidence: device.spdm, anchors: [device.anchor], endorsements: [...certificatesOf(device.chain), ...extra] };
}

async function manifest(options: Parameters<typeof fakeManifest>[0]): Promise<Subject> {
  const { xml, anchor } = await fakeManifest(options);
  const subject = await gpu([{ kind: 'rim', xml }]);
  return { ...subject, anchors: [...subject.anchors, anchor] };
}

const answer = (options: Partial<Parameters<typeof fakeOcsp>[0]>) =>
  gpu(async ({ issuer }): Promise<Endorsement> => {
    const der = await fakeOcsp({ serial: Uint8Array.of(0x50, 1), issuer, status: 'good', ...options });
    return { kind: 'ocsp', der };
  });

const es256 = await generateKeyPair('ES256', { extractable: true });
async function token(keys: (jwk: object) => string): Promise<Subject> {
  const now = FAKE_NOW / 1000;
  const text = await new SignJWT({ eat_profile: 'tag:github.com,2023:veraison/ear', iat: now, exp: now + 60, submods: {} })
    .setProtectedHeader({ alg: 'ES256', kid: 'k' })
    .sign(es256.privateKey);
  const jwk = { ...(await exportJWK(es256.publicKey)), kid: 'k' };
  const set = (json: string): readonly Endorsement[] => [{ kind: 'jwks', json, issuer: null }];
  return { evidence: utf8(text), anchors: [], endorsements: set(keys(jwk)), sound: set(JSON.stringify({ keys: [jwk] })) };
}

async function eventLog(json: (log: string) => string): Promise<Subject> {
  const fake = await fakeDstack();
  const log = json(fake.document.event_log);
  const { quote: evidence, anchors, endorsements } = fake;
  return { evidence, anchors, endorsements: [...endorsements, { kind: 'event-log', json: log }] };
}

function edited(log: string, name: string, change: object): string {
  const events = JSON.parse(log) as readonly { readonly event: string }[];
  return JSON.stringify(events.map((each) => (each.event === name ? { ...each, ...change } : each)));
}

const OPEN: readonly Row[] = [
  // Intel
  [
    'TCB info out of date',
    'dcap/collateral-expired',
    ['TCB info'],
    () => dcap({ tcbInfo: (info) => Object.assign(info, { nextUpdate: fakeInstant(-0.5) }) }),
  ],
  [
    'TCB info of tomorrow',
    'dcap/collateral-not-yet-valid',
    ['TCB info'],
    () => dcap({ tcbInfo: (info) => Object.assign(info, { issueDate: fakeInstant(0.5) }) }),
  ],
  [
    'TCB info of another FMSPC',
    'dcap/tcb-info-mismatch',
    ['TCB info', 'FMSPC'],
    () => dcap({ tcbInfo: (info) => Object.assign(info, { fmspc: '00606a000000' }) }),
  ],
  [
    'TCB info of the other TEE',
    'dcap/tcb-info-mismatch',
    ['TCB info'],
    () => dcap({ tcbInfo: (info) => Object.assign(info, { id: 'SGX' }) }),
  ],
  [
    'TCB info with an unknown status',
    'dcap/tcb-info-malformed',
    ['tcbInfo'],
    () => dcap({ tcbInfo: (info) => Object.assign(info.tcbLevels[0], { tcbStatus: 'Fine' }) }),
  ],
  [
    'QE identity out of date',
    'dcap/collateral-expired',
    ['QE identity'],
    () => dcap({ identity: (id) => Object.assign(id, { nextUpdate: fakeInstant(-0.5) }) }),
  ],
  [
    'QE identity of the other TEE',
    'endorsements/foreign',
    ['QE identity', 'TD_QE'],
    () => dcap({ identity: (id) => Object.assign(id, { id: 'QE' }) }),
  ],
  [
    'QE identity with an unknown status',
    'dcap/qe-identity-malformed',
    ['enclaveIdentity'],
    () => dcap({ identity: (id) => Object.assign(id.tcbLevels[0], { tcbStatus: 'Fine' }) }),
  ],
  [
    'TCB signing certificate out of date',
    'endorsements/expired',
    ['TCB signing certificate'],
    () => dcap({ tcbSigning: { notAfter: yesterday } }),
  ],
  [
    'TCB signing certificate of tomorrow',
    'endorsements/not-yet-valid',
    ['TCB signing certificate'],
    () => dcap({ tcbSigning: { notBefore: tomorrow } }),
  ],
  [
    'a chain without the TCB signing certificate',
    'dcap/tcb-signing-chain-invalid',
    ['TCB Signing'],
    () => dcap({ tcbSigning: { name: 'Intel SGX PCK Platform CA' } }),
  ],
  ['root CRL out of date', 'certificate/crl-expired', ['crl'], () => dcap({ rootCrl: { nextUpdate: yesterday } })],
  ['PCK CRL of tomorrow', 'certificate/crl-not-yet-valid', ['crl'], () => dcap({ pckCrl: { thisUpdate: tomorrow } })],
  [
    'PCK CRL that is none',
    'certificate/crl-malformed',
    ['crl'],
    () => dcap({ endorsements: (pieces) => [...pieces.slice(0, 3), { kind: 'crl', der: Uint8Array.of(0x30, 0) }] }),
  ],
  // AMD
  [
    'VCEK of another chip',
    'endorsements/foreign',
    ['vcek', 'another chip', 'fetch'],
    async () => snp({ extensions: { '4': new Uint8Array(64).fill(9) }, keyLabel: 'another chip' }),
  ],
  [
    'VCEK of another TCB',
    'endorsements/foreign',
    ['vcek', 'reported tcb'],
    async () => snp({ extensions: { '3.8': Uint8Array.of(2, 1, 83) }, keyLabel: 'another tcb' }),
  ],
  ['VCEK out of date', 'endorsements/expired', ['vcek'], () => snp({ keyNotAfter: yesterday })],
  ['VCEK of tomorrow', 'endorsements/not-yet-valid', ['vcek'], () => snp({ keyNotBefore: tomorrow })],
  ['VCEK that cannot be read', 'snp/endorsement-key-malformed', ['vcek'], () => snp({ extensions: { '3.3': null } })],
  [
    'chain of another product',
    'snp/certificate-chain-mismatch',
    ['Milan', 'Genoa'],
    async () => {
      const [subject, milan] = await Promise.all([snp({}), fakeSnp({ product: 'Milan' })]);
      return {
        ...subject,
        endorsements: [...subject.endorsements.slice(0, 1), ...certificatesOf([milan.intermediate.der, milan.root.der])],
      };
    },
  ],
  ['list of the ARK out of date', 'certificate/crl-expired', ['crl'], () => arkList({ nextUpdate: yesterday })],
  ['list of the ARK of tomorrow', 'certificate/crl-not-yet-valid', ['crl'], () => arkList({ thisUpdate: tomorrow })],
  [
    'list that is none',
    'certificate/crl-malformed',
    ['crl'],
    () => snp({}, [{ kind: 'crl', der: Uint8Array.of(0x30, 0) }]).then(withoutSound),
  ],
  // NVIDIA
  [
    'manifest whose signer is out of date',
    'endorsements/expired',
    ['RIM', 'driver'],
    () => manifest({ chain: { leaf: { notAfter: yesterday } } }),
  ],
  [
    'manifest that cannot be read',
    'endorsements/unreadable',
    ['RIM'],
    () => gpu([{ kind: 'rim', xml: utf8('<SoftwareIdentity>') }]),
  ],
  ['OCSP answer out of date', 'certificate/ocsp-outdated', ['ocsp'], () => answer({ nextUpdate: yesterday })],
  ['OCSP answer of tomorrow', 'certificate/ocsp-outdated', ['ocsp'], () => answer({ thisUpdate: tomorrow })],
  ['OCSP answer that says there is none', 'certificate/ocsp-malformed', ['ocsp'], () => answer({ refusal: 6 })],
  // tokens
  ['key set that is broken', 'token/key-malformed', ['key set'], () => token(() => '{')],
  [
    'key set of another issuer',
    'token/key-missing',
    ['key k'],
    () => token((jwk) => JSON.stringify({ keys: [{ ...jwk, kid: 'other' }] })),
  ],
  [
    'key set with another kind of key',
    'token/key-malformed',
    ['ES256', 'key set'],
    () => token(() => '{"keys":[{"kty":"RSA","kid":"k","n":"AQAB","e":"AQAB"}]}').then(withoutSound),
  ],
  // dstack
  ['event log of another machine', 'endorsements/foreign', ['event log'], () => eventLog(() => '[]')],
  [
    'event log that cannot be read',
    'endorsements/unreadable',
    ['event log'],
    () => eventLog(() => '[{"imr":3,"digest":"zz"}]'),
  ],
];

/** For faults that a sound piece beside them does not mend, because the evidence needs one of each. */
function withoutSound({ sound: _, ...rest }: Subject): Subject {
  return rest;
}

const FORGED: readonly Row[] = [
  [
    'TCB info under another key',
    'dcap/tcb-info-signature-invalid',
    [],
    async () => dcap({ tcbInfoSigner: await fakeKey('P-256', 'stranger') }),
  ],
  [
    'QE identity under another key',
    'dcap/qe-identity-signature-invalid',
    [],
    async () => dcap({ identitySigner: await fakeKey('P-256', 'stranger') }),
  ],
  [
    'root CRL under another key',
    'certificate/crl-signature-invalid',
    [],
    async () => dcap({ rootCrl: { signer: await fakeKey('P-256', 'stranger') } }),
  ],
  ['PCK revoked', 'certificate/revoked', [], () => dcap({ pckCrl: { revoked: [Uint8Array.of(3)] } })],
  [
    'PCK revoked by a list that is out of date',
    'certificate/revoked',
    [],
    () => dcap({ pckCrl: { revoked: [Uint8Array.of(3)], nextUpdate: yesterday } }),
  ],
  ['VCEK certificate not by its issuer', 'certificate/signature-invalid', [], () => snp({ breakKeyCertificate: true })],
  [
    'ASK revoked by a list that is out of date',
    'certificate/revoked',
    [],
    () => arkList({ revoked: [Uint8Array.of(2)], nextUpdate: yesterday }),
  ],
  [
    'list of the ARK under another key',
    'certificate/crl-signature-invalid',
    [],
    async () => arkList({ signer: await fakeKey('RSA-PSS', 'stranger') }),
  ],
  [
    'manifest that was edited',
    'nvidia/rim-digest-mismatch',
    [],
    () => manifest({ editDocument: (xml) => xml.replace('Measurement_1', 'Measurement_X') }),
  ],
  [
    'manifest under another key',
    'nvidia/rim-signature-invalid',
    [],
    async () => manifest({ signer: await fakeKey('P-384', 'stranger') }),
  ],
  [
    'OCSP answer under another key',
    'certificate/ocsp-signature-invalid',
    [],
    async () => {
      const key = await fakeKey('P-384', 'stranger');
      return answer({ responder: await fakeCertificate({ name: 'stranger', key, extensions: [] }) });
    },
  ],
  [
    'OCSP answer, out of date, that revokes',
    'nvidia/certificate-revoked',
    [],
    () => answer({ status: { reason: 1 }, nextUpdate: yesterday }),
  ],
  [
    'event log whose digests do not fit',
    'dstack/event-digest-mismatch',
    [],
    () => eventLog((log) => edited(log, 'compose-hash', { event_payload: 'ff'.repeat(32) })),
  ],
];

async function verified({ evidence, anchors }: Subject, endorsements: readonly Endorsement[]) {
  return verify(evidence, { now: FAKE_NOW, endorsements, trust: { roots: anchors } });
}

describe('a companion that proves nothing leaves the verdict open', () => {
  test.each(OPEN)('%s: %s', async (_, code, words, make) => {
    const subject = await make();
    const { outcome, error } = await verified(subject, subject.endorsements);
    expect([outcome, error?.code], error?.message).toEqual(['unavailable', code]);
    for (const word of words) expect(error?.message).toContain(word);
    expect(error?.message).toMatch(/; (?:give|fetch|check|ask)/);
  });

  test.each(OPEN)('and spoils no sound one beside it: %s', async (_name, _code, _words, make) => {
    const subject = await make();
    if (subject.sound === undefined) return;
    for (const endorsements of [
      [...subject.endorsements, ...subject.sound],
      [...subject.sound, ...subject.endorsements],
    ]) {
      const { error } = await verified(subject, endorsements);
      if (error !== undefined) expect(error.code, error.message).toBe('policy/refused');
    }
  });
});

describe('a companion that somebody forged, or that takes something back, is refused', () => {
  test.each(FORGED)('%s: %s', async (_, code, _words, make) => {
    const subject = await make();
    const { outcome, error } = await verified(subject, subject.endorsements);
    expect([outcome, error?.code], error?.message).toEqual(['not-authentic', code]);
  });
});
