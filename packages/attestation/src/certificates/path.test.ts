import { encodeDer, encodeDerUnsigned } from '@assay/encoding/der-writer';
import { basicConstraints, encodeExtension, encodeName, keyUsage } from '@assay/encoding/x509-writer';
import {
  CA_EXTENSIONS,
  expectCode,
  FAKE_NOW,
  type FakeChain,
  type FakeChainOptions,
  fakeCertificate,
  fakeChain,
  fakeCrl,
  fakeKey,
  LEAF_EXTENSIONS,
} from '@assay/testing';
import { describe, expect, it } from 'vitest';
import { AttestationError } from '../errors.ts';
import { trustAnchor } from './anchor.ts';
import { parseCrl, verifyCrl } from './crl.ts';
import { type VerifiedPath, type VerifyPathInput, verifyPath } from './path.ts';
import { VerificationCache } from './verification-cache.ts';
import { parseCertificate } from './x509.ts';

const HOUR = 3_600_000;
const unknownExtension = { oid: '1.3.6.1.4.1.99999.1', critical: true, value: encodeDerUnsigned(Uint8Array.of(1)) };

function verify({ chain, anchor }: FakeChain, options: Partial<VerifyPathInput> = {}): Promise<VerifiedPath> {
  return verifyPath({
    chain: chain.map(parseCertificate),
    anchors: [anchor],
    now: FAKE_NOW,
    cache: new VerificationCache(),
    ...options,
  });
}

describe('verifyPath accepts', () => {
  it.each(['P-256', 'P-384', 'P-521', 'Ed25519', 'RSA', 'RSA-PSS'] as const)('a sound chain of %s keys', async (kind) => {
    const fake = await fakeChain({ kind });
    const path = await verify(fake);
    expect(path.chain.map(({ subjectText }) => subjectText)).toEqual([
      'O=Assay tests,CN=fake leaf',
      'O=Assay tests,CN=fake intermediate',
    ]);
    expect(path.anchor).toBe(fake.anchor);
    expect([path.notBefore, path.notAfter]).toEqual([FAKE_NOW - 24 * HOUR, FAKE_NOW + 24 * HOUR]);
    expect(path.revocation).toEqual(['not-checked', 'not-checked']);
  });

  it('a chain that carries its root, and one that carries more after it', async () => {
    const fake = await fakeChain();
    const certificates = [...fake.chain, fake.root.der, fake.root.der].map(parseCertificate);
    for (const length of [3, 4]) expect((await verify(fake, { chain: certificates.slice(0, length) })).chain).toHaveLength(2);
  });

  it('another certificate of the pinned key, expired or not: the key is pinned, not the certificate', async () => {
    const fake = await fakeChain();
    const older = await fakeCertificate({
      name: 'fake root',
      key: fake.root.key,
      extensions: CA_EXTENSIONS(),
      notBefore: 0,
      notAfter: 1000,
    });
    const path = await verify(fake, { chain: [...fake.chain, older.der].map(parseCertificate) });
    expect(path.notBefore).toBe(FAKE_NOW - 24 * HOUR);
  });

  it('an anchor without a certificate', async () => {
    const fake = await fakeChain();
    const path = await verify(fake, { anchors: [{ ...fake.anchor, certificate: null }] });
    expect(path.chain).toHaveLength(2);
  });

  it('both ends of the validity', async () => {
    const fake = await fakeChain();
    for (const now of [FAKE_NOW - 24 * HOUR, FAKE_NOW + 24 * HOUR]) await verify(fake, { now });
  });

  it('a critical extension its caller knows', async () => {
    const fake = await fakeChain({ leaf: { extensions: [...LEAF_EXTENSIONS, unknownExtension] } });
    await verify(fake, { knownCriticalExtensions: [unknownExtension.oid] });
  });
});

