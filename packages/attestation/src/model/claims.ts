/**
 * What authentic evidence says, typed for every TEE (RATS: the claims set). Parsed values are *claims made by bytes*;
 * {@link VerifiedClaims} are claims whose signature chains to a trusted root at the given time. Only `verifier/` can mint them.
 * `claims.type` narrows to the claims of one TEE, `claims/`.
 *
 * Not decided here: whether a relying party wants these claims. That is appraisal/.
 */

import type { SgxClaims, TdxClaims } from './claims/dcap.ts';
import type { NitroClaims } from './claims/nitro.ts';
import type { CombinedClaims, DstackClaims } from './claims/node.ts';
import type { NvidiaClaims, NvidiaRimClaims } from './claims/nvidia.ts';
import type { SevSnpClaims } from './claims/sev-snp.ts';
import type { NamedClaims } from './claims/shape.ts';
import type { TokenClaims, VendorCommitmentClaims } from './claims/statement.ts';
import type { TpmClaims } from './claims/tpm.ts';

export type * from './claims/dcap.ts';
export type * from './claims/nitro.ts';
export type * from './claims/node.ts';
export type * from './claims/nvidia.ts';
export type * from './claims/sev-snp.ts';
export type { Bindings, BoundKeyIdentity, ClaimsOf, NamedClaims, ReportDataBindings, TcbStanding } from './claims/shape.ts';
export type * from './claims/statement.ts';
export type * from './claims/tpm.ts';

/** The kinds of evidence. A new TEE adds one name here, its claims in `claims/`, one folder in `evidence/`, one in `verifier/`. */
export const EVIDENCE_TYPES = [
  'nitro',
  'sgx',
  'tdx',
  'sev-snp',
  'nvidia-gpu',
  'nvidia-switch',
  'nvidia-rim',
  'dstack',
  'tpm',
  'token',
  'vendor-commitment',
  'combined',
] as const;

export type EvidenceType = (typeof EVIDENCE_TYPES)[number];

/** The claims of any TEE; `type` tells which. */
export type Claims =
  | NitroClaims
  | SgxClaims
  | TdxClaims
  | SevSnpClaims
  | NvidiaClaims
  | NvidiaRimClaims
  | DstackClaims
  | TpmClaims
  | TokenClaims
  | VendorCommitmentClaims
  | CombinedClaims;

declare const minted: unique symbol;

/** Claims of authentic evidence. Minted by `verifier/mint.ts` only. */
export type VerifiedClaims<Of extends Claims = Claims> = Of & { readonly [minted]: true };

/** {@link VerifiedClaims} by the names that all types share. */
export type VerifiedNamedClaims = NamedClaims & { readonly [minted]: true };
