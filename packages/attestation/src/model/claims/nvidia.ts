/** Claims of NVIDIA GPUs, switches and reference manifests. */

import type { ClaimsOf } from './shape.ts';

/** By NVIDIA's numbering: the SPDM index minus one. */
export type NvidiaMeasurements = { readonly [index: `measurement-${number}`]: string };

/** Absent members were not stated by the device. Empty where several devices are parts. */
export type NvidiaIdentity = {
  /** `HOPPER`, `BLACKWELL`, `LS10`. */
  readonly architecture?: string;
  readonly product?: string;
  readonly 'serial-number'?: string;
  readonly ueid?: string;
  readonly 'hardware-model'?: string;
  readonly 'driver-version'?: string;
  readonly 'vbios-version'?: string;
  readonly 'firmware-id'?: string;
  readonly pdi?: string;
};

export type NvidiaDeviceDetails = {
  readonly architecture: string | null;
  /** `spt`, `mpt`, `ppcie`. */
  readonly mode: string | null;
  readonly responseNonce: string;
  /** Names of the device's manifests in NVIDIA's RIM service. */
  readonly rimIds: { readonly driver: string | null; readonly vbios: string | null };
  /** Opaque data: type → hex. */
  readonly opaque: Readonly<Record<string, string>>;
  /** Bytes after the signature. */
  readonly padding: number;
};

/** Several devices, each of which is a submodule. */
export type NvidiaDevicesDetails = { readonly devices: number };

/** NVIDIA GPUs or switches: one device, or several as submodules. */
export interface NvidiaClaims
  extends ClaimsOf<
    'nvidia-gpu' | 'nvidia-switch',
    NvidiaMeasurements,
    NvidiaIdentity,
    NvidiaDeviceDetails | NvidiaDevicesDetails
  > {
  /** `false` only when every golden measurement matched. */
  readonly debug: false | null;
}

/** A reference integrity manifest: what firmware should be, never what a device runs. */
export interface NvidiaRimClaims
  extends ClaimsOf<
    'nvidia-rim',
    Readonly<Record<never, string>>,
    { readonly product: string; readonly version: string; readonly subject: 'driver' | 'vbios'; readonly 'tag-id': string },
    {
      readonly manufacturer: string | null;
      readonly measurements: readonly { readonly index: number; readonly name: string; readonly values: readonly string[] }[];
      readonly activeMeasurements: number;
    }
  > {
  readonly debug: null;
}
