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

import { equalBytes } from '@assay/encoding/bytes';
import { encodeHex } from '@assay/encoding/hex';
import { chainFrom } from '../../certificates/chain.ts';
import { verifyPath } from '../../certificates/path.ts';
import { NVIDIA_DEVICE_ROOTS } from '../../certificates/roots/nvidia.ts';
import { verifySignature } from '../../certificates/signature.ts';
import { resolveTrust } from '../../certificates/trust.ts';
import { readCertificate, type VerificationCache } from '../../certificates/verification-cache.ts';
import type { Certificate } from '../../certificates/x509.ts';
import { AttestationError } from '../../errors.ts';
import type { NvidiaDevice } from '../../evidence/nvidia/evidence-file.ts';
import { OPAQUE } from '../../evidence/nvidia/opaque.ts';
import type { Rim } from '../../evidence/nvidia/rim.ts';
import { after } from '../../model/checks-before.ts';
import type { NvidiaClaims, VerifiedClaims } from '../../model/claims.ts';
import type { VerifyOptions } from '../../model/verification.ts';
import { mint } from '../mint.ts';
import { deviceChecks, deviceClaims } from './claims.ts';
import { type DeviceCertificate, deviceCertificate, isDeviceCertificate } from './device-certificate.ts';
import { compareWithManifests } from './golden.ts';
import { revocationCheck } from './revocation.ts';

export interface DeviceInput {
  readonly device: NvidiaDevice;
  /** Certificates beside the evidence, any order. */
  readonly beside: readonly Certificate[];
  readonly rims: readonly Rim[];
  readonly options: VerifyOptions;
}

/**
 * Authenticates a device.
 * @throws {AttestationError} `nvidia/certificates-missing`, `nvidia/signature-invalid`, `nvidia/firmware-id-mismatch`,
 *   `nvidia/device-mismatch`, `nvidia/certificate-revoked`, `nvidia/rim-*`, and `certificate/*`.
 */
export async function verifyDevice({ device, beside, rims, options }: DeviceInput): Promise<VerifiedClaims<NvidiaClaims>> {
  const { now, trust, cache } = options;
  const own = device.certificates.map((der) => readCertificate(der, cache));
  const leaf = await signer(device, own.length > 0 ? own : beside, cache);
  const anchors = [...NVIDIA_DEVICE_ROOTS, ...resolveTrust(trust).anchors];
  const path = await verifyPath({ chain: chainFrom(leaf, [...own, ...beside]), anchors, now, cache });
  const identity = deviceCertificate(leaf);
  checkFirmwareId(device, identity);
  const architecture = checkProduct(device, identity);
  const [revocation, golden] = await after(deviceChecks(path), () =>
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
  const checks = [revocation, ...golden.checks, ...manifestChecks];
  return mint(deviceClaims({ device, leaf, identity, architecture, path, golden, checks }));
}

/** The device certificate whose key made the signature. */
async function signer(
  { spdm }: NvidiaDevice,
  certificates: readonly Certificate[],
  cache: VerificationCache | undefined,
): Promise<Certificate> {
  const candidates = certificates.filter(isDeviceCertificate);
  if (candidates.length === 0) {
    throw new AttestationError(
      'nvidia/certificates-missing',
      'expected the device certificate chain, got none; supply the PEM chain that came with the measurements',
    );
  }
  for (const candidate of candidates) {
    if (candidate.publicKey !== 'P-384') continue;
    const good = await verifySignature({
      spki: candidate.spki,
      algorithm: { name: 'ECDSA', hash: 'SHA-384' },
      signature: spdm.signature,
      message: spdm.signed,
      signatureForm: 'raw',
      cache,
    });
    if (good) return candidate;
  }
  throw new AttestationError('nvidia/signature-invalid', 'expected measurements signed by the device, got a bad signature');
}

/** Firmware that was replaced after the key was certified would show another id. Early drivers send none. */
function checkFirmwareId({ opaque }: NvidiaDevice, { firmwareId }: DeviceCertificate): void {
  const reported = opaque.get(OPAQUE.firmwareId);
  if (reported === undefined) return;
  if (firmwareId !== null && equalBytes(reported, firmwareId)) return;
  throw new AttestationError(
    'nvidia/firmware-id-mismatch',
    'expected the firmware id of the device certificate in the measurements, got another',
    { details: { certificate: firmwareId === null ? null : encodeHex(firmwareId), measurements: encodeHex(reported) } },
  );
}

/** `HOPPER`, `BLACKWELL`, `LS10`; `null` for chips this verifier does not know. */
function checkProduct(device: NvidiaDevice, { product }: DeviceCertificate): string | null {
  const architecture = architectureOf(product);
  const isSwitch = product?.startsWith('LS') === true;
  const declared = device.declaredArchitecture;
  if (isSwitch === (device.kind === 'switch') && (declared === null || architecture === null || declared === architecture)) {
    return architecture;
  }
  throw new AttestationError(
    'nvidia/device-mismatch',
    `expected measurements of a ${product ?? 'chip without a name'}, as the certificate says, got those of a ${declared ?? device.kind}`,
    { details: { product, kind: device.kind, declared } },
  );
}

function architectureOf(product: string | null): string | null {
  if (product?.startsWith('GH1') === true) return 'HOPPER';
  if (product?.startsWith('GB') === true) return 'BLACKWELL';
  return product === 'LS_10' || product === 'LS10' ? 'LS10' : null;
}