describe('verifyPath refuses', () => {
  const leafOf = (extensions: FakeChainOptions['leaf']): FakeChainOptions => ({ leaf: extensions ?? {} });
  const middleOf = (intermediate: FakeChainOptions['intermediate']): FakeChainOptions => ({ intermediate: intermediate ?? {} });

  it.each<[string, FakeChainOptions, string]>([
    ['an expired leaf', leafOf({ notAfter: FAKE_NOW - 1000 }), 'certificate/expired'],
    ['a leaf of tomorrow', leafOf({ notBefore: FAKE_NOW + 1000 }), 'certificate/not-yet-valid'],
    ['an expired intermediate', middleOf({ notAfter: FAKE_NOW - 1000 }), 'certificate/expired'],
    ['an intermediate of tomorrow', middleOf({ notBefore: FAKE_NOW + 1000 }), 'certificate/not-yet-valid'],
    ['an expired pinned root', { root: { notAfter: FAKE_NOW - 1000 } }, 'certificate/expired'],
    ['a leaf with a broken signature', leafOf({ breakSignature: true }), 'certificate/signature-invalid'],
    ['an intermediate with a broken signature', middleOf({ breakSignature: true }), 'certificate/root-not-trusted'],
    ['an issuer that is no ca', middleOf({ extensions: [basicConstraints(false), keyUsage(5)] }), 'certificate/not-a-ca'],
    ['an issuer without basic constraints', middleOf({ extensions: [keyUsage(5)] }), 'certificate/not-a-ca'],
    ['an issuer of version 1', middleOf({ version: 1 }), 'certificate/not-a-ca'],
    [
      'an issuer without certificate sign',
      middleOf({ extensions: [basicConstraints(true), keyUsage(0, 6)] }),
      'certificate/key-usage',
    ],
    [
      'a leaf without digital signature',
      leafOf({ extensions: [basicConstraints(false), keyUsage(2)] }),
      'certificate/key-usage',
    ],
    [
      'an unknown critical extension on the leaf',
      leafOf({ extensions: [unknownExtension] }),
      'certificate/unknown-critical-extension',
    ],
    [
      'an unknown critical extension on the intermediate',
      middleOf({ extensions: [...CA_EXTENSIONS(), unknownExtension] }),
      'certificate/unknown-critical-extension',
    ],
    ['a leaf that names another issuer', leafOf({ issuerName: encodeName({ CN: 'someone' }) }), 'certificate/chain-broken'],
    [
      'an intermediate that names another issuer',
      middleOf({ issuerName: encodeName({ CN: 'x' }) }),
      'certificate/root-not-trusted',
    ],
  ])('%s', async (_, options, code) => {
    await expectCode(verify(await fakeChain(options)), code);
  });

  it('a leaf signed by a stranger under the right name', async () => {
    const fake = await fakeChain();
    const stranger = { ...fake.intermediate, key: await fakeKey('P-384', 'stranger') };
    const leaf = await fakeCertificate({ name: 'fake leaf', key: fake.leaf.key, issuer: stranger });
    await expectCode(
      verify(fake, { chain: [leaf.der, fake.intermediate.der].map(parseCertificate) }),
      'certificate/signature-invalid',
    );
  });

  it('a whole chain under a root of the same name and another key, root included', async () => {
    const genuine = await fakeChain();
    const foreign = await fakeChain({ root: { key: await fakeKey('P-384', 'stranger') } });
    const chain = [...foreign.chain, foreign.root.der].map(parseCertificate);
    await expectCode(verify(genuine, { chain }), 'certificate/root-not-trusted');
    await expectCode(verify(genuine, { chain: [parseCertificate(foreign.root.der)] }), 'certificate/root-not-trusted');
  });

  it('a chain without its intermediate, out of order, or empty', async () => {
    const fake = await fakeChain();
    const [leaf, intermediate] = fake.chain.map(parseCertificate);
    await expectCode(verify(fake, { chain: [leaf!] }), 'certificate/root-not-trusted');
    await expectCode(verify(fake, { chain: [intermediate!, leaf!] }), 'certificate/root-not-trusted');
    await expectCode(verify(fake, { chain: [] }), 'certificate/chain-broken');
  });

  it('a root that names itself but not the issuer of its child', async () => {
    const fake = await fakeChain();
    const renamed = await fakeCertificate({ name: 'renamed', key: fake.root.key, extensions: CA_EXTENSIONS() });
    await expectCode(verify(fake, { chain: [...fake.chain, renamed.der].map(parseCertificate) }), 'certificate/chain-broken');
  });

  it('one intermediate more than a path length allows', async () => {
    const fake = await fakeChain();
    const second = await fakeCertificate({
      name: 'second',
      key: await fakeKey('P-384', 'second'),
      issuer: fake.intermediate,
      extensions: CA_EXTENSIONS(),
    });
    const leaf = await fakeCertificate({ name: 'leaf', key: fake.leaf.key, issuer: second });
    const chain = [leaf.der, second.der, fake.intermediate.der].map(parseCertificate);
    await expectCode(verify(fake, { chain }), 'certificate/path-length-exceeded');
  });

  it('eleven certificates', async () => {
    const fake = await fakeChain();
    const leaf = parseCertificate(fake.leaf.der);
    await expectCode(verify(fake, { chain: Array.from({ length: 11 }, () => leaf) }), 'certificate/chain-too-long');
  });

  it('a time that is no time', async () => {
    await expectCode(verify(await fakeChain(), { now: Number.NaN }), 'certificate/not-yet-valid');
  });
});

