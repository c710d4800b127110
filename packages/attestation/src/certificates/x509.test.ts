import { DER_TAG, readDer } from '@assay/encoding/der';
import { encodeDer, encodeDerOid, encodeDerUnsigned } from '@assay/encoding/der-writer';
import {
  ALGORITHM_IDENTIFIERS,
  basicConstraints,
  encodeDerTime,
  encodeName,
  encodeSigned,
  encodeTbsCertificate,
} from '@assay/encoding/x509-writer';
import { expectCode, FAKE_NOW, fakeCertificate, fakeKey } from '@assay/testing';
import { describe, expect, it } from 'vitest';
import { publicKeyAlgorithm, signatureAlgorithm } from './algorithms.ts';
import { nameText } from './name.ts';
import { parseCertificate } from './x509.ts';

const sequence = (...parts: readonly Uint8Array[]): Uint8Array => encodeDer(DER_TAG.sequence, ...parts);
const NULL = encodeDer(DER_TAG.null);
const TRUE = encodeDer(DER_TAG.boolean, Uint8Array.of(0xff));
const sha = (bits: 256 | 384): Uint8Array => sequence(encodeDerOid(`2.16.840.1.101.3.4.2.${bits === 256 ? 1 : 2}`), NULL);
const mgf1 = (hash: Uint8Array): Uint8Array => sequence(encodeDerOid('1.2.840.113549.1.1.8'), hash);
const salt = (length: number): Uint8Array => encodeDer(0xa2, encodeDerUnsigned(Uint8Array.of(length)));
const pss = (...fields: readonly Uint8Array[]): Uint8Array =>
  sequence(encodeDerOid('1.2.840.113549.1.1.10'), sequence(...fields));

describe('parseCertificate', () => {
  it('reads every field', async () => {
    const key = await fakeKey('P-384');
    const { der } = await fakeCertificate({
      name: 'a',
      key,
      serial: Uint8Array.of(0xf0, 1),
      extensions: [basicConstraints(true, 2)],
    });
    const certificate = parseCertificate(der);
    expect(certificate).toMatchObject({
      version: 3,
      serial: 'f001',
      subjectText: 'O=Assay tests,CN=a',
      publicKey: 'P-384',
      signatureAlgorithm: { name: 'ECDSA', hash: 'SHA-384' },
      basicConstraints: { ca: true, pathLength: 2 },
      keyUsage: null,
      notBefore: FAKE_NOW - 86_400_000,
    });
    expect(certificate.spki).toEqual(key.spki);
  });

  it('refuses trailing bytes, truncation and emptiness', async () => {
    const { der } = await fakeCertificate({ name: 'a', key: await fakeKey('P-384') });
    for (const bytes of [new Uint8Array(0), der.subarray(0, -1), Uint8Array.of(...der, 0)]) {
      await expectCode(() => parseCertificate(bytes), 'certificate/malformed');
    }
  });

  it('refuses another algorithm inside than outside', async () => {
    const { der } = await fakeCertificate({ name: 'a', key: await fakeKey('P-384'), innerAlgorithm: 'ecdsa-sha256' });
    await expectCode(() => parseCertificate(der), 'certificate/malformed');
  });

  it.each([
    ['an extension twice', [basicConstraints(true), basicConstraints(true)]],
    ['a path length without ca', [{ ...basicConstraints(true), value: sequence(encodeDerUnsigned(Uint8Array.of(1))) }]],
    ['broken basic constraints', [{ ...basicConstraints(true), value: Uint8Array.of(0x30, 5) }]],
    ['key usage of another type', [{ oid: '2.5.29.15', critical: true, value: NULL }]],
    [
      'basic constraints of three fields',
      [{ ...basicConstraints(true), value: sequence(TRUE, encodeDerUnsigned(Uint8Array.of(1)), NULL) }],
    ],
    ['a path length above 255', [{ ...basicConstraints(true), value: sequence(TRUE, encodeDerUnsigned(Uint8Array.of(1, 0))) }]],
  ])('refuses %s', async (_, extensions) => {
    const { der } = await fakeCertificate({ name: 'a', key: await fakeKey('P-384'), extensions });
    await expectCode(() => parseCertificate(der), 'certificate/malformed');
  });

  it('refuses a part too many, too few, or of another kind', async () => {
    const key = await fakeKey('P-384');
    const name = encodeName({ CN: 'a' });
    const algorithm = ALGORITHM_IDENTIFIERS['ecdsa-sha384'];
    const fields = {
      serial: Uint8Array.of(1),
      algorithm,
      issuer: name,
      subject: name,
      notBefore: 0,
      notAfter: 1,
      spki: key.spki,
    };
    const parts = readDer(encodeTbsCertificate(fields))
      .children()
      .map(({ raw }) => raw);
    const rewritten = (index: number, part: Uint8Array): Uint8Array =>
      encodeSigned(sequence(...parts.map((old, at) => (at === index ? part : old))), algorithm, new Uint8Array(8));
    expect(parseCertificate(rewritten(9, NULL)).version).toBe(3);
    const version4 = rewritten(0, encodeDer(0xa0, encodeDerUnsigned(Uint8Array.of(3))));
    await expectCode(() => parseCertificate(version4), 'certificate/malformed');
    const list = (...extensions: readonly Uint8Array[]) => encodeDer(0xa3, sequence(...extensions));
    const extension = (...rest: readonly Uint8Array[]) => sequence(encodeDerOid('1.2.3'), ...rest);
    const octets = encodeDer(DER_TAG.octetString);
    const [tbs, outer, signature] = readDer(rewritten(9, NULL))
      .children()
      .map(({ raw }) => raw) as [Uint8Array, Uint8Array, Uint8Array];
    const inner = (...all: readonly Uint8Array[]) => encodeSigned(sequence(...all), algorithm, new Uint8Array(8));
    for (const [broken, words] of [
      [sequence(tbs, outer), 'three parts'],
      [sequence(tbs, outer, signature, NULL), 'three parts'],
      [inner(...parts.slice(0, -1)), 'all fields of a tbsCertificate'],
      [rewritten(4, sequence(encodeDerTime(0))), 'two times of validity'],
      [rewritten(4, sequence(encodeDerTime(0), encodeDerTime(0), encodeDerTime(0))), 'two times of validity'],
      [inner(...parts, NULL), 'known optional fields'],
      [inner(...parts, encodeDer(0xa3)), 'one list of extensions in version 3'],
      [inner(...parts, encodeDer(0xa3, sequence(), sequence())), 'one list of extensions in version 3'],
      [inner(...parts, list(), list()), 'one list of extensions in version 3'],
      [inner(...parts.slice(1), list()), 'one list of extensions in version 3'],
      [inner(...parts, list(extension())), 'well-formed extensions'],
      [inner(...parts, list(extension(TRUE))), 'well-formed extensions'],
      [inner(...parts, list(extension(octets, NULL))), 'well-formed extensions'],
      [inner(...parts, list(extension(TRUE, octets, NULL))), 'well-formed extensions'],
    ] as const)
      expect(() => parseCertificate(broken)).toThrow(new RegExp(`^expected ${words}, got another certificate structure`));
    expect(parseCertificate(inner(...parts, list(extension(TRUE, octets)))).extensions.get('1.2.3')?.critical).toBe(true);
    const negative = rewritten(1, encodeDer(DER_TAG.integer, Uint8Array.of(0x80)));
    await expectCode(() => parseCertificate(negative), 'certificate/malformed');
  });
});

