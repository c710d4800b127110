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

export const SPDM = 'DMTF DSP0274 §10.11';

export interface DeviceClaimsInput {
  readonly device: NvidiaDevice;
  readonly leaf: Certificate;
  readonly identity: DeviceCertificate;
  readonly architecture: string | null;
  readonly path: VerifiedPath;
  readonly golden: Golden;
  /** What the steps returned. */
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
    checks: input.checks,
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

/** What an authentic device says of itself. */
export function deviceChecks({ opaque, declaredNonce, spdm }: NvidiaDevice): readonly Check[] {
  const mode = featureMode(opaque);
  const nonce = encodeHex(spdm.requestNonce);
  const shared =
    mode === null
      ? notChecked('nvidia.mode', 'NVIDIA opaque data field 36', 'the driver does not say how the device is shared')
      : pass('nvidia.mode', 'NVIDIA opaque data field 36', mode);
  if (declaredNonce === null) return [shared];
  const id = 'nvidia.declared-nonce';
  return [shared, declaredNonce === nonce ? pass(id, SPDM, nonce) : fail(id, SPDM, declaredNonce, nonce)];
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
