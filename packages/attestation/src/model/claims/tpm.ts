/** Claims of TPM quotes and NitroTPM documents. */

import type { NitroDetails } from './nitro.ts';
import type { ClaimsOf } from './shape.ts';

/** `pcr0` …; with several banks `sha256-pcr0` …; of NitroTPM `nitrotpm-pcr0` …. */
export type TpmMeasurements = {
  readonly 'pcr-digest'?: string;
  readonly [register: `pcr${number}` | `${string}-pcr${number}`]: string;
};

/** A TPM quote has a key and a firmware version, a NitroTPM document a module. */
export type TpmIdentity = {
  /** SHA-256 of the key's DER SubjectPublicKeyInfo. */
  readonly 'attestation-key'?: string;
  readonly 'firmware-version'?: string;
  readonly 'module-id'?: string;
};

export type TpmQuoteDetails = {
  /** Milliseconds since the TPM was made, decimal. */
  readonly clock: string;
  readonly clockSafe: boolean;
  readonly resetCount: number;
  readonly restartCount: number;
  readonly selections: readonly { readonly bank: string; readonly indexes: readonly number[] }[];
  readonly qualifiedSigner: string;
};

/** A TPM quote, or a NitroTPM document (`details.module`). */
export interface TpmClaims extends ClaimsOf<'tpm', TpmMeasurements, TpmIdentity, TpmQuoteDetails | NitroDetails> {
  readonly debug: null;
}
