/** Intel collateral under a fake root, one defect each (Intel DCAP QVL, specification items 4.1.2.5 to 4.1.2.9). */

import { utf8 } from '@assay/encoding/bytes';
import {
  DCAP_COLLATERAL_DEFECTS,
  defectOptions,
  expectCode,
  type FakeDcap,
  type FakeDcapOptions,
  fakeDcap,
  fakeKey,
} from '@assay/testing';
import { describe, expect, test } from 'vitest';
import { VerificationCache } from '../../certificates/verification-cache.ts';
import type { VerifiedClaims } from '../../model/claims.ts';
import type { Endorsement } from '../../model/endorsements.ts';
import { collateralIn } from './collateral-pieces.ts';
import { tdxVerifier } from './tdx.ts';

async function verify({ quote, endorsements, anchors, now }: FakeDcap): Promise<VerifiedClaims> {
  const evidence = tdxVerifier.recognise(quote);
  if (evidence === null) throw new Error('expected a TDX quote');
  return tdxVerifier.verify(evidence, { now, endorsements, trust: { roots: anchors } });
}

const stranger = await fakeKey('P-256', 'dcap stranger');

describe('spoilt collateral', () => {
  test.each(DCAP_COLLATERAL_DEFECTS.map((defect) => [defect[0], defect[1], defect] as const))(
    '%s: %s',
    async (_, code, defect) => {
      const fake = await fakeDcap(await defectOptions(defect));
      await expectCode(() => verify(fake), code);
    },
  );

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

  test('pieces that cannot be read do not hide sound ones', async () => {
    const broken: Endorsement[] = [
      { kind: 'tcb-info', body: utf8('{}'), signature: new Uint8Array(64), issuerChain: [] },
      { kind: 'enclave-identity', body: utf8('{"id":"OTHER"}'), signature: new Uint8Array(64), issuerChain: [] },
      { kind: 'crl', der: Uint8Array.of(0x30, 0) },
      { kind: 'certificate', der: Uint8Array.of(0x30, 0) },
    ];
    const fake = await fakeDcap({ endorsements: (pieces) => [...broken, ...pieces] });
    expect((await verify(fake)).tcb?.status).toBe('UpToDate');
  });

  test.each<[Endorsement, string, FakeDcapOptions]>([
    [
      { kind: 'tcb-info', body: utf8('{}'), signature: new Uint8Array(64), issuerChain: [] },
      'dcap/tcb-info-malformed',
      { tcbInfo: (info) => Object.assign(info, { fmspc: '00606a000000' }) },
    ],
    [
      { kind: 'enclave-identity', body: utf8('{}'), signature: new Uint8Array(64), issuerChain: [] },
      'dcap/qe-identity-malformed',
      { identity: (identity) => Object.assign(identity, { id: 'QE' }) },
    ],
  ])('a piece that cannot be read counts where all others are foreign: %o', async (broken, code, options) => {
    const fake = await fakeDcap({ ...options, endorsements: (pieces) => [broken, ...pieces] });
    await expectCode(verify(fake), code);
  });

  test('pieces are read once for each verifier, as objects and as bytes', () => {
    const cache = new VerificationCache();
    const list = (byte: number): Endorsement => ({ kind: 'crl', der: Uint8Array.of(byte) });
    const [first, other] = [list(0), list(0)];
    const [piece] = collateralIn([first], cache).all;
    expect(collateralIn([other], cache).all[0]).toBe(piece);
    for (let byte = 1; byte < 100; byte++) collateralIn([list(byte)], cache);
    expect(collateralIn([first], cache).all[0]).toBe(piece);
    expect(collateralIn([list(0)], cache).all[0]).not.toBe(piece);
  });

  test('of several TCB signing certificates the one in force counts', async () => {
    const old = await fakeDcap({ tcbSigning: { notAfter: Date.UTC(2026, 5, 14) } });
    const expired = old.endorsements.flatMap((piece) => ('issuerChain' in piece ? piece.issuerChain : []));
    const fake = await fakeDcap({
      endorsements: (pieces) =>
        pieces.map((piece) =>
          'issuerChain' in piece
            ? { ...piece, issuerChain: [Uint8Array.of(0x30, 0), ...expired, ...piece.issuerChain] }
            : piece,
        ),
    });
    expect((await verify(fake)).tcb?.status).toBe('UpToDate');
  });

  test('a forged quote without collateral is untrusted, not merely unavailable', async () => {
    await expectCode(verify(await fakeDcap({ quoteSigner: stranger, endorsements: () => [] })), 'dcap/quote-signature-invalid');
  });
});
