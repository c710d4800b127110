/** Published faults of other DCAP verifiers, each shown not to be here (research of November 2026; sources named per test). */

import { concatBytes, utf8 } from '@assay/encoding/bytes';
import { DER_TAG } from '@assay/encoding/der';
import { encodeDer } from '@assay/encoding/der-writer';
import { encodeHex } from '@assay/encoding/hex';
import { expectCode, type FakeDcap, type FakeDcapOptions, fakeCrl, fakeDcap, fakeKey, fakeSgxExtension } from '@assay/testing';
import { describe, expect, test } from 'vitest';
import { parseCrl } from '../../certificates/crl.ts';
import { VerificationCache } from '../../certificates/verification-cache.ts';
import { parsePckExtensions } from '../../evidence/dcap/pck-extensions.ts';
import type { Endorsement } from '../../model/endorsements.ts';
import { tdxVerifier } from './tdx.ts';

const cache = new VerificationCache();

async function verify({ quote, endorsements, anchors, now }: FakeDcap) {
  const evidence = tdxVerifier.recognise(quote);
  if (evidence === null) throw new Error('expected a TDX quote');
  return tdxVerifier.verify(evidence, { now, endorsements, trust: { roots: anchors }, cache });
}

const refused = async (options: FakeDcapOptions, code: string): Promise<void> => {
  await expectCode(async () => verify(await fakeDcap(options)), code);
};
const stranger = await fakeKey('P-256', 'dcap stranger');
const replaced = (index: number, piece: Endorsement): FakeDcapOptions => ({
  endorsements: (pieces) => pieces.with(index, piece),
});

describe('CVE-2026-22696 (GHSA-796p-j2gh-9m2q): QE identity fetched, neither its signature nor its policy verified', () => {
  test('an unsigned identity is refused', () => refused({ identitySigner: stranger }, 'dcap/qe-identity-signature-invalid'));
  test('a made-up quoting enclave is refused', () =>
    refused({ qeReport: (report) => report.fill(0xee, 128, 160) }, 'dcap/qe-identity-mismatch'));
  test('a debug quoting enclave is refused', () =>
    refused({ qeReport: (report) => report.set([0x17], 48) }, 'dcap/qe-identity-mismatch'));
  test('a revoked quoting enclave is refused', () =>
    refused({ identity: (identity) => Object.assign(identity.tcbLevels[0], { tcbStatus: 'Revoked' }) }, 'dcap/tcb-revoked'));
});

describe('dcap-qvl #124: TDX module identity ignored', () => {
  test('an old module drags the standing down', async () => {
    const { tcb } = await verify(await fakeDcap({ body: (body) => body.set([2], 0) }));
    expect(tcb).toMatchObject({ status: 'OutOfDate', advisories: ['INTEL-SA-00003'] });
  });
  test('an unknown module is refused', () => refused({ body: (body) => body.set([0x42], 1) }, 'dcap/tdx-module-unknown'));
  test('a module of another signer is refused', () =>
    refused({ body: (body) => body.set([1], 64) }, 'dcap/tdx-module-mismatch'));
  test('module identities are found whatever the case of their name', async () => {
    const options: FakeDcapOptions = {
      body: (body) => body.set([5, 0x1a], 0),
      tcbInfo: (info) => Object.assign(info.tdxModuleIdentities[0], { id: 'tdx_1a' }),
    };
    expect((await verify(await fakeDcap(options))).tcb?.status).toBe('UpToDate');
  });
});

describe('dcap-qvl #126: TCB levels taken in the order of the document', () => {
  test('a lower level listed first does not win, nor does a lower module or quoting enclave level', async () => {
    const reversed: FakeDcapOptions = {
      tcbInfo: (info) => {
        info.tcbLevels.reverse();
        info.tdxModuleIdentities[0].tcbLevels.reverse();
      },
      identity: (identity) => identity.tcbLevels.reverse(),
    };
    expect((await verify(await fakeDcap(reversed))).tcb?.status).toBe('UpToDate');
  });
  test('the same level twice is refused', () =>
    refused(
      { tcbInfo: (info) => info.tcbLevels.push({ ...info.tcbLevels[0], tcbStatus: 'UpToDate' }) },
      'dcap/tcb-info-malformed',
    ));
});

