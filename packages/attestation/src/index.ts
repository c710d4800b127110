export { ATTESTATION_ERROR_KINDS, AttestationError, type AttestationErrorCode, type AttestationErrorKind } from './errors.ts';
export type * from './model/check.ts';
export type * from './model/claims.ts';
export type * from './model/endorsements.ts';
export type * from './model/verification.ts';
