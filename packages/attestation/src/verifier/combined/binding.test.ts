/** Each binding rule by itself: the whole list of checks of sound report data, and a refusal for other report data. */

import { createHash } from 'node:crypto';
import { concatBytes, utf8 } from '@assay/encoding/bytes';
import { encodeHex } from '@assay/encoding/hex';
import { expectCode, fakeCertificate, fakeKey } from '@assay/testing';
import { describe, expect, test } from 'vitest';
import type { NodeBinding } from '../../evidence/combined/combined-report.ts';
import { TINFOIL_REPORT_DATA } from '../../evidence/combined/tinfoil-sections.ts';
import { boundKeys } from './binding.ts';

const sha256 = (...parts: readonly Uint8Array[]) =>
  new Uint8Array(
    createHash('sha256')
      .update(concatBytes(...parts))
      .digest(),
  );
const [NONCE, ADDRESS, KEY] = [0x4e, 0x0a, 0x03].map((byte) => new Uint8Array(32).fill(byte)) as [
  Uint8Array,
  Uint8Array,
  Uint8Array,
];
const ZEROS = new Uint8Array(32);
const certificate = await fakeCertificate({ name: 'node', key: await fakeKey('P-256', 'combined node') });
const TLS = sha256(certificate.key.spki);
const JSON_OF_GPUS = '{"evidences":[]}';

const address: NodeBinding = {
  ...{ rule: 'signing-address', address: ADDRESS, algorithm: 'ed25519', publicKey: ADDRESS },
  ...{ tlsFingerprint: null, tlsCandidates: [], nonce: NONCE },
};
const actions: NodeBinding = { rule: 'actions', hash: KEY, nonce: NONCE };
const chutes: NodeBinding = { rule: 'chutes', nonce: 'aa', encryptionKey: 'key', certificate: certificate.der };
const tinfoil: NodeBinding = {
  ...{ rule: 'tinfoil', tlsFingerprint: TLS, hpkeKey: KEY, nonce: NONCE },
  ...{ gpu: JSON_OF_GPUS, switches: null, certificate: certificate.der },
};
const sections: NodeBinding = {
  ...{ rule: 'tinfoil-sections', keys: utf8('keys'), devices: utf8('devices'), hasGpus: true },
  ...{ nonce: NONCE, tlsFingerprint: TLS, hpkeKey: KEY },
};
const keys: NodeBinding = { rule: 'tinfoil-keys', version: 2, certificate: certificate.der };

const KEY_PART = sha256(utf8('aakey'));
const SECTIONS = sha256(utf8(TINFOIL_REPORT_DATA), NONCE, sha256(utf8('keys')), sha256(utf8('devices')));
const [BOUND, ANSWERED, TLS_BOUND, GPU_BOUND] = [
  'combined.key-binding pass',
  'combined.nonce pass',
  'combined.tls-binding pass',
  'combined.gpu-binding pass',
];

describe('report data that commits to all gives every check', () => {
  test.each<[string, NodeBinding, readonly [Uint8Array, Uint8Array], readonly string[]]>([
    ['a signing address', address, [ADDRESS, NONCE], [BOUND, ANSWERED, 'combined.public-key pass']],
    [
      'a signing address without a nonce',
      { ...address, nonce: null },
      [ADDRESS, NONCE],
      [...[BOUND, 'combined.nonce not-checked', 'combined.public-key pass']],
    ],
    ['actions', actions, [KEY, NONCE], [BOUND, ANSWERED, 'combined.actions not-checked']],
    ['actions, another nonce', actions, [KEY, ZEROS], [BOUND, 'combined.nonce fail', 'combined.actions not-checked']],
    ['chutes', chutes, [KEY_PART, TLS], [BOUND, ANSWERED, TLS_BOUND]],
    [
      'chutes without a key',
      { ...chutes, encryptionKey: null },
      [KEY_PART, TLS],
      ['combined.key-binding not-checked', TLS_BOUND],
    ],
    [
      'chutes without a certificate',
      { ...chutes, certificate: null },
      [KEY_PART, TLS],
      [...[BOUND, ANSWERED, 'combined.tls-binding not-checked']],
    ],
    ['tinfoil', tinfoil, [sha256(TLS, KEY, NONCE, sha256(utf8(JSON_OF_GPUS))), ZEROS], [TLS_BOUND, BOUND, ANSWERED, GPU_BOUND]],
    ['tinfoil without GPUs', { ...tinfoil, gpu: null }, [sha256(TLS, KEY, NONCE), ZEROS], [TLS_BOUND, BOUND, ANSWERED]],
    ['tinfoil sections', sections, [SECTIONS, ZEROS], [BOUND, ANSWERED, GPU_BOUND]],
    ['tinfoil sections without GPUs', { ...sections, hasGpus: false }, [SECTIONS, ZEROS], [BOUND, ANSWERED]],
    ['tinfoil keys', keys, [TLS, KEY], [BOUND, TLS_BOUND, 'combined.nonce not-checked']],
  ])('%s', async (_, binding, data, checks) => {
    const found = await boundKeys(binding, encodeHex(concatBytes(...data)));
    expect(found.checks.map(({ id, outcome }) => `${id} ${outcome}`)).toEqual(checks);
  });
});

describe('report data that commits to something else is refused', () => {
  test.each<[string, NodeBinding]>([
    ['a signing address', address],
    ['actions', actions],
    ['chutes', chutes],
    ['tinfoil', tinfoil],
    ['tinfoil sections', sections],
    ['tinfoil keys', { ...keys, version: 1 }],
  ])('%s', async (_, binding) => {
    await expectCode(boundKeys(binding, 'ff'.repeat(64)), 'combined/key-unbound');
  });
});