test('dcap-qvl #127: a foreign QE vendor id is refused', () =>
  refused({ header: (header) => header.fill(0, 12, 28) }, 'dcap/qe-vendor-unknown'));

describe('dcap-qvl: components compared over the shorter list', () => {
  test.each(['sgxtcbcomponents', 'tdxtcbcomponents'])('%s of fifteen or seventeen entries are refused', async (name) => {
    await refused({ tcbInfo: (info) => info.tcbLevels[0].tcb[name].pop() }, 'dcap/tcb-info-malformed');
    await refused({ tcbInfo: (info) => info.tcbLevels[0].tcb[name].push({ svn: 0 }) }, 'dcap/tcb-info-malformed');
  });
  test('a certificate with fifteen components is refused', () =>
    refused(
      { sgxExtension: fakeSgxExtension({ components: new Array<number>(15).fill(5) }) },
      'dcap/pck-extensions-malformed',
    ));
});

describe('dcap-qvl: allocation by a length field of the quote', () => {
  test.each([
    ['signature data', 632],
    ['QE report certification data', 632 + 4 + 128 + 2],
    ['QE authentication data', 632 + 4 + 128 + 6 + 448],
    ['certification data', 632 + 4 + 128 + 6 + 448 + 2 + 32 + 2],
  ])('a huge length of %s is refused at once', async (_, offset) => {
    const { quote } = await fakeDcap();
    const spoilt = quote.slice();
    spoilt.set([0xff, 0xff], offset);
    if (offset !== 632 + 4 + 128 + 6 + 448) spoilt.set([0xff, 0xff], offset + 2);
    await expectCode(() => tdxVerifier.recognise(spoilt), 'dcap/quote-malformed');
  });
  test('a huge document is refused before it is read', async () => {
    const { endorsements } = await fakeDcap();
    const [info] = endorsements;
    if (info?.kind !== 'tcb-info') throw new Error('expected TCB info first');
    await refused(replaced(0, { ...info, body: new Uint8Array(2 << 20).fill(0x20) }), 'dcap/tcb-info-malformed');
  });
});

describe('dcap-qvl: recursion by nested DER or JSON', () => {
  const nested = (depth: number): Uint8Array => {
    let der: Uint8Array = encodeDer(DER_TAG.sequence);
    for (let level = 0; level < depth; level++) der = encodeDer(DER_TAG.sequence, der);
    return der;
  };
  test('a deep SGX extension is malformed', async () => {
    await expectCode(() => parsePckExtensions(nested(5000)), 'dcap/pck-extensions-malformed');
  });
  test('a deep CRL is malformed', async () => {
    await expectCode(() => parseCrl(nested(5000)), 'certificate/crl-malformed');
  });
  test('a deep document is malformed', async () => {
    const { endorsements } = await fakeDcap();
    const [info] = endorsements;
    if (info?.kind !== 'tcb-info') throw new Error('expected TCB info first');
    await refused(replaced(0, { ...info, body: utf8('['.repeat(400_000)) }), 'dcap/tcb-info-malformed');
  });
});

describe('dcap-qvl #82: Revoked not refused', () => {
  test.each<[string, FakeDcapOptions]>([
    ['platform', { tcbInfo: (info) => Object.assign(info.tcbLevels[0], { tcbStatus: 'Revoked' }) }],
    ['TDX module', { tcbInfo: (info) => Object.assign(info.tdxModuleIdentities[0].tcbLevels[0], { tcbStatus: 'Revoked' }) }],
    ['quoting enclave', { identity: (identity) => Object.assign(identity.tcbLevels[0], { tcbStatus: 'Revoked' }) }],
  ])('a revoked %s is refused', (_, options) => refused(options, 'dcap/tcb-revoked'));
});

