/** Claims of evidence that is somebody's statement: tokens of verification services, commitments of vendors. */

import type { JsonObject } from '@assay/encoding/json';
import type { ClaimsOf } from './shape.ts';

/** Named as in the evidence the service looked at; those it states. */
export type TokenMeasurements = {
  readonly [Name in
    | 'mrenclave'
    | 'mrsigner'
    | 'mrtd'
    | 'rtmr0'
    | 'rtmr1'
    | 'rtmr2'
    | 'rtmr3'
    | 'mrseam'
    | 'mrsignerseam'
    | 'measurement'
    | 'host-data'
    | 'id-key-digest'
    | 'author-key-digest'
    | 'container-image-digest'
    | 'container-image-id']?: string;
};

export type TokenIdentity = {
  readonly [Name in
    | 'issuer'
    | 'subject'
    | 'audience'
    | 'hardware-model'
    | 'ueid'
    | 'driver-version'
    | 'vbios-version'
    | 'machine-id'
    | 'quote-hash'
    | 'product'
    | 'software']?: string;
};

export type TokenDetails = {
  readonly family: 'nras' | 'intel' | 'azure' | 'google' | 'proof-of-cloud' | 'ear';
  readonly keySource: string;
  /** The whole payload. */
  readonly claims: JsonObject;
  /** The claims which say that the TEE can be debugged. */
  readonly debugClaims: readonly string[];
  /** SEV-SNP: the privilege level that asked for the report. */
  readonly vmpl?: number;
};

/** An attestation token: the findings of a verification service. */
export interface TokenClaims extends ClaimsOf<'token', TokenMeasurements, TokenIdentity, TokenDetails> {}

/** A vendor's signed promise. Measurements are those it names. */
export interface VendorCommitmentClaims
  extends ClaimsOf<
    'vendor-commitment',
    Readonly<Record<string, string>>,
    { readonly vendor: string; readonly 'vendor-key': string },
    { readonly model: JsonObject | null; readonly terms: JsonObject | null; readonly assurance: 'low' }
  > {
  readonly debug: null;
  readonly issuedAt: number;
}
