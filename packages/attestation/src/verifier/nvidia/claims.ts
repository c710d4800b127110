/**
 * What an authentic NVIDIA device says, as claims. Measurements are named `measurement-0` … by NVIDIA's numbering (SPDM index
 * minus one). `debug` is `false` only when every golden measurement matched: the evidence itself cannot say.
 *
 * `details` (JSON-safe): architecture, mode (`spt`, `mpt`, `ppcie`), responseNonce, rimIds {driver, vbios}, opaque (type → hex),
 * padding.
 */

import { encodeHex } from '@assay/encoding/hex';
import { anchorDigest } from '../../certificates/anchor.ts';
import type { VerifiedPath } from '../../certificates/path.ts';
import type { Certificate } from '../../certificates/x509.ts';
import type { NvidiaDevice } from '../../evidence/nvidia/evidence-file.ts';
import { featureMode, OPAQUE, opaqueText, vbiosVersion } from '../../evidence/nvidia/opaque.ts';
import { type Check, fail, notChecked, pass } from '../../model/check.ts';
import type { NvidiaClaims, NvidiaDeviceDetails, NvidiaIdentity } from '../../model/claims.ts';
import type { DeviceCertificate } from './device-certificate.ts';
import type { Golden } from './golden.ts';

const SPDM = 'DMTF DSP0274 §10.11';

export interface DeviceClaimsInput {
  readonly device: NvidiaDevice;
  readonly leaf: Certificate;
  readonly identity: DeviceCertificate;
  readonly architecture: string | null;
  readonly path: VerifiedPath;
  readonly golden: Golden;
  /** Revocation and golden measurements. */
  readonly checks: readonly Check[];
}

/** Claims of a device whose signature and path were verified. */
export function deviceClaims(input: DeviceClaimsInput): NvidiaClaims {
  const { device, path, golden } = input;
  const windows = [path, ...golden.manifests.map((manifest) => manifest.path)];
  return {
    type: device.kind === 'gpu' ? 'nvidia-gpu' : 'nvidia-switch',
    simulated: windows.some(({ anchor }) => anchor.simulated),
    debug: golden.allMatch ? false : null,
    measurements: Object.fromEntries(
      device.spdm.measurements.map(({ index, value }) => [`measurement-${index - 1}`, encodeHex(value)]),
    ),
    bindings: { reportData: null, nonce: encodeHex(device.spdm.requestNonce), userData: null, publicKey: null },
    identity: identityOf(input),
    tcb: null,
    issuedAt: null,
    validity: {
      notBefore: Math.max(...windows.map(({ notBefore }) => notBefore)),
      notAfter: Math.min(...windows.map(({ notAfter }) => notAfter)),
    },
    root: anchorDigest(path.anchor),
    checks: checksOf(input),
    submodules: {},
    details: detailsOf(input),
  };
}

function identityOf({ device, leaf, identity, architecture }: DeviceClaimsInput): NvidiaIdentity {
  const { opaque, kind } = device;
  const pdi = kind === 'switch' ? opaque.get(OPAQUE.pdi) : undefined;
  const named: Readonly<Record<string, string | null>> = {
    architecture,
    product: identity.product,
    'serial-number': identity.serial,
    ueid: BigInt(`0x${leaf.serial}`).toString(),
    'hardware-model': /(?:^|,)CN=([^,]*)/.exec(leaf.issuerText)?.[1] ?? null,
    'driver-version': opaqueText(opaque, OPAQUE.driverVersion),
    'vbios-version': vbiosVersion(opaque, kind),
    'firmware-id': identity.firmwareId === null ? null : encodeHex(identity.firmwareId),
    pdi: pdi === undefined ? null : encodeHex(pdi),
  };
  return Object.fromEntries(Object.entries(named).filter((entry): entry is [string, string] => entry[1] !== null));
}

function checksOf({ device, identity, path, checks }: DeviceClaimsInput): readonly Check[] {
  const { opaque, declaredNonce, spdm } = device;
  const mode = featureMode(opaque);
  const nonce = encodeHex(spdm.requestNonce);
  const own: Check[] = [
    ...deviceChecks(path),
    opaque.has(OPAQUE.firmwareId) && identity.firmwareId !== null
      ? pass('nvidia.firmware-id', 'TCG DICE §6.1', encodeHex(identity.firmwareId))
      : notChecked('nvidia.firmware-id', 'TCG DICE §6.1', 'the driver reports no firmware id'),
    mode === null
      ? notChecked('nvidia.mode', 'NVIDIA opaque data field 36', 'the driver does not say how the device is shared')
      : pass('nvidia.mode', 'NVIDIA opaque data field 36', mode),
  ];
  if (declaredNonce !== null) {
    const id = 'nvidia.declared-nonce';
    own.push(declaredNonce === nonce ? pass(id, SPDM, nonce) : fail(id, SPDM, declaredNonce, nonce));
  }
  return [...own, ...checks, CPU_BINDING];
}

/** True of every NVIDIA report: nothing in it names a CPU. */
export const CPU_BINDING: Check = notChecked(
  'nvidia.cpu-binding',
  'Assay LIMITATIONS',
  'a genuine device is not thereby attached to this cpu tee; the cpu evidence must commit to this evidence to show that',
);

function detailsOf({ device, architecture, identity }: DeviceClaimsInput): NvidiaDeviceDetails {
  return {
    architecture,
    mode: featureMode(device.opaque),
    responseNonce: encodeHex(device.spdm.responseNonce),
    rimIds: rimIds(device, architecture, identity),
    opaque: Object.fromEntries([...device.opaque].map(([type, value]) => [String(type), encodeHex(value)])),
    padding: device.spdm.padding,
  };
}

/** Names under which NVIDIA's RIM service keeps the manifests of this device. */
function rimIds(
  { kind, opaque }: NvidiaDevice,
  architecture: string | null,
  { product }: DeviceCertificate,
): NvidiaDeviceDetails['rimIds'] {
  const vbios = vbiosVersion(opaque, kind)?.replaceAll('.', '') ?? null;
  if (kind === 'switch') return { driver: null, vbios: vbios === null ? null : `NV_SWITCH_BIOS_5612_0002_890_${vbios}` };
  const driver = opaqueText(opaque, OPAQUE.driverVersion);
  const chip = opaqueText(opaque, OPAQUE.chip) ?? product;
  const prefix = architecture === 'HOPPER' ? 'NV_GPU_DRIVER_GH100' : `NV_GPU_CC_DRIVER_${chip}`;
  const board = [OPAQUE.project, OPAQUE.projectSku, OPAQUE.chipSku].map((type) => opaqueText(opaque, type));
  return {
    driver: driver === null ? null : `${prefix}_${driver}`,
    vbios: vbios === null || board.includes(null) ? null : `NV_GPU_VBIOS_${board.join('_')}_${vbios}`,
  };
}

/** Those of the device's own signature and certificates. */
export function deviceChecks({ chain, anchor }: VerifiedPath): readonly Check[] {
  return [
    pass('nvidia.signature', SPDM, 'ecdsa p-384 over request and response'),
    pass('nvidia.certificate-path', 'RFC 5280 §6.1', `${chain.length} certificates to ${anchor.name}`),
  ];
}