describe('every one-bit flip', () => {
  it('of a leaf is refused', async () => {
    const fake = await fakeChain({ kind: 'P-256' });
    const [leaf, intermediate] = fake.chain;
    for (let bit = 0; bit < leaf!.length * 8; bit++) {
      const flipped = leaf!.slice();
      flipped[bit >> 3] = flipped[bit >> 3]! ^ (1 << (bit & 7));
      const outcome = await Promise.resolve()
        .then(() => verify(fake, { chain: [flipped, intermediate!].map(parseCertificate) }))
        .then(
          () => 'accepted',
          (error: unknown) => (AttestationError.is(error) ? 'refused' : error),
        );
      expect(outcome, `bit ${bit}`).toBe('refused');
    }
  });
});

describe('the signature cache', () => {
  it('spares the second signature check and nothing else', async () => {
    const fake = await fakeChain();
    const cache = new VerificationCache();
    await verify(fake, { cache });
    const verifyOnce = crypto.subtle.verify;
    let calls = 0;
    crypto.subtle.verify = (...args) => {
      calls++;
      return verifyOnce.apply(crypto.subtle, args);
    };
    try {
      await verify(fake, { cache });
      expect(calls).toBe(0);
      await verify(fake);
      expect(calls).toBe(2);
    } finally {
      crypto.subtle.verify = verifyOnce;
    }
    await expectCode(verify(fake, { cache, now: FAKE_NOW + 25 * HOUR }), 'certificate/expired');
    const broken = await fakeChain({ leaf: { breakSignature: true } });
    await expectCode(verify(broken, { cache }), 'certificate/signature-invalid');
    await expectCode(verify(broken, { cache }), 'certificate/signature-invalid');
  });

  it('is not fooled by a buffer that changes after it was seen', async () => {
    const fake = await fakeChain();
    const cache = new VerificationCache();
    const bytes = fake.leaf.der.slice();
    await verify(fake, { cache, chain: [bytes, fake.intermediate.der].map(parseCertificate) });
    bytes[bytes.length - 1] = bytes.at(-1)! ^ 1;
    await expectCode(
      verify(fake, { cache, chain: [bytes, fake.intermediate.der].map(parseCertificate) }),
      'certificate/signature-invalid',
    );
  });
});

