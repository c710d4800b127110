export { type AgentEvidence, type AgentEvidenceOptions, verifyAgentEvidence } from './agent-evidence.ts';
export { type AppraiseOptions, appraise } from './appraisal/appraise.ts';
export { checkName } from './appraisal/check-names.ts';
export { type EarOptions, earClaims, signEar } from './appraisal/ear.ts';
export { explainPolicy } from './appraisal/explain.ts';
export { describeOutcome, type HeadlineOptions } from './appraisal/headline.ts';
export { formatInstant, parseInstant } from './appraisal/instant.ts';
export { parsePolicy } from './appraisal/policy-file.ts';
export { type DraftPolicy, type DraftPolicyOptions, draftPolicy, hasSubstance } from './appraisal/policy-from-claims.ts';
export {
  DEFAULT_POLICY,
  MODERATE_POLICY,
  POLICY_PRESETS,
  type PolicyPreset,
  RELAXED_POLICY,
  STRICT_POLICY,
} from './appraisal/presets.ts';
export { subjectName, typeName } from './appraisal/scope.ts';
export { type TrustAnchorOptions, trustAnchor } from './certificates/anchor.ts';
export { AMD_ROOTS } from './certificates/roots/amd.ts';
export { AWS_NITRO_ROOTS } from './certificates/roots/aws.ts';
export { pinnedRootName } from './certificates/roots/names.ts';
export { NVIDIA_DEVICE_ROOTS, NVIDIA_RIM_ROOTS } from './certificates/roots/nvidia.ts';
export { policyUnder, type ResolvedTrust, resolveTrust } from './certificates/trust.ts';
export { VerificationCache } from './certificates/verification-cache.ts';
export { type Certificate, parseCertificate } from './certificates/x509.ts';
export { companionNotes } from './companion-notes.ts';
export {
  createVerifier,
  type EvidenceQuestion,
  type VerificationQuestion,
  type Verifier,
  type VerifierOptions,
} from './create-verifier.ts';
export { ATTESTATION_ERROR_KINDS, AttestationError, type AttestationErrorCode } from './errors.ts';
export { endorsementFiles, packCollateral } from './evidence/collateral-pack.ts';
export {
  type AnswerSignature,
  parseAnswerSignature,
  type VerifyAnswerInput,
  verifyAnswerSignature,
} from './evidence/combined/answer-signature.ts';
export { dstackImageRule } from './evidence/dstack/image-measurements.ts';
export {
  collectEndorsements,
  type EndorsementFile,
  joinEndorsements,
  MAX_ENDORSEMENT_FILES,
  piecesOf,
} from './evidence/endorsement-files.ts';
export { describeFile } from './evidence/kinds/file-kind.ts';
export type { FileKind } from './evidence/kinds/kind.ts';
export { type NitroDocument, parseNitroDocument } from './evidence/nitro/nitro-document.ts';
export { type NvidiaEvidence, nvidiaEvidenceOfJson } from './evidence/nvidia/evidence-file.ts';
export { parseRim, type Rim } from './evidence/nvidia/rim.ts';
export { parseSnpReport, type SnpReport } from './evidence/snp/report.ts';
export type * from './model/appraisal.ts';
export { type Check, type CheckOutcome, fail, notChecked, pass } from './model/check.ts';
export { checksBefore } from './model/checks-before.ts';
export type * from './model/claims.ts';
export type * from './model/endorsements.ts';
export type * from './model/policy.ts';
export type * from './model/result.ts';
export type * from './model/verification.ts';
export type { RecognisedEvidence } from './recognise.ts';
export { combinedVerifier } from './verifier/combined/combined.ts';
export { sgxVerifier } from './verifier/dcap/sgx.ts';
export { tdxVerifier } from './verifier/dcap/tdx.ts';
export { dstackVerifier } from './verifier/dstack/dstack.ts';
export { type KeyCustodyInput, verifyKeyCustody } from './verifier/dstack/key-custody.ts';
export { nitroVerifier, type VerifyNitroOptions, verifyNitroDocument } from './verifier/nitro/nitro.ts';
export { attachGpus } from './verifier/nvidia/attached.ts';
export { nvidiaGpuVerifier, nvidiaSwitchVerifier } from './verifier/nvidia/nvidia.ts';
export { verifyNvidia } from './verifier/nvidia/nvidia-evidence.ts';
export { nvidiaRimVerifier, type VerifiedRim, verifyRim } from './verifier/nvidia/rim.ts';
export { snpVerifier, verifySnp } from './verifier/snp/snp.ts';
export { tokenVerifier } from './verifier/token/token.ts';
export { tpmVerifier } from './verifier/tpm/tpm.ts';
export { UNREAD_MEMBERS } from './verifier/unread-members.ts';
export { vendorVerifier } from './verifier/vendor/vendor.ts';
export {
  type EvidenceOptions,
  recogniseEvidence,
  type VerificationOptions,
  verify,
  verifyEvidence,
} from './verify.ts';
