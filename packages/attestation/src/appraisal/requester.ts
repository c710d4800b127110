/**
 * Who asked for this SEV-SNP report? A guest asks at its privilege level, 0 to 3. The host can ask for reports of any guest with report
 * data of its choice (VMPL 0xFFFFFFFF), so such a report shows what runs and proves nothing about who speaks.
 * Source: AMD 56860 §7.3, VMPL; tokens repeat the level.
 */

import { fail, notChecked, pass } from '../model/check.ts';
import { type PartQuestion, POLICY_SPEC } from './question.ts';

const ID = 'policy.requester';
const SPEC = `${POLICY_SPEC} hostRequested`;
const GUEST = 'the guest, at VMPL 0 to 3';
const HOST_VMPL = 0xffff_ffff;
const LOWEST_VMPL = 3;

export const askRequester: PartQuestion = ({ type, details: { vmpl } }, { policy }) => {
  if ((type !== 'sev-snp' && type !== 'token') || typeof vmpl !== 'number') return [];
  if (vmpl === HOST_VMPL) {
    return policy.hostRequested === 'refuse'
      ? [fail(ID, SPEC, GUEST, 'the host, at VMPL 0xFFFFFFFF')]
      : [notChecked(ID, SPEC, 'the host asked for this report, at VMPL 0xFFFFFFFF')];
  }
  return Number.isInteger(vmpl) && vmpl >= 0 && vmpl <= LOWEST_VMPL
    ? [pass(ID, SPEC, `the guest, at VMPL ${vmpl}`, GUEST)]
    : [fail(ID, SPEC, GUEST, `VMPL ${vmpl}, which no guest has`)];
};

/** The warning where the policy lets such a report pass. */
export const HOST_REQUESTED =
  'the host asked for this report (VMPL 0xFFFFFFFF), not the guest: it shows what runs, and proves nothing about who speaks.';

/** True when the host asked for the report. */
export function isHostRequested({ vmpl }: Readonly<Record<string, unknown>>): boolean {
  return vmpl === HOST_VMPL;
}
