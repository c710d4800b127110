/** Model identity, signatures over model files, and the statistics of comparing two models. Pure: the caller reads, writes and tells the time. */
export { type CommitmentFields, type CommitmentKey, sealCommitment } from './commitment/commitment.ts';
export {
  COMPARISON_MODES,
  Comparison,
  type ComparisonPlan,
  type ComparisonState,
  type ComparisonVerdict,
  verdictOfScores,
} from './comparison/comparison.ts';
export {
  challengeSeed,
  type LogProbabilities,
  queryScore,
  resolutionOf,
  toleranceOf,
  totalVariation,
} from './comparison/score.ts';
export { MODEL_ERROR_KINDS, ModelError, type ModelErrorCode } from './errors.ts';
export { type ByteSource, bytesSource, type Hasher, type HashOptions } from './identity/byte-source.ts';
export { type IdentifiedModel, identifyModel, identityDigest, type ModelIdentity } from './identity/model-identity.ts';
export type { TensorEntry } from './identity/tensor-list.ts';
export {
  type ApiSecurityConfig,
  createTestConfig,
  type ProviderSettings,
  parseSecurityConfig,
  providersInOrder,
  strictestOf,
} from './security/config.ts';
export {
  AttestationPolicy,
  BindingPolicy,
  isAtLeast,
  PROVIDER_TYPES,
  type ProviderType,
  providerOf,
  SECURITY_LEVELS,
  type SecurityLevel,
  SecurityThresholds,
} from './security/levels.ts';
export type { SignedManifest, SignedPiece } from './signing/manifest.ts';
export {
  type ModelFile,
  manifestRoot,
  type SignModelOptions,
  signModel,
  type VerifyModelSignatureOptions,
  verifyModelSignature,
} from './signing/model-signature.ts';
export {
  type AuthenticReceipt,
  bindingDigest,
  isTranscripts,
  TRANSCRIPTS_FORMAT,
  type TranscriptSession,
  type TranscriptsSummary,
  verifyTranscripts,
} from './transcripts/transcripts.ts';
