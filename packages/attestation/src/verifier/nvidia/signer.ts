/**
 * Which device certificate's key signed the measurements. Certificates come from the sender, and every signature check of P-384 takes half a
 * millisecond, so candidates are narrowed by what ties a certificate to a device (firmware id, chip) before any signature is checked, each key
 * is tried once, and the number of tries is bounded: for a device, and for all devices of one piece of evidence.
 *
 * Not checked here: who issued the certificate.
 */

import { equalBytes } from '@assay/encoding/bytes';
import { encodeHex } from '@assay/encoding/hex';
import { verifySignature } from '../../certificates/signature.ts';
import type { VerificationCache } from '../../certificates/verification-cache.ts';
import type { Certificate } from '../../certificates/x509.ts';
import { AttestationError } from '../../errors.ts';
import type { NvidiaDevice } from '../../evidence/nvidia/evidence-file.ts';
import { OPAQUE } from '../../evidence/nvidia/opaque.ts';
import { type Check, pass } from '../../model/check.ts';
import { valueOr } from '../../value-or.ts';
import { SPDM } from './claims.ts';
import { type DeviceCertificate, deviceCertificate, isDeviceCertificate } from './device-certificate.ts';

/** Keys tried for one device; a machine has at most 16. */
const MAX_CANDIDATES = 64;
/** Keys tried for all devices of one piece of evidence; a rack has 72 GPUs, each with its own chain. */
const MAX_CHECKS = 512;

/** A device certificate, and what it says of its device; `null` where its extensions are broken. */
export interface DeviceLeaf {
  readonly certificate: Certificate;
  readonly identity: DeviceCertificate | null;
}

/** The device certificates among `certificates`, one for each key. */
export function deviceLeaves(certificates: readonly Certificate[]): readonly DeviceLeaf[] {
  const byKey = new Map<string, Certificate>();
  for (const certificate of certificates.filter(isDeviceCertificate)) {
    const key = encodeHex(certificate.spki);
    if (!byKey.has(key)) byKey.set(key, certificate);
  }
  return [...byKey.values()].map((certificate) => ({ certificate, identity: identityOf(certificate) }));
}

/** The signature checks that are left for one piece of evidence. */
export class CheckBudget {
  #left = MAX_CHECKS;

  /** @throws {AttestationError} `endorsements/too-large`. */
  take(checks: number): void {
    if (checks > MAX_CANDIDATES) throw tooMany(`${MAX_CANDIDATES} device certificates that fit one device`, String(checks));
    if (checks > this.#left) throw tooMany(`${MAX_CHECKS} device certificates that fit all devices`, 'more');
    this.#left -= checks;
  }
}

export interface SignerInput {
  readonly device: NvidiaDevice;
  readonly leaves: readonly DeviceLeaf[];
  readonly budget: CheckBudget;
  readonly cache: VerificationCache | undefined;
}

/**
 * The device certificate whose key made the signature.
 * @throws {AttestationError} `nvidia/certificates-missing`, `nvidia/signature-invalid`, `endorsements/too-large`.
 */
export async function signer(input: SignerInput): Promise<{ readonly leaf: Certificate; readonly check: Check }> {
  const { device, leaves, budget, cache } = input;
  if (leaves.length === 0) {
    throw new AttestationError(
      'nvidia/certificates-missing',
      'expected the device certificate chain, got none; supply the PEM chain that came with the measurements',
    );
  }
  const candidates = candidatesFor(device, leaves);
  budget.take(candidates.length);
  for (const candidate of candidates) {
    const good = await verifySignature({
      spki: candidate.spki,
      algorithm: { name: 'ECDSA', hash: 'SHA-384' },
      signature: device.spdm.signature,
      message: device.spdm.signed,
      signatureForm: 'raw',
      candidates: candidates.length,
      cache,
    });
    if (good) return { leaf: candidate, check: pass('nvidia.signature', SPDM, 'ecdsa p-384 over request and response') };
  }
  throw new AttestationError(
    'nvidia/signature-invalid',
    'expected measurements signed by the device, got a bad signature; they were changed',
  );
}

/** Certificates that fit the device; where none fits all of them, so that the error can say what does not. */
function candidatesFor(device: NvidiaDevice, leaves: readonly DeviceLeaf[]): readonly Certificate[] {
  const able = leaves.filter(({ certificate }) => certificate.publicKey === 'P-384');
  const fitting = able.filter(
    ({ identity }) => identity !== null && firmwareFits(device, identity) && chipFits(device, identity),
  );
  return (fitting.length > 0 ? fitting : able).map(({ certificate }) => certificate);
}

/** True also for early drivers, which report no firmware id. */
export function firmwareFits({ opaque }: NvidiaDevice, { firmwareId }: DeviceCertificate): boolean {
  const reported = opaque.get(OPAQUE.firmwareId);
  return reported === undefined || (firmwareId !== null && equalBytes(reported, firmwareId));
}

/** Kind and declared architecture of the device agree with the chip in the certificate. */
export function chipFits({ kind, declaredArchitecture }: NvidiaDevice, { product }: DeviceCertificate): boolean {
  const architecture = architectureOf(product);
  const isSwitch = product?.startsWith('LS') === true;
  if (isSwitch !== (kind === 'switch')) return false;
  return declaredArchitecture === null || architecture === null || declaredArchitecture === architecture;
}

/** `HOPPER`, `BLACKWELL`, `LS10`; `null` for chips this verifier does not know. */
export function architectureOf(product: string | null): string | null {
  if (product?.startsWith('GH1') === true) return 'HOPPER';
  if (product?.startsWith('GB') === true) return 'BLACKWELL';
  return product === 'LS_10' || product === 'LS10' ? 'LS10' : null;
}

function identityOf(certificate: Certificate): DeviceCertificate | null {
  return valueOr(() => deviceCertificate(certificate), null);
}

function tooMany(most: string, got: string): AttestationError {
  return new AttestationError(
    'endorsements/too-large',
    `expected at most ${most}, got ${got}; give each device its own chain, or the companions of this evidence only`,
  );
}