describe('revocation', () => {
  const serial = Uint8Array.of(0xf3); // of the fake leaf
  const partial = { oid: '2.5.29.28', critical: true, value: encodeDer(0x30, encodeDer(0x84, Uint8Array.of(0xff))) };
  const delta = { oid: '2.5.29.27', critical: true, value: encodeDerUnsigned(Uint8Array.of(1)) };
  const lists = async (
    _fake: FakeChain,
    ...crls: readonly Parameters<typeof fakeCrl>[0][]
  ): Promise<Partial<VerifyPathInput>> => ({
    crls: (await Promise.all(crls.map(fakeCrl))).map(parseCrl),
  });

  it('passes what no list names, and says where there was none', async () => {
    const fake = await fakeChain();
    const own = await lists(fake, { issuer: fake.intermediate, revoked: [Uint8Array.of(7)] });
    expect((await verify(fake, own)).revocation).toEqual(['good', 'not-checked']);
    await expectCode(verify(fake, { ...own, requireCrls: true }), 'certificate/crl-missing');
    const both = await lists(fake, { issuer: fake.intermediate }, { issuer: fake.root, revoked: [serial] });
    expect((await verify(fake, { ...both, requireCrls: true })).revocation).toEqual(['good', 'good']);
  });

  it('refuses a revoked leaf and a revoked intermediate', async () => {
    const fake = await fakeChain();
    await expectCode(verify(fake, await lists(fake, { issuer: fake.intermediate, revoked: [serial] })), 'certificate/revoked');
    await expectCode(
      verify(fake, await lists(fake, { issuer: fake.root, revoked: [Uint8Array.of(2)] })),
      'certificate/revoked',
    );
  });

  it('lets a second list in force settle what an expired one leaves open, and revoke', async () => {
    const fake = await fakeChain();
    const expired = { issuer: fake.intermediate, nextUpdate: FAKE_NOW - 1000 };
    expect((await verify(fake, await lists(fake, expired, { issuer: fake.intermediate }))).revocation[0]).toBe('good');
    const revoking = { issuer: fake.intermediate, revoked: [serial] };
    await expectCode(verify(fake, await lists(fake, { issuer: fake.intermediate }, revoking)), 'certificate/revoked');
  });

  it('refuses what an expired list revoked', async () => {
    const fake = await fakeChain();
    const expired = { issuer: fake.intermediate, nextUpdate: FAKE_NOW - 1000 };
    await expectCode(verify(fake, await lists(fake, { ...expired, revoked: [serial] })), 'certificate/revoked');
    const inForce = { issuer: fake.intermediate };
    await expectCode(verify(fake, await lists(fake, inForce, { ...expired, revoked: [serial] })), 'certificate/revoked');
  });

  it('refuses a list of another name, under the same key', async () => {
    const { root } = await fakeChain();
    const renamed = { ...parseCertificate(root.der), subject: encodeName({ CN: 'another' }) };
    const crl = parseCrl(await fakeCrl({ issuer: root }));
    await expectCode(verifyCrl({ crl, issuer: renamed, now: FAKE_NOW }), 'certificate/chain-broken');
    await verifyCrl({ crl, issuer: parseCertificate(root.der), now: FAKE_NOW });
  });

  it('refuses lists that are forged, outdated, endless or of tomorrow', async () => {
    const fake = await fakeChain();
    const issuer = fake.intermediate;
    const signer = await fakeKey('P-384', 'stranger');
    const cases = [
      [{ issuer, signer }, 'certificate/crl-signature-invalid'],
      [{ issuer, nextUpdate: FAKE_NOW - 1000 }, 'certificate/crl-expired'],
      [{ issuer, nextUpdate: null }, 'certificate/crl-expired'],
      [{ issuer, thisUpdate: FAKE_NOW + 1000 }, 'certificate/crl-not-yet-valid'],
    ] as const;
    for (const [crl, code] of cases) await expectCode(verify(fake, await lists(fake, crl)), code);
  });

  it('refuses a list whose issuer may not sign lists', async () => {
    const fake = await fakeChain({ intermediate: { extensions: [basicConstraints(true), keyUsage(5)] } });
    await expectCode(verify(fake, await lists(fake, { issuer: fake.intermediate })), 'certificate/key-usage');
  });

  it('refuses a list of an anchor that may not sign lists, whatever copy of its certificate was sent', async () => {
    const fake = await fakeChain({ root: { extensions: [basicConstraints(true), keyUsage(5)] } });
    const list = await lists(fake, { issuer: fake.root });
    await expectCode(verify(fake, list), 'certificate/key-usage');
    const may = await fakeCertificate({ name: 'fake root', key: fake.root.key, extensions: CA_EXTENSIONS() });
    const chain = [...fake.chain, may.der].map(parseCertificate);
    await expectCode(verify(fake, { ...list, chain }), 'certificate/key-usage');
    const silent = await fakeChain({ root: { extensions: [basicConstraints(true)] } });
    expect((await verify(silent, await lists(silent, { issuer: silent.root }))).revocation[1]).toBe('good');
  });

  it('refuses partial and delta lists', async () => {
    const { intermediate: issuer } = await fakeChain();
    for (const extension of [partial, delta]) {
      const crl = await fakeCrl({ issuer, extensions: [extension] });
      await expectCode(() => parseCrl(crl), 'certificate/unknown-critical-extension');
    }
  });

  it('takes a list with a distribution point for the certificates that name it only', async () => {
    const uri = (text: string): Uint8Array => encodeDer(0xa0, encodeDer(0xa0, encodeDer(0x86, new TextEncoder().encode(text))));
    const point = (text: string) => ({ oid: '2.5.29.28', critical: true, value: encodeDer(0x30, uri(text)) });
    const named = { oid: '2.5.29.31', critical: false, value: encodeDer(0x30, encodeDer(0x30, uri('http://a/crl'))) };
    const fake = await fakeChain({ leaf: { extensions: [...LEAF_EXTENSIONS, named] } });
    const { intermediate: issuer } = fake;
    const here = await lists(fake, { issuer, revoked: [serial], extensions: [point('http://a/crl')] });
    await expectCode(verify(fake, here), 'certificate/revoked');
    const elsewhere = await lists(fake, { issuer, revoked: [serial], extensions: [point('http://b/crl')] });
    expect((await verify(fake, elsewhere)).revocation[0]).toBe('not-checked');
  });

  it('reads 100 000 entries within a second', async () => {
    const { intermediate: issuer } = await fakeChain();
    const revoked = Array.from({ length: 100_000 }, (_, index) => Uint8Array.of(1, index >> 16, index >> 8, index));
    const bytes = await fakeCrl({ issuer, revoked });
    const started = performance.now();
    const crl = parseCrl(bytes);
    expect(performance.now() - started).toBeLessThan(1000);
    expect([crl.isRevoked('0101869f'), crl.isRevoked('02')]).toEqual([true, false]);
  });

  it('reads 100 000 entries whose reasons alternate', async () => {
    const { intermediate: issuer } = await fakeChain();
    const revoked = Array.from({ length: 100_000 }, (_, index) => Uint8Array.of(1, index >> 16, index >> 8, index));
    const reasons = [1, 4].map((reason) => [{ oid: '2.5.29.21', critical: false, value: Uint8Array.of(0x0a, 1, reason) }]);
    const crl = parseCrl(await fakeCrl({ issuer, revoked, entryExtensions: (index) => reasons[index % 2]! }));
    expect([crl.isRevoked('0101869f'), crl.isRevoked('02')]).toEqual([true, false]);
  });

  it('refuses an entry with more extensions than any has, and one that is critical and not known', async () => {
    const { intermediate: issuer } = await fakeChain();
    const many = Array.from({ length: 40 }, (_, index) => ({ ...unknownExtension, oid: `1.2.${index}`, critical: false }));
    const list = (more: readonly (typeof unknownExtension)[]): Promise<Uint8Array> =>
      fakeCrl({ issuer, revoked: [Uint8Array.of(7)], entryExtensions: () => more });
    await expectCode(async () => parseCrl(await list(many)), 'certificate/crl-malformed');
    await expectCode(async () => parseCrl(await list([unknownExtension])), 'certificate/unknown-critical-extension');
  });

  it('refuses every list with one bit flipped', async () => {
    const fake = await fakeChain({ kind: 'P-256' });
    const bytes = await fakeCrl({ issuer: fake.intermediate, revoked: [Uint8Array.of(9)] });
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = bytes.slice();
      flipped[bit >> 3] = flipped[bit >> 3]! ^ (1 << (bit & 7));
      const outcome = await Promise.resolve()
        .then(() => verify(fake, { crls: [parseCrl(flipped)] }))
        .then(
          ({ revocation }) => revocation[0],
          (error: unknown) => (AttestationError.is(error) ? 'refused' : error),
        );
      expect(['refused', 'not-checked'], `bit ${bit}`).toContain(outcome);
    }
  });
});

describe('trustAnchor', () => {
  it('pins the key and marks simulators', async () => {
    const { root } = await fakeChain();
    expect(trustAnchor('x', root.der)).toEqual({ name: 'x', spki: root.key.spki, certificate: root.der, simulated: false });
    expect(trustAnchor('x', root.der, { simulated: true }).simulated).toBe(true);
    await expectCode(() => trustAnchor('x', encodeExtension(basicConstraints(true))), 'certificate/malformed');
  });
});
