/** A standing that is not the best says which component, module or enclave is short of which level, and what raises it. */

import { FAKE_TEE_TCB_SVN, type FakeDcapOptions, fakeDcap, fakeSgxExtension, type LooseJson } from '@assay/testing';
import { expect, test } from 'vitest';
import type { VerificationResult } from '../../model/result.ts';
import { verify } from '../../verify.ts';

async function verified(options: FakeDcapOptions, status = 'UpToDate'): Promise<VerificationResult> {
  const { quote, endorsements, anchors, now } = await fakeDcap(options);
  return verify(quote, {
    now,
    endorsements,
    trust: { roots: anchors },
    policy: { version: 1, tcb: { statuses: [status] } },
  });
}

const svns = (...first: readonly number[]): Uint8Array => Uint8Array.of(...first, ...FAKE_TEE_TCB_SVN.slice(first.length));
const components = (index: number, svn: number) =>
  fakeSgxExtension({ components: new Array<number>(16).fill(5).with(index, svn) });
/** Names a component as Intel does. */
const labelled = (list: string, index: number, type: string, category: string) => (document: LooseJson) => {
  for (const level of document.tcbLevels) Object.assign(level.tcb[list][index], { type, category });
};

test.each<readonly [string, FakeDcapOptions, string]>([
  [
    'the TDX module',
    { body: (body) => body.set(svns(4), 0) },
    'TDX module TDX_03 SVN 4 is below 5 (level of 2026-01-01), raised by an update of the TDX module',
  ],
  [
    'a TDX component',
    { body: (body) => body.set(svns(5, 3, 1), 0) },
    'TDX component 3 SVN 1 is below 5 (level of 2026-01-01), raised by an update of the TDX module or the BIOS',
  ],
  [
    'a TDX component with a name',
    {
      body: (body) => body.set(svns(5, 3, 1), 0),
      tcbInfo: labelled('tdxtcbcomponents', 2, 'TDX Late Microcode Update', 'OS/VMM'),
    },
    "TDX component 3 (TDX Late Microcode Update, OS/VMM) SVN 1 is below 5 (level of 2026-01-01), raised by an update of the host's operating system or VMM",
  ],
  [
    'an SGX component',
    { sgxExtension: components(6, 2) },
    'SGX component 7 SVN 2 is below 5 (level of 2026-01-01), raised by an update of the BIOS or microcode',
  ],
  [
    'an SGX component of the BIOS',
    { sgxExtension: components(0, 2), tcbInfo: labelled('sgxtcbcomponents', 0, 'Early Microcode Update', 'BIOS') },
    'SGX component 1 (Early Microcode Update, BIOS) SVN 2 is below 5 (level of 2026-01-01), raised by an update of the BIOS',
  ],
  [
    'an SGX component of an enclave',
    { tee: 'sgx', sgxExtension: components(15, 1) },
    'SGX component 16 SVN 1 is below 5 (level of 2026-01-01), raised by an update of the BIOS or microcode',
  ],
  [
    'the PCE',
    { sgxExtension: fakeSgxExtension({ pceSvn: 5 }) },
    'PCE SVN 5 is below 13 (level of 2026-01-01), raised by an update of the SGX platform software',
  ],
  [
    'the quoting enclave',
    { qeReport: (report) => report.set([4], 258) },
    'quoting enclave SVN 4 is below 8 (level of 2026-01-01), raised by an update of the SGX platform software',
  ],
])('%s', async (_, options, reason) => {
  const result = await verified(options);
  expect(result.tcb).toMatchObject({ status: 'OutOfDate', reason });
  expect(result.checks.find(({ id }) => id === 'policy.tcb-status')).toMatchObject({
    outcome: 'fail',
    actual: `OutOfDate: ${reason}`,
  });
  expect(result.appraisal?.warnings.join('\n'), 'the check says it').not.toContain(reason);
  const accepted = await verified(options, 'OutOfDate');
  expect(accepted.appraisal?.warnings.join('\n'), 'no check says it').toContain(reason);
});

test('a platform below every level and a revoked one are named too', async () => {
  const below = await verified({ body: (body) => body.set(svns(1), 0) });
  expect(below.checks.find(({ id }) => id === 'dcap.tcb-level')?.actual).toContain('TDX module TDX_03 SVN 1 is below 5');
  const revoked = await verified({
    sgxExtension: fakeSgxExtension({ pceSvn: 5 }),
    tcbInfo: (document) => Object.assign(document.tcbLevels[1], { tcbStatus: 'Revoked' }),
  });
  expect([revoked.outcome, revoked.error?.code]).toEqual(['not-authentic', 'dcap/tcb-revoked']);
  expect(revoked.error?.message).toContain('PCE SVN 5 is below 13');
});

test('settings and software are no matter of versions, and an up-to-date platform has no reason', async () => {
  const configured = await verified({
    tcbInfo: (document) => Object.assign(document.tcbLevels[0], { tcbStatus: 'ConfigurationNeeded' }),
  });
  expect(configured.tcb?.reason).toBe('the BIOS settings must be changed as the advisories say');
  expect((await verified({})).tcb).not.toHaveProperty('reason');
});
