/** Policies from claims: what they pin, what they forgive until when, and names that the evidence does not have. */

import { STRICT_POLICY } from '@assay/attestation';
import { expectAdvice, fakeDcap } from '@assay/testing';
import { describe, expect, test } from 'vitest';
import { explain, policyFrom } from './policy.ts';
import { verifyTdx } from './tees/tdx.ts';

const fake = await fakeDcap({ tee: 'tdx', version: 4 });
const asked = { now: fake.now, collateral: fake.endorsements, trust: { simulatedRoot: fake.root.der } };
const relaxed = await verifyTdx(fake.quote, { ...asked, policy: 'relaxed' });
if (relaxed.outcome !== 'accepted') throw relaxed.error;
const { claims } = relaxed;

describe('policyFrom', () => {
  test('pins what is named, and nothing else', async () => {
    const policy = policyFrom(claims, { base: 'strict', pin: ['mrtd', 'rtmr0'], grace: { OutOfDate: '2026-12-31' } });
    expect(policy.measurements).toEqual([
      { type: 'tdx', values: { mrtd: [claims.measurements.mrtd], rtmr0: [claims.measurements.rtmr0] } },
    ]);
    expect(policy.tcb).toEqual({ ...STRICT_POLICY.tcb, grace: [{ id: 'OutOfDate', until: '2026-12-31T00:00:00Z' }] });
    expect(policy.freshness).toEqual(STRICT_POLICY.freshness);
    const { outcome, checks } = await verifyTdx(fake.quote, { ...asked, policy });
    expect(outcome, JSON.stringify(checks.filter((check) => check.outcome === 'fail'))).toBe('accepted');
  });

  test('refuses other software', async () => {
    const other = await fakeDcap({ tee: 'tdx', version: 4, body: (body) => body.fill(7, 136, 184) });
    const policy = policyFrom(claims, { base: 'relaxed' });
    const trust = { simulatedRoot: other.root.der };
    const result = await verifyTdx(other.quote, { now: other.now, collateral: other.endorsements, trust, policy });
    expect([result.outcome, result.error?.code]).toEqual(['refused', 'policy/refused']);
  });

  test('client/unknown-measurement: a name that the evidence does not have', () => {
    for (const pin of [['pcr0'], [], ['mrtd', 'toString']]) {
      let error: unknown;
      try {
        policyFrom(claims, { pin });
      } catch (thrown) {
        error = thrown;
      }
      expect(error).toMatchObject({ code: 'client/unknown-measurement', kind: 'misuse' });
      expectAdvice((error as Error).message, ['measurements of tdx evidence', 'mrtd', 'name those']);
    }
  });

  test('a date that is none is malformed', () => {
    expect(() => policyFrom(claims, { grace: { OutOfDate: 'soon' } })).toThrow(/until/);
  });
});

test('explain says presets and policies in sentences', () => {
  expect(explain('strict').length).toBeGreaterThan(3);
  expect(explain(policyFrom(claims, { pin: ['mrtd'] })).join('\n')).toContain('mrtd');
});
