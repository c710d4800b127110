/** Intel collateral under a fake root, one defect each (Intel DCAP QVL, specification items 4.1.2.5 to 4.1.2.9). */

import { CA_EXTENSIONS, expectCode, type FakeDcap, type FakeDcapOptions, fakeDcap, fakeInstant, fakeKey } from '@assay/testing';
import { describe, expect, test } from 'vitest';
import type { VerifiedClaims } from '../../model/claims.ts';
import { tdxVerifier } from './tdx.ts';

async function verify({ quote, endorsements, anchors, now }: FakeDcap): Promise<VerifiedClaims> {
  const evidence = tdxVerifier.recognise(quote);
  if (evidence === null) throw new Error('expected a TDX quote');
  return tdxVerifier.verify(evidence, { now, endorsements, additionalAnchors: anchors });
}

const stranger = await fakeKey('P-256', 'dcap stranger');

describe('spoilt collateral', () => {
  const without = (...kinds: readonly string[]): FakeDcapOptions => ({
    endorsements: (pieces) => pieces.filter(({ kind }) => !kinds.includes(kind)),
  });
  const yesterday = Date.UTC(2026, 5, 14, 18);
  const defects: readonly [string, string, FakeDcapOptions | (() => Promise<FakeDcapOptions>)][] = [
    ['none at all', 'dcap/collateral-missing', { endorsements: () => [] }],
    ['no TCB info', 'dcap/collateral-missing', without('tcb-info')],
    ['no QE identity', 'dcap/collateral-missing', without('enclave-identity')],
    ['no CRLs', 'dcap/collateral-missing', without('crl')],
    ['no root CRL', 'dcap/collateral-missing', { endorsements: (pieces) => pieces.filter((_, index) => index !== 2) }],
    ['no PCK CRL', 'dcap/collateral-missing', { endorsements: (pieces) => pieces.filter((_, index) => index !== 3) }],
    [
      'no signing chain',
      'dcap/collateral-missing',
      { endorsements: (pieces) => pieces.map((piece) => ('issuerChain' in piece ? { ...piece, issuerChain: [] } : piece)) },
    ],
    [
      'TCB info of another platform',
      'dcap/tcb-info-mismatch',
      { tcbInfo: (info) => Object.assign(info, { fmspc: '00606a000000' }) },
    ],
    ['TCB info of another PCE', 'dcap/tcb-info-mismatch', { tcbInfo: (info) => Object.assign(info, { pceId: '0001' }) }],
    ['SGX TCB info for a TD', 'dcap/tcb-info-mismatch', { tcbInfo: (info) => Object.assign(info, { id: 'SGX' }) }],
    ['TCB info under another key', 'dcap/tcb-info-signature-invalid', { tcbInfoSigner: stranger }],
    [
      'TCB info under the PCK',
      'dcap/tcb-info-signature-invalid',
      async () => ({ tcbInfoSigner: await fakeKey('P-256', 'dcap pck') }),
    ],
    [
      'TCB info from tomorrow',
      'dcap/collateral-not-yet-valid',
      { tcbInfo: (info) => Object.assign(info, { issueDate: fakeInstant(0.5) }) },
    ],
    [
      'TCB info of yesterday',
      'dcap/collateral-expired',
      { tcbInfo: (info) => Object.assign(info, { nextUpdate: fakeInstant(-0.5) }) },
    ],
    [
      'QE identity of the other TEE',
      'dcap/qe-identity-mismatch',
      { identity: (identity) => Object.assign(identity, { id: 'QE' }) },
    ],
    ['QE identity under another key', 'dcap/qe-identity-signature-invalid', { identitySigner: stranger }],
    [
      'QE identity of yesterday',
      'dcap/collateral-expired',
      { identity: (identity) => Object.assign(identity, { nextUpdate: fakeInstant(-0.5) }) },
    ],
    [
      'QE identity from tomorrow',
      'dcap/collateral-not-yet-valid',
      { identity: (identity) => Object.assign(identity, { issueDate: fakeInstant(0.5) }) },
    ],
    [
      'signing certificate of another name',
      'dcap/tcb-signing-chain-invalid',
      { tcbSigning: { name: 'Intel SGX PCK Platform CA' } },
    ],
    [
      'signing certificate that is a CA',
      'dcap/tcb-signing-chain-invalid',
      async () => ({ tcbSigning: { extensions: CA_EXTENSIONS() } }),
    ],
    ['signing certificate under another key', 'certificate/root-not-trusted', { tcbSigning: { breakSignature: true } }],
    ['signing certificate expired', 'certificate/expired', { tcbSigning: { notAfter: yesterday } }],
    ['signing certificate revoked', 'certificate/revoked', { rootCrl: { revoked: [Uint8Array.of(4)] } }],
    ['PCK CA revoked', 'certificate/revoked', { rootCrl: { revoked: [Uint8Array.of(2)] } }],
    ['PCK revoked', 'certificate/revoked', { pckCrl: { revoked: [Uint8Array.of(3)] } }],
    ['root CRL under another key', 'certificate/crl-signature-invalid', { rootCrl: { signer: stranger } }],
    ['PCK CRL under another key', 'certificate/crl-signature-invalid', { pckCrl: { signer: stranger } }],
    ['root CRL expired', 'certificate/crl-expired', { rootCrl: { nextUpdate: yesterday } }],
    ['PCK CRL expired', 'certificate/crl-expired', { pckCrl: { nextUpdate: yesterday } }],
    ['PCK CRL from tomorrow', 'certificate/crl-not-yet-valid', { pckCrl: { thisUpdate: Date.UTC(2026, 5, 16) } }],
    [
      'PCK CRL that is none',
      'certificate/crl-malformed',
      { endorsements: (pieces) => [...pieces.slice(0, 3), { kind: 'crl', der: Uint8Array.of(0x30, 0) }] },
    ],
    ['platform revoked', 'dcap/tcb-revoked', { tcbInfo: (info) => Object.assign(info.tcbLevels[0], { tcbStatus: 'Revoked' }) }],
    [
      'QE revoked',
      'dcap/tcb-revoked',
      { identity: (identity) => Object.assign(identity.tcbLevels[0], { tcbStatus: 'Revoked' }) },
    ],
    [
      'TDX module revoked',
      'dcap/tcb-revoked',
      { tcbInfo: (info) => Object.assign(info.tdxModuleIdentities[0].tcbLevels[0], { tcbStatus: 'Revoked' }) },
    ],
  ];

  test.each(defects)('%s: %s', async (_, code, options) => {
    const fake = await fakeDcap(typeof options === 'function' ? await options() : options);
    await expectCode(() => verify(fake), code);
  });

  test('a missing piece says what to fetch', async () => {
    const error = await expectCode(verify(await fakeDcap({ endorsements: () => [] })), 'dcap/collateral-missing');
    expect(error).toMatchObject({
      kind: 'unavailable',
      details: {
        missing: ['TCB info', 'QE identity', 'PCK CRL', 'root CRL'],
        tee: 'tdx',
        fmspc: '90c06f000000',
        pceId: '0000',
        ca: 'platform',
      },
    });
  });

  test('a forged quote without collateral is untrusted, not merely unavailable', async () => {
    await expectCode(verify(await fakeDcap({ quoteSigner: stranger, endorsements: () => [] })), 'dcap/quote-signature-invalid');
  });
});
