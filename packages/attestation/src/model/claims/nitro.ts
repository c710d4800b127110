/** Claims of AWS Nitro documents. Those of NitroTPM have the type `tpm`. */

import type { ClaimsOf } from './shape.ts';

/** `pcr0` to `pcr31`; locked registers only. */
export type NitroMeasurements = { readonly [register: `pcr${number}`]: string };

export type NitroDetails = {
  readonly digest: string;
  /** Leaf first; RFC 3339. */
  readonly certificates: readonly {
    readonly subject: string;
    readonly serial: string;
    readonly notBefore: string;
    readonly notAfter: string;
  }[];
  readonly anchor: string;
  readonly module: 'enclave' | 'tpm';
  /** Hashes that nitriding puts into the user data, hex. */
  readonly nitriding: { readonly tlsKeyHash: string; readonly appKeyHash: string } | null;
  readonly unknownFields: readonly string[];
};

/** An AWS Nitro attestation document of an enclave. */
export interface NitroClaims extends ClaimsOf<'nitro', NitroMeasurements, { readonly 'module-id': string }, NitroDetails> {
  readonly issuedAt: number;
}