describe('signatureAlgorithm', () => {
  it('reads RSA-PSS parameters exactly, with and without the trailer field', () => {
    const wanted = { name: 'RSA-PSS', hash: 'SHA-384', saltLength: 48 };
    const fields = [encodeDer(0xa0, sha(384)), encodeDer(0xa1, mgf1(sha(384))), salt(48)];
    expect(signatureAlgorithm(readDer(pss(...fields)))).toEqual(wanted);
    expect(signatureAlgorithm(readDer(pss(...fields, encodeDer(0xa3, encodeDerUnsigned(Uint8Array.of(1))))))).toEqual(wanted);
  });

  it.each([
    ['rsa-pss by its sha-1 defaults', pss()],
    ['rsa-pss without a mask', pss(encodeDer(0xa0, sha(384)), salt(48))],
    ['rsa-pss without a salt', pss(encodeDer(0xa0, sha(384)), encodeDer(0xa1, mgf1(sha(384))))],
    ['rsa-pss with two hashes', pss(encodeDer(0xa0, sha(384)), encodeDer(0xa1, mgf1(sha(256))), salt(48))],
    ['rsa-pss with a huge salt', pss(encodeDer(0xa0, sha(384)), encodeDer(0xa1, mgf1(sha(384))), salt(65))],
    [
      'rsa-pss with trailer 2',
      pss(
        encodeDer(0xa0, sha(384)),
        encodeDer(0xa1, mgf1(sha(384))),
        salt(48),
        encodeDer(0xa3, encodeDerUnsigned(Uint8Array.of(2))),
      ),
    ],
    [
      'rsa-pss with a field twice',
      pss(encodeDer(0xa0, sha(384)), encodeDer(0xa0, sha(384)), encodeDer(0xa1, mgf1(sha(384))), salt(48)),
    ],
    ['rsa-pss with a field of two parts', pss(encodeDer(0xa0, sha(384), NULL), encodeDer(0xa1, mgf1(sha(384))), salt(48))],
    [
      'rsa-pss with a field more',
      pss(encodeDer(0xa0, sha(384)), encodeDer(0xa1, mgf1(sha(384))), salt(48), encodeDer(0xa4, NULL)),
    ],
    [
      'rsa-pss with a hash that has parameters',
      pss(
        encodeDer(0xa0, sequence(encodeDerOid('2.16.840.1.101.3.4.2.2'), sequence())),
        encodeDer(0xa1, mgf1(sha(384))),
        salt(48),
      ),
    ],
    [
      'rsa-pss with sha-1 by name',
      pss(encodeDer(0xa0, sequence(encodeDerOid('1.3.14.3.2.26'), NULL)), encodeDer(0xa1, mgf1(sha(384))), salt(48)),
    ],
    ['nothing', sequence()],
    ['a third element', sequence(encodeDerOid('1.2.840.113549.1.1.11'), NULL, NULL)],
    ['rsa with sha-1', sequence(encodeDerOid('1.2.840.113549.1.1.5'), NULL)],
    ['rsa without parameters', sequence(encodeDerOid('1.2.840.113549.1.1.11'))],
    ['ecdsa with parameters', sequence(encodeDerOid('1.2.840.10045.4.3.3'), NULL)],
    ['ecdsa with sha-1', sequence(encodeDerOid('1.2.840.10045.4.1'))],
  ])('refuses %s', async (_, identifier) => {
    await expectCode(() => signatureAlgorithm(readDer(identifier)), 'certificate/unsupported-algorithm');
  });
});

