/** RA-TLS certificates of every maker: the evidence inside is found, and whether it is about the certificate's key is said. */

import { joinBytes, utf8 } from '@assay/encoding/bytes';
import { CborTag, encodeCbor } from '@assay/encoding/cbor';
import { DER_TAG } from '@assay/encoding/der';
import { encodeDer } from '@assay/encoding/der-writer';
import { encodePem } from '@assay/encoding/pem';
import { fakeCertificate, fakeDcap, fakeKey } from '@assay/testing';
import { describe, expect, test } from 'vitest';
import { verify } from '../../verify.ts';

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
const key = await fakeKey('P-256', 'ra-tls');
const sha256 = async (bytes: Uint8Array): Promise<Uint8Array> =>
  new Uint8Array(await crypto.subtle.digest('SHA-256', Uint8Array.from(bytes)));
const sha512 = async (bytes: Uint8Array): Promise<Uint8Array> =>
  new Uint8Array(await crypto.subtle.digest('SHA-512', Uint8Array.from(bytes)));
const padded = (hash: Uint8Array): Uint8Array => joinBytes([hash, new Uint8Array(64 - hash.length)]);
const claims = encodeCbor(new Map([['pubkey-hash', encodeCbor([1, await sha256(key.spki)])]]));
const octets = (bytes: Uint8Array): Uint8Array => encodeDer(DER_TAG.octetString, bytes);
const tagged = (quote: Uint8Array): Uint8Array => encodeCbor(new CborTag(60_000, [quote, claims]));

const MAKERS: readonly (readonly [string, string, Uint8Array, (quote: Uint8Array) => Uint8Array])[] = [
  ['Gramine', '1.2.840.113741.1337.6', padded(await sha256(key.spki)), (quote) => quote],
  ['interoperable RA-TLS', '1.2.840.113741.1.5.5.1.6', padded(await sha256(claims)), tagged],
  ['TCG DICE', '2.23.133.5.4.9', padded(await sha256(claims)), tagged],
  ['dstack', '1.3.6.1.4.1.62397.1.1', await sha512(joinBytes([utf8('ratls-cert:'), key.spki])), octets],
  [
    'Open Enclave',
    '1.2.840.113556.10.1.1',
    padded(await sha256(key.spki)),
    (quote) =>
      joinBytes([Uint8Array.of(1, 0, 0, 0, 2, 0, 0, 0, quote.length & 255, quote.length >> 8, 0, 0, 0, 0, 0, 0), quote]),
  ],
  ['Constellation', '1.3.9900.5.99', padded(await sha256(key.spki)), (quote) => utf8(JSON.stringify({ Quote: base64(quote) }))],
];

describe('certificates that carry evidence', () => {
  async function made(oid: string, value: Uint8Array) {
    return fakeCertificate({ name: 'RATLS', key, extensions: [{ oid, critical: false, value }] });
  }

  test.each(MAKERS)('of %s show the evidence, and that it is about their key', async (_, oid, reportData, wrap) => {
    const fake = await fakeDcap({ body: (body) => body.set(reportData, 520) });
    const { der } = await made(oid, wrap(fake.quote));
    const options = { now: fake.now, endorsements: fake.endorsements, trust: { roots: fake.anchors } };
    for (const file of [der, utf8(encodePem('CERTIFICATE', der))]) {
      const { claims, checks } = await verify(file, options);
      expect(claims?.type).toBe('tdx');
      expect(checks).toContainEqual(expect.objectContaining({ id: 'evidence.certificate-key', outcome: 'pass' }));
      expect(checks).toContainEqual(expect.objectContaining({ id: 'evidence.wrapper', outcome: 'not-checked' }));
    }
  });

  test('of another key say that nothing shows it', async () => {
    const fake = await fakeDcap();
    const { der } = await made('1.2.840.113741.1337.6', fake.quote);
    const { checks } = await verify(der, { now: fake.now, endorsements: fake.endorsements, trust: { roots: fake.anchors } });
    expect(checks).toContainEqual(expect.objectContaining({ id: 'evidence.certificate-key', outcome: 'not-checked' }));
  });
});
