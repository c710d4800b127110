/** Intel collateral under a fake root, one defect each (Intel DCAP QVL, specification items 4.1.2.5 to 4.1.2.9). */

import { DCAP_COLLATERAL_DEFECTS, defectOptions, expectCode, type FakeDcap, fakeDcap, fakeKey } from '@assay/testing';
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

  test('a forged quote without collateral is untrusted, not merely unavailable', async () => {
    await expectCode(verify(await fakeDcap({ quoteSigner: stranger, endorsements: () => [] })), 'dcap/quote-signature-invalid');
  });
});
