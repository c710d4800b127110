/** Who asked for an SNP report: the guest, the host, or a level that does not exist; in reports and in tokens about them. */

import { certificatesOf, FAKE_NOW, fakeSnp, fakeToken } from '@assay/testing';
import { describe, expect, test } from 'vitest';
import type { Policy } from '../model/policy.ts';
import type { VerificationResult } from '../model/result.ts';
import { verify } from '../verify.ts';
import { DEFAULT_POLICY, MODERATE_POLICY, RELAXED_POLICY, STRICT_POLICY } from './presets.ts';

const HOST = 0xffff_ffff;
const VMPL = 0x30;

async function report(vmpl: number, policy: Policy): Promise<VerificationResult> {
  const fake = await fakeSnp({ edit: (_, view) => view.setUint32(VMPL, vmpl, true) });
  const simulatedRoots = [await rootOf(fake.anchor.spki)];
  return verify(fake.report, {
    now: FAKE_NOW,
    endorsements: certificatesOf(fake.chain),
    trust: { roots: [fake.anchor] },
    policy: { ...policy, simulatedRoots },
  });
}

async function rootOf(spki: Uint8Array): Promise<string> {
  return Buffer.from(await crypto.subtle.digest('SHA-256', Uint8Array.from(spki))).toString('hex');
}

async function token(vmpl: number, policy: Policy): Promise<VerificationResult> {
  const { file, keySet } = await fakeToken('azure', { 'x-ms-isolation-tee': { 'x-ms-sevsnpvm-vmpl': vmpl } });
  return verify(file, { now: FAKE_NOW, endorsements: [keySet], policy });
}

const outcomeOf = ({ checks }: VerificationResult) => checks.find(({ id }) => id === 'policy.requester')?.outcome;

describe.each([
  ['a report', report],
  ['a token', token],
] as const)('%s', (_, ask) => {
  test.each([0, 1, 2, 3])('at VMPL %i comes from the guest', async (vmpl) => {
    const result = await ask(vmpl, STRICT_POLICY);
    expect([outcomeOf(result), result.outcome]).toEqual(['pass', 'accepted']);
  });

  test('that the host asked for is refused by strict and a warning elsewhere', async () => {
    const strict = await ask(HOST, STRICT_POLICY);
    expect([outcomeOf(strict), strict.outcome]).toEqual(['fail', 'refused']);
    for (const policy of [DEFAULT_POLICY, MODERATE_POLICY, RELAXED_POLICY]) {
      const result = await ask(HOST, policy);
      expect([outcomeOf(result), result.outcome]).toEqual(['not-checked', 'accepted']);
      expect(result.appraisal?.warnings.join('\n')).toContain('the host asked for this report');
    }
  });

  test.each([4, 15])('at VMPL %i, which does not exist, is refused by every policy', async (vmpl) => {
    const result = await ask(vmpl, RELAXED_POLICY);
    expect([outcomeOf(result), result.outcome]).toEqual(['fail', 'refused']);
  });
});

test('an SNP level below the minimum of a policy is named with what raises it', async () => {
  const rule = { path: 'details.tcb.reported.microcode', type: 'sev-snp', atLeast: 255 } as const;
  const { checks, outcome } = await report(0, { version: 1, claims: [rule] });
  expect(outcome).toBe('refused');
  expect(checks.find(({ id }) => id === 'policy.claim.details.tcb.reported.microcode')).toMatchObject({
    expected: '≥ 255',
    actual: expect.stringMatching(/^\d+, raised by an update of the CPU microcode/),
  });
});

describe('provisional firmware', () => {
  test.each([
    ['a higher current TCB', 0x38 + 7, 'tcb'],
    ['a higher current version', 0x1e8, 'version'],
  ] as const)('is said: %s', async (_, offset, word) => {
    const fake = await fakeSnp({ edit: (bytes) => bytes.fill(0x63, offset, offset + 1) });
    const { appraisal, outcome } = await verify(fake.report, {
      now: FAKE_NOW,
      endorsements: certificatesOf(fake.chain),
      trust: { roots: [fake.anchor] },
      policy: { ...STRICT_POLICY, simulatedRoots: [await rootOf(fake.anchor.spki)] },
    });
    expect(outcome).toBe('accepted');
    expect(appraisal?.warnings.join('\n')).toMatch(new RegExp(`provisional firmware runs \\(${word} .*committed`));
  });

  test('is not said of firmware that is committed', async () => {
    const { appraisal } = await report(0, STRICT_POLICY);
    expect(appraisal?.warnings.join('\n')).not.toContain('provisional');
  });
});
