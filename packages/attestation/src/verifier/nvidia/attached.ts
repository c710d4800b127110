/**
 * GPUs whose evidence travels with that of a CPU TEE, as Assay's own agents send it (spec/keyset.md §3): every GPU answers the digest of the
 * statement that stands in the CPU's report data. Proves that both answered for one keyset and one nonce; not that they are one machine.
 */

import { loadedPart } from '@assay/encoding/loaded-part';
import type { NvidiaEvidence } from '../../evidence/nvidia/evidence-file.ts';
import { type Check, fail, pass } from '../../model/check.ts';
import { after } from '../../model/checks-before.ts';
import type { VerifiedClaims } from '../../model/claims.ts';
import type { VerifyOptions } from '../../model/verification.ts';
import { mint } from '../mint.ts';

const SPEC = 'spec/keyset.md §3';

/**
 * The CPU's claims with its GPUs as submodules `gpu-0`, `gpu-1`, …, and the check `nvidia.statement`.
 * @param statement lower-case hex of the 32 bytes that every GPU must have answered.
 * @throws {AttestationError} those of `verifyNvidia`; `part/unavailable`.
 * @example const claims = await attachGpus(cpu, { gpus, statement: encodeHex(digest) }, { now, endorsements })
 */
export async function attachGpus<Of extends VerifiedClaims>(
  cpu: Of,
  { gpus, statement }: { readonly gpus: NvidiaEvidence; readonly statement: string },
  options: VerifyOptions,
): Promise<Of> {
  const { verifyNvidia } = await loadedPart('NVIDIA evidence', () => import('./nvidia-evidence.ts'));
  const verified = await after(cpu.checks, () => verifyNvidia(gpus, options));
  const several = Object.keys(verified.submodules).length > 0;
  const devices: Readonly<Record<string, VerifiedClaims>> = several ? verified.submodules : { 'gpu-0': verified };
  const together = several ? verified.checks : [];
  return mint({
    ...cpu,
    simulated: cpu.simulated || verified.simulated,
    validity: {
      notBefore: Math.max(cpu.validity.notBefore, verified.validity.notBefore),
      notAfter: Math.min(cpu.validity.notAfter, verified.validity.notAfter),
    },
    checks: [...cpu.checks, answered(devices, statement), ...together],
    submodules: { ...cpu.submodules, ...devices },
  }) as Of;
}

function answered(devices: Readonly<Record<string, VerifiedClaims>>, statement: string): Check {
  const others = Object.values(devices).filter(({ bindings }) => bindings.nonce !== statement);
  const actual = others.map(({ bindings }) => bindings.nonce ?? 'none').join(', ');
  return others.length === 0 ? pass('nvidia.statement', SPEC, statement) : fail('nvidia.statement', SPEC, statement, actual);
}
