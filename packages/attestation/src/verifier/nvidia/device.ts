/**
 * One NVIDIA device. Proves: the measurements were signed by a key of a genuine NVIDIA device, for the request that carries this
 * nonce, by the firmware its certificate names. In order:
 *   1. a device certificate whose key made the signature over request ‖ response
 *   2. its path to the pinned device root at `now`            3. OCSP answers at hand
 *   4. firmware id in the measurements = in the certificate   5. chip and declared architecture agree
 *   6. golden measurements of the manifests at hand (data, not an error)
 * Not proved: which machine the device sits in, or that this CPU TEE uses it.
 * Sources: DMTF DSP0274 1.1.0 §10.11; NVIDIA nvtrust and attestation-sdk.
 */

import { encodeHex } from '@assay/encoding/hex';
import { chainFrom } from '../../certificates/chain.ts';
import { type VerifiedPath, verifyPath } from '../../certificates/path.ts';
import { NVIDIA_DEVICE_ROOTS } from '../../certificates/roots/nvidia.ts';
import { resolveTrust } from '../../certificates/trust.ts';
import { readCertificate } from '../../certificates/verification-cache.ts';
import type { Certificate } from '../../certificates/x509.ts';
import { AttestationError } from '../../errors.ts';
import type { NvidiaDevice } from '../../evidence/nvidia/evidence-file.ts';
import { OPAQUE } from '../../evidence/nvidia/opaque.ts';
import type { Rim } from '../../evidence/nvidia/rim.ts';
import { type Check, notChecked, pass } from '../../model/check.ts';
import { after } from '../../model/checks-before.ts';
import type { NvidiaClaims, VerifiedClaims } from '../../model/claims.ts';
import type { VerifyOptions } from '../../model/verification.ts';
import { mint } from '../mint.ts';
import { CPU_BINDING, deviceChecks, deviceClaims } from './claims.ts';
import { type DeviceCertificate, deviceCertificate } from './device-certificate.ts';
import { compareWithManifests } from './golden.ts';
import { revocationCheck } from './revocation.ts';
import { architectureOf, type CheckBudget, chipFits, type DeviceLeaf, deviceLeaves, firmwareFits, signer } from './signer.ts';

export interface DeviceInput {
  readonly device: NvidiaDevice;
  /** Certificates beside the evidence, any order. */
  readonly beside: readonly Certificate[];
  /** The device certificates among them, for devices without a chain of their own. */
  readonly leavesBeside: readonly DeviceLeaf[];
  readonly budget: CheckBudget;
  readonly rims: readonly Rim[];
  readonly options: VerifyOptions;
}

/**
 * Authenticates a device.
 * @throws {AttestationError} `nvidia/certificates-missing`, `nvidia/signature-invalid`, `nvidia/firmware-id-mismatch`,
 *   `nvidia/device-mismatch`, `nvidia/certificate-revoked`, `nvidia/rim-*`, `endorsements/too-large`, and `certificate/*`.
 */
export async function verifyDevice(input: DeviceInput): Promise<VerifiedClaims<NvidiaClaims>> {
  const { device, beside, rims, options } = input;
  const { now, trust, cache } = options;
  const own = device.certificates.map((der) => readCertificate(der, cache));
  const leaves = own.length > 0 ? deviceLeaves(own) : input.leavesBeside;
  const { leaf, check } = await signer({ device, leaves, budget: input.budget, cache });
  const anchors = [...NVIDIA_DEVICE_ROOTS, ...resolveTrust(trust).anchors];
  const path = await verifyPath({ chain: chainFrom(leaf, [...own, ...beside]), anchors, now, cache });
  const identity = deviceCertificate(leaf);
  const firmware = checkFirmwareId(device, identity);
  const architecture = checkProduct(device, identity);
  const signed = [check, pathCheck(path)];
  const [revocation, golden] = await after(signed, () =>
    Promise.all([
      revocationCheck({ id: 'nvidia.revocation-device', path, anchors, options }),
      compareWithManifests(device, identity.product, rims, { now, trust, cache }),
    ]),
  );
  const manifestChecks = await Promise.all(
    golden.manifests.map((manifest) =>
      revocationCheck({
        id: `nvidia.revocation-rim-${manifest.rim.subject}`,
        path: manifest.path,
        anchors: [manifest.path.anchor],
        options,
      }),
    ),
  );
  const compared = [revocation, ...golden.checks, ...manifestChecks];
  const checks = [...signed, firmware, ...deviceChecks(device), ...compared, CPU_BINDING];
  return mint(deviceClaims({ device, leaf, identity, architecture, path, golden, checks }));
}

function pathCheck({ chain, anchor }: VerifiedPath): Check {
  return pass('nvidia.certificate-path', 'RFC 5280 §6.1', `${chain.length} certificates to ${anchor.name}`);
}

/** Firmware that was replaced after the key was certified would show another id. Early drivers send none. */
function checkFirmwareId(device: NvidiaDevice, identity: DeviceCertificate): Check {
  const [id, spec] = ['nvidia.firmware-id', 'TCG DICE §6.1'];
  const { firmwareId } = identity;
  const reported = device.opaque.get(OPAQUE.firmwareId);
  if (reported === undefined) return notChecked(id, spec, 'the driver reports no firmware id');
  if (firmwareId !== null && firmwareFits(device, identity)) return pass(id, spec, encodeHex(firmwareId));
  throw new AttestationError(
    'nvidia/firmware-id-mismatch',
    'expected the firmware id of the device certificate in the measurements, got another',
    { details: { certificate: firmwareId === null ? null : encodeHex(firmwareId), measurements: encodeHex(reported) } },
  );
}

/** `HOPPER`, `BLACKWELL`, `LS10`; `null` for chips this verifier does not know. */
function checkProduct(device: NvidiaDevice, identity: DeviceCertificate): string | null {
  const { product } = identity;
  if (chipFits(device, identity)) return architectureOf(product);
  const { kind, declaredArchitecture: declared } = device;
  throw new AttestationError(
    'nvidia/device-mismatch',
    `expected measurements of a ${product ?? 'chip without a name'}, as the certificate says, got those of a ${declared ?? kind}`,
    { details: { product, kind, declared } },
  );
}
