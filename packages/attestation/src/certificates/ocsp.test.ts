/** The form of OCSP responses (RFC 6960 §4.2.1), and what an answer says of a certificate: one row for each defect. */

import { utf8 } from '@assay/encoding/bytes';
import { DER_TAG } from '@assay/encoding/der';
import { encodeDer, encodeDerOid, encodeDerUnsigned } from '@assay/encoding/der-writer';
import { ALGORITHM_IDENTIFIERS, type ExtensionFields, encodeName, encodeSigned } from '@assay/encoding/x509-writer';
import {
  CA_EXTENSIONS,
  expectCode,
  FAKE_NOW,
  type FakeCertificate,
  type FakeOcspOptions,
  fakeCertificate,
  fakeKey,
  fakeOcsp,
  LEAF_EXTENSIONS,
} from '@assay/testing';
import { beforeAll, describe, expect, test } from 'vitest';
import { type OcspStatus, ocspStatus, parseOcspResponse } from './ocsp.ts';
import { parseCertificate } from './x509.ts';

const DAY = 86_400_000;
const SERIAL = Uint8Array.of(5);
const sequence = (...parts: readonly Uint8Array[]): Uint8Array => encodeDer(DER_TAG.sequence, ...parts);
const octets = (bytes: Uint8Array): Uint8Array => encodeDer(DER_TAG.octetString, bytes);
const NULL = encodeDer(DER_TAG.null);
const ALGORITHM = ALGORITHM_IDENTIFIERS['ecdsa-sha384'];
const BASIC = encodeDerOid('1.3.6.1.5.5.7.48.1.1');
const SHA256 = sequence(encodeDerOid('2.16.840.1.101.3.4.2.1'));
const TIME = encodeDer(DER_TAG.generalizedTime, utf8('20260615120000Z'));
const RESPONDER = encodeDer(0xa1, encodeName({ CN: 'ca' }));
const id = (hash = SHA256): Uint8Array =>
  sequence(hash, octets(new Uint8Array(32)), octets(new Uint8Array(32)), encodeDerUnsigned(SERIAL));
const single = (...parts: readonly Uint8Array[]): Uint8Array => sequence(RESPONDER, TIME, sequence(sequence(...parts)));
const GOOD = encodeDer(0x80);
const basic = (tbs: Uint8Array): Uint8Array => encodeSigned(tbs, ALGORITHM, new Uint8Array(8));
const response = (content: Uint8Array, { status = 0, type = BASIC } = {}): Uint8Array =>
  sequence(encodeDer(DER_TAG.enumerated, Uint8Array.of(status)), encodeDer(0xa0, sequence(type, octets(content))));

test('an answer of the written form is read', () => {
  const { responses, certificates } = parseOcspResponse(response(basic(single(id(), GOOD, TIME))));
  expect(certificates).toEqual([]);
  expect(responses).toMatchObject([{ hash: 'SHA-256', serial: '05', status: 'good', thisUpdate: FAKE_NOW, nextUpdate: null }]);
  const versioned = sequence(encodeDer(0xa0, encodeDerUnsigned(Uint8Array.of(0))), RESPONDER, TIME, sequence());
  expect(parseOcspResponse(response(basic(versioned))).responses).toEqual([]);
});

describe('a response is malformed', () => {
  test.each<[string, Uint8Array, string]>([
    ['that is a refusal', response(basic(single(id(), GOOD, TIME)), { status: 1 }), 'a successful response'],
    ['that is empty', sequence(), 'a successful response'],
    ['of another type', response(basic(single(id(), GOOD, TIME)), { type: encodeDerOid('1.2.3') }), 'a basic response'],
    ['that has no content', sequence(encodeDer(DER_TAG.enumerated, Uint8Array.of(0))), 'a basic response'],
    ['without a signature', response(sequence(single(id(), GOOD, TIME), ALGORITHM)), 'data, algorithm and signature'],
    [
      'with eleven certificates',
      response(
        sequence(
          ...[single(id(), GOOD, TIME), ALGORITHM, encodeDer(DER_TAG.bitString, Uint8Array.of(0))],
          encodeDer(0xa0, sequence(...Array<Uint8Array>(11).fill(NULL))),
        ),
      ),
      'at most 10 certificates',
    ],
    ['without a time', response(basic(sequence(RESPONDER, sequence(), sequence()))), 'response data'],
    ['without a list', response(basic(sequence(RESPONDER, TIME))), 'response data'],
    ['with an answer that has no time', response(basic(single(id(), GOOD))), 'a complete answer'],
    ['with an answer about no serial', response(basic(single(sequence(SHA256), GOOD, TIME))), 'a complete answer'],
    [
      'with an id by another hash',
      response(basic(single(id(sequence(encodeDerOid('1.2.840.113549.2.5'))), GOOD, TIME))),
      'certificate ids by sha-1 or sha-2',
    ],
    ['with another status', response(basic(single(id(), NULL, TIME))), 'good, revoked or unknown'],
    ['that is no der', Uint8Array.of(1), 'a der ocsp response'],
  ])('%s', (_, der, words) => {
    expect(() => parseOcspResponse(der)).toThrow(expect.objectContaining({ code: 'certificate/ocsp-malformed' }));
    expect(() => parseOcspResponse(der)).toThrow(new RegExp(`^expected ${words}`));
  });
});