describe('publicKeyAlgorithm', () => {
  const ec = (curve: string, point: Uint8Array): Uint8Array =>
    sequence(
      sequence(encodeDerOid('1.2.840.10045.2.1'), encodeDerOid(curve)),
      encodeDer(DER_TAG.bitString, Uint8Array.of(0), point),
    );
  const rsa = (modulus: Uint8Array, exponent: Uint8Array): Uint8Array =>
    sequence(
      sequence(encodeDerOid('1.2.840.113549.1.1.1'), NULL),
      encodeDer(DER_TAG.bitString, Uint8Array.of(0), sequence(encodeDerUnsigned(modulus), encodeDerUnsigned(exponent))),
    );
  const modulus = (bytes: number): Uint8Array => new Uint8Array(bytes).fill(0xff);

  it.each(['P-256', 'P-384', 'P-521', 'Ed25519', 'RSA'] as const)('knows %s', async (kind) => {
    expect(publicKeyAlgorithm((await fakeKey(kind)).spki)).toBe(kind);
  });

  it.each([
    ['secp256k1', ec('1.3.132.0.10', new Uint8Array(65).fill(4))],
    ['a compressed point', ec('1.2.840.10045.3.1.7', new Uint8Array(33).fill(2))],
    ['a point of the wrong length', ec('1.3.132.0.34', new Uint8Array(65).fill(4))],
    ['rsa of 1024 bits', rsa(modulus(128), Uint8Array.of(1, 0, 1))],
    ['rsa of 16384 bits', rsa(modulus(2048), Uint8Array.of(1, 0, 1))],
    ['rsa with exponent 1', rsa(modulus(256), Uint8Array.of(1))],
    ['rsa with an even exponent', rsa(modulus(256), Uint8Array.of(4))],
    [
      'a third element',
      sequence(
        ...readDer(ec('1.3.132.0.34', new Uint8Array(97).fill(4)))
          .children()
          .map(({ raw }) => raw),
        NULL,
      ),
    ],
    ['no key', sequence(sequence(encodeDerOid('1.2.840.10045.2.1')))],
    [
      'a short key of ed25519',
      sequence(sequence(encodeDerOid('1.3.101.112')), encodeDer(DER_TAG.bitString, new Uint8Array(32))),
    ],
    ['dsa', sequence(sequence(encodeDerOid('1.2.840.10040.4.1')), encodeDer(DER_TAG.bitString, Uint8Array.of(0)))],
  ])('refuses %s', async (_, spki) => {
    await expectCode(() => publicKeyAlgorithm(spki), 'certificate/unsupported-algorithm');
  });
});

describe('nameText', () => {
  it('escapes what RFC 4514 escapes', () => {
    expect(nameText(readDer(encodeName({ CN: ' a,b+"c"\\ ', '1.2.3': '#x' })))).toBe('1.2.3=\\#x,CN=\\ a\\,b\\+\\"c\\"\\\\\\ ');
  });
});
