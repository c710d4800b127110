/** Roots in every form people have them in come to the same anchors; everything else is refused with a code and advice. */

import { encodeBase64 } from '@assay/encoding/base64';
import { encodeHex } from '@assay/encoding/hex';
import { encodePem } from '@assay/encoding/pem';
import { expectRefusal, fakeCertificate, fakeKey } from '@assay/testing';
import { describe, expect, it, test } from 'vitest';
import { DEFAULT_POLICY } from '../appraisal/presets.ts';
import type { Root } from '../model/verification.ts';
import { anchorDigest, trustAnchor } from './anchor.ts';
import { policyUnder, resolveTrust } from './trust.ts';

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const key = await fakeKey('P-384');
const { der } = await fakeCertificate({ name: 'root', key });
const other = await fakeCertificate({ name: 'another root', key: await fakeKey('P-384') });
const ed25519 = new Uint8Array(
  await crypto.subtle.exportKey(
    'spki',
    ((await crypto.subtle.generateKey('Ed25519', true, ['sign', 'verify'])) as CryptoKeyPair).publicKey,
  ),
);
const pem = encodePem('CERTIFICATE', der);
const both = pem + encodePem('CERTIFICATE', other.der);

describe('a root', () => {
  test.each<[string, Root]>([
    ['PEM text', pem],
    ['PEM bytes', utf8(pem)],
    ['PEM behind a byte order mark and a comment in UTF-8', utf8(`\uFEFFsubject=Müller\r\n${pem.replaceAll('\n', '\r\n')}`)],
    ['an old PEM label', encodePem('X509 CERTIFICATE', der)],
    ['DER', der],
    ['DER in base64', encodeBase64(der)],
    ['DER in hex', encodeHex(der)],
    ['DER in base64, as bytes with line ends', utf8(`${encodeBase64(der).replace(/.{64}/g, '$&\n')}\n`)],
    ['a public key in PEM', encodePem('PUBLIC KEY', key.spki)],
    ['a public key in DER', key.spki],
    ['an anchor', trustAnchor('mine', der)],
  ])('is read from %s', (_form, root) => {
    const { anchors, simulatedRoots } = resolveTrust({ roots: [root] });
    expect(anchors.map(({ spki, simulated }) => [encodeHex(spki), simulated])).toEqual([[encodeHex(key.spki), false]]);
    expect(simulatedRoots).toEqual([]);
    const simulated = resolveTrust({ simulatedRoot: root });
    expect(simulated.anchors).toMatchObject([{ simulated: true }]);
    expect(simulated.simulatedRoots).toEqual([anchorDigest(trustAnchor('mine', der))]);
  });

  it('is read from an Ed25519 key, whose DER is short', () => {
    expect(resolveTrust({ roots: [ed25519, encodePem('PUBLIC KEY', ed25519)] }).anchors).toMatchObject([
      { spki: ed25519, certificate: null },
      { spki: ed25519, certificate: null },
    ]);
  });

  it('may be several in one text, in their order', () => {
    const { anchors } = resolveTrust({ roots: [both, ed25519], simulatedRoot: pem });
    expect(anchors.map(({ name, simulated }) => [name, simulated])).toEqual([
      ['trust.roots[0]', false],
      ['trust.roots[0]', false],
      ['trust.roots[1]', false],
      ['trust.simulatedRoot', true],
    ]);
  });

  it('does not change when the bytes it was read from do', () => {
    const bytes = der.slice();
    const { anchors } = resolveTrust({ roots: [bytes] });
    bytes.fill(0);
    expect(anchors[0]?.certificate).toEqual(der);
  });
});

const P256K = '3056301006072a8648ce3d020106052b8104000a034200';

test.each<[string, Root, string]>([
  ['a private key', encodePem('PRIVATE KEY', ed25519), 'PRIVATE KEY'],
  ['a key in PKCS #1', encodePem('RSA PUBLIC KEY', der), 'RSA PUBLIC KEY'],
  ['a root with a private key beside it', pem + encodePem('PRIVATE KEY', ed25519), 'PRIVATE KEY'],
  ['PEM without an end', pem.slice(0, 200), 'END CERTIFICATE'],
  ['PEM with another character in it', pem.replace('M', '!'), 'base64'],
  ['prose', 'the simulator’s root', 'neither PEM nor base64'],
  ['an empty text', ' \n', 'an empty text'],
  ['no bytes', new Uint8Array(0), 'an empty text'],
  ['half a certificate', der.subarray(0, 100), 'other bytes'],
  ['a certificate and more', Uint8Array.of(...der, 0), 'other bytes'],
  ['base64 of something else', encodeBase64(utf8('not a certificate')), 'other bytes'],
  ['a key on a curve that is not used here', `${P256K}04${'11'.repeat(64)}`, 'other bytes'],
  ['null', null as never, 'null'],
  ['an object', {} as never, 'type object'],
])('trust/not-a-root: %s', async (_what, root, words) => {
  const message = await expectRefusal(() => resolveTrust({ roots: [pem, root] }), 'trust/not-a-root', [
    'trust.roots[1]',
    words,
  ]);
  expect(message).not.toMatch(/MII|TypeError/);
  await expectRefusal(() => resolveTrust({ simulatedRoot: root }), 'trust/not-a-root', ['trust.simulatedRoot']);
});

test('trust/several-roots: two certificates where one simulator is named', async () => {
  await expectRefusal(() => resolveTrust({ simulatedRoot: both }), 'trust/several-roots', ['trust.simulatedRoot', 'got 2']);
});

describe('policyUnder', () => {
  it('adds the simulator that was named, once, and nothing for other roots', () => {
    const trust = resolveTrust({ simulatedRoot: pem });
    const policy = policyUnder(DEFAULT_POLICY, trust);
    expect(policy).toEqual({ ...DEFAULT_POLICY, simulatedRoots: trust.simulatedRoots });
    expect(policyUnder(policy, trust)).toEqual(policy);
    expect(policyUnder(DEFAULT_POLICY, resolveTrust({ roots: [pem] }))).toBe(DEFAULT_POLICY);
  });
});