describe('of a certificate it says', () => {
  let ca: FakeCertificate;
  let leaf: FakeCertificate;
  let other: FakeCertificate;
  beforeAll(async () => {
    ca = await fakeCertificate({ name: 'ca', key: await fakeKey('P-384', 'ca'), extensions: CA_EXTENSIONS() });
    const key = await fakeKey('P-384');
    leaf = await fakeCertificate({ name: 'leaf', key, issuer: ca, serial: SERIAL, extensions: LEAF_EXTENSIONS });
    other = await fakeCertificate({ name: 'ca', key: await fakeKey('P-384', 'other'), extensions: CA_EXTENSIONS() });
  });
  async function ask(options: Partial<FakeOcspOptions> = {}, now = FAKE_NOW): Promise<OcspStatus | null> {
    const answer = parseOcspResponse(await fakeOcsp({ serial: SERIAL, issuer: ca, status: 'good', ...options }));
    return ocspStatus({
      ...{ response: answer, anchors: [], now },
      certificate: parseCertificate(leaf.der),
      issuer: parseCertificate(ca.der),
    });
  }

  test.each<[string, Partial<FakeOcspOptions>, number, OcspStatus | null]>([
    ['good', {}, FAKE_NOW, 'good'],
    ['unknown', { status: 'unknown' }, FAKE_NOW, 'unknown'],
    ['held', { status: { reason: 6 } }, FAKE_NOW, 'held'],
    ['revoked, also later', { status: { reason: null } }, FAKE_NOW + 2 * DAY, 'revoked'],
    ['good for a day, without a next time', { nextUpdate: null }, FAKE_NOW, 'good'],
    ['nothing, about another serial', { serial: Uint8Array.of(6) }, FAKE_NOW, null],
  ])('%s', async (_, options, now, status) => {
    expect(await ask(options, now)).toBe(status);
  });

  test('nothing, about a certificate of another issuer of the same name', async () => {
    expect(await ask({ issuer: other })).toBeNull();
  });

  test('nothing that counts, before it is made or when it is old', async () => {
    await expectCode(ask({}, FAKE_NOW + 2 * DAY), 'certificate/ocsp-outdated');
    await expectCode(ask({ nextUpdate: null }, FAKE_NOW + 1), 'certificate/ocsp-outdated');
    await expectCode(ask({ status: { reason: null } }, FAKE_NOW - 2 * DAY), 'certificate/ocsp-outdated');
  });

  test('nothing that counts, signed by another', async () => {
    const purpose: ExtensionFields = {
      ...{ oid: '2.5.29.37', critical: true },
      value: sequence(encodeDerOid('1.3.6.1.5.5.7.3.9')),
    };
    const responderOf = async (issuer: FakeCertificate, extensions: readonly ExtensionFields[]) =>
      fakeCertificate({ name: 'responder', key: await fakeKey('P-384', 'responder'), issuer, extensions });
    const delegated = await responderOf(ca, [...LEAF_EXTENSIONS, purpose]);
    expect(await ask({ responder: delegated })).toBe('good');
    const below = await fakeCertificate({
      name: 'below',
      key: await fakeKey('P-384', 'below'),
      issuer: ca,
      extensions: CA_EXTENSIONS(),
    });
    const deeper = await responderOf(below, [...LEAF_EXTENSIONS, purpose]);
    expect(await ask({ responder: deeper, others: [leaf, below] })).toBe('good');
    await expectCode(ask({ responder: deeper }), 'certificate/ocsp-responder-untrusted');
    const undelegated = await responderOf(ca, LEAF_EXTENSIONS);
    await expectCode(ask({ responder: undelegated }), 'certificate/ocsp-signature-invalid');
    const foreign = await responderOf(other, [...LEAF_EXTENSIONS, purpose]);
    await expectCode(ask({ responder: foreign }), 'certificate/ocsp-responder-untrusted');
  });
});