describe('dcap-qvl-js: CRLs trusted without their signature, errors in them swallowed', () => {
  test('a foreign root CRL is refused', () => refused({ rootCrl: { signer: stranger } }, 'certificate/crl-signature-invalid'));
  test('a foreign PCK CRL is refused', () => refused({ pckCrl: { signer: stranger } }, 'certificate/crl-signature-invalid'));
  test('garbage in place of a CRL is refused', () =>
    refused(replaced(3, { kind: 'crl', der: Uint8Array.of(0x30, 0x00) }), 'certificate/crl-malformed'));
  test('an old CRL is refused', () => refused({ pckCrl: { nextUpdate: Date.UTC(2026, 5, 1) } }, 'certificate/crl-expired'));
  test('the root CRL twice does not stand in for the PCK CRL', async () => {
    const { root } = await fakeDcap();
    await refused(replaced(3, { kind: 'crl', der: await fakeCrl({ issuer: root }) }), 'dcap/collateral-missing');
  });
  test('a revocation counts beside a newer list that forgets it', async () => {
    const fake = await fakeDcap({ pckCrl: { revoked: [Uint8Array.of(3)] } });
    const clean = await fakeDcap();
    await expectCode(verify({ ...fake, endorsements: [...clean.endorsements, ...fake.endorsements] }), 'certificate/revoked');
  });
});

describe('teekit, turnkey: signatures of collateral and dates ignored', () => {
  test('TCB info that only the PCK signed is refused', async () =>
    refused({ tcbInfoSigner: await fakeKey('P-256', 'dcap pck') }, 'dcap/tcb-info-signature-invalid'));
  test('a PCK CA may not sign TCB info', async () => {
    const ca = { name: 'Intel SGX PCK Platform CA', key: await fakeKey('P-256', 'dcap ca') };
    await refused({ tcbSigning: ca }, 'dcap/tcb-signing-chain-invalid');
  });
  test('an expired PCK is refused', () => refused({ pck: { notAfter: Date.UTC(2026, 5, 14, 18) } }, 'certificate/expired'));
});

describe('collateral of another root', () => {
  test('a simulated root cannot speak for a platform of another root, even when both are accepted', async () => {
    const vendor = await fakeDcap({ simulated: false });
    const other = await fakeKey('P-256', 'dcap other root');
    const simulated = await fakeDcap({ root: { key: other } });
    const documents = simulated.endorsements.filter(({ kind }) => kind !== 'crl');
    const endorsements = [...documents, ...vendor.endorsements.filter(({ kind }) => kind === 'crl')];
    const anchors = [...vendor.anchors, ...simulated.anchors];
    await expectCode(verify({ ...vendor, endorsements, anchors }), 'certificate/root-not-trusted');
  });
});

test('dstack: quotes end in zero bytes, and only zeros are let through', async () => {
  const fake = await fakeDcap();
  expect((await verify({ ...fake, quote: concatBytes(fake.quote, new Uint8Array(70)) })).details.paddingBytes).toBe(70);
  for (const position of [0, 35, 69]) {
    const tail = new Uint8Array(70);
    tail[position] = 1;
    await expectCode(() => verify({ ...fake, quote: concatBytes(fake.quote, tail) }), 'dcap/quote-malformed');
  }
});

test('a caller who reuses the buffer of a quote changes nothing that was remembered', async () => {
  const fake = await fakeDcap();
  const buffer = fake.quote.slice();
  const first = await verify({ ...fake, quote: buffer });
  buffer.fill(0);
  expect(encodeHex(fake.quote)).toContain(first.measurements.mrtd);
  expect(await verify(fake)).toEqual(first);
});
