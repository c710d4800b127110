/**
 * NVIDIA GPUs (Hopper, Blackwell) and NVSwitches (LS10): one device gives its own claims, several give a parent whose submodules
 * are `gpu-0`, `gpu-1`, `switch-0` … in file order. Every device is verified by itself (device.ts); the parent adds that they are
 * different devices that answered one nonce.
 * Not proved: that the devices are in one machine, or attached to any CPU TEE.
 */

import { encodeHex } from '@assay/encoding/hex';
import { readCertificate, type VerificationCache } from '../../certificates/verification-cache.ts';
import type { Certificate } from '../../certificates/x509.ts';
import { type NvidiaEvidence, type NvidiaKind, nvidiaKindOf } from '../../evidence/nvidia/evidence-file.ts';
import { parseRim, type Rim } from '../../evidence/nvidia/rim.ts';
import { type Check, fail, pass } from '../../model/check.ts';
import { checksOfParts, withChecksBefore } from '../../model/checks-before.ts';
import type { NvidiaClaims, VerifiedClaims } from '../../model/claims.ts';
import type { Endorsements } from '../../model/endorsements.ts';
import type { VerifyOptions } from '../../model/verification.ts';
import { companionFault } from '../companion-fault.ts';
import { mint } from '../mint.ts';
import { CPU_BINDING } from './claims.ts';
import { verifyDevice } from './device.ts';
import { CheckBudget, deviceLeaves } from './signer.ts';

/**
 * Authenticates all devices of one piece of evidence.
 * @throws {AttestationError} those of {@link verifyDevice} for the first device that is not authentic; `nvidia/rim-malformed` and
 *   `nvidia/rim-signature-unsupported` for a broken manifest among the endorsements.
 * @example
 * const claims = await verifyNvidia(evidence, { now, endorsements });
 * const gpu = claims.submodules['gpu-3'];
 * if (gpu?.type === 'nvidia-gpu') console.log(gpu.identity['driver-version']);
 */
export async function verifyNvidia(evidence: NvidiaEvidence, options: VerifyOptions): Promise<VerifiedClaims<NvidiaClaims>> {
  const { endorsements = [], cache } = options;
  const beside = readableCertificates(endorsements, cache);
  const { rims, fault } = readManifests(endorsements);
  const shared = { beside, leavesBeside: deviceLeaves(beside), budget: new CheckBudget(), rims, options };
  const byAnswer = new Map<string, VerifiedClaims<NvidiaClaims>>();
  const counts = { gpu: 0, switch: 0 };
  const submodules: Record<string, VerifiedClaims<NvidiaClaims>> = {};
  for (const device of evidence.devices) {
    const name = `${device.kind}-${counts[device.kind]++}`;
    const answer = encodeHex(device.spdm.signed) + encodeHex(device.spdm.signature);
    try {
      // The same answer of a device again costs nothing, and the check of different devices fails.
      const claims = byAnswer.get(answer) ?? (await verifyDevice({ device, ...shared }));
      byAnswer.set(answer, claims);
      submodules[name] = claims;
    } catch (error) {
      throw evidence.devices.length === 1 ? error : withChecksBefore(error, checksOfParts(submodules), `${name}/`);
    }
  }
  const all = Object.values(submodules);
  // A manifest that cannot be read counts only where one is missing.
  if (fault !== null && all.some(lacksManifest)) throw companionFault(fault, 'a reference manifest (RIM)');
  const [first] = all;
  return all.length === 1 && first !== undefined ? first : parentOf(nvidiaKindOf(evidence), submodules);
}

function readManifests(endorsements: Endorsements): { readonly rims: readonly Rim[]; readonly fault: unknown } {
  const rims: Rim[] = [];
  let fault: unknown = null;
  for (const each of endorsements) {
    if (each.kind !== 'rim') continue;
    try {
      rims.push(parseRim(each.xml));
    } catch (error) {
      fault ??= error;
    }
  }
  return { rims, fault };
}

function lacksManifest({ checks }: VerifiedClaims): boolean {
  return checks.some(({ id, outcome }) => outcome === 'not-checked' && /^nvidia\.rim-(driver|vbios)$/.test(id));
}

function readableCertificates(endorsements: Endorsements, cache: VerificationCache | undefined): readonly Certificate[] {
  return endorsements.flatMap((each) => {
    if (each.kind !== 'certificate') return [];
    try {
      return [readCertificate(each.der, cache)];
    } catch {
      return [];
    }
  });
}

function parentOf(
  kind: NvidiaKind,
  submodules: Readonly<Record<string, VerifiedClaims<NvidiaClaims>>>,
): VerifiedClaims<NvidiaClaims> {
  const all = Object.values(submodules);
  const nonces = new Set(all.map(({ bindings }) => bindings.nonce));
  const [nonce = null] = nonces;
  return mint({
    type: kind === 'gpu' ? 'nvidia-gpu' : 'nvidia-switch',
    simulated: all.some(({ simulated }) => simulated),
    debug: all.every(({ debug }) => debug === false) ? false : null,
    measurements: {},
    bindings: { reportData: null, nonce: nonces.size === 1 ? nonce : null, userData: null, publicKey: null },
    identity: {},
    tcb: null,
    issuedAt: null,
    validity: {
      notBefore: Math.max(...all.map(({ validity }) => validity.notBefore)),
      notAfter: Math.min(...all.map(({ validity }) => validity.notAfter)),
    },
    root: all[0]?.root ?? '',
    checks: [distinctCheck(all), nonceCheck(nonces.size, all.length), CPU_BINDING],
    submodules,
    details: { devices: all.length },
  });
}

/** One device shown twice would make a machine look larger than it is. */
function distinctCheck(all: readonly VerifiedClaims<NvidiaClaims>[]): Check {
  const distinct = new Set(all.map(({ identity }) => identity.ueid)).size;
  const id = 'nvidia.distinct-devices';
  const [expected, actual] = [`${all.length} different devices`, `${distinct} different devices`];
  return distinct === all.length ? pass(id, 'Assay', actual, expected) : fail(id, 'Assay', expected, actual);
}

function nonceCheck(distinct: number, devices: number): Check {
  const id = 'nvidia.common-nonce';
  if (distinct === 1) return pass(id, 'Assay', `one nonce for ${devices} devices`);
  return fail(id, 'Assay', `one nonce for ${devices} devices`, `${distinct} nonces`);
}
