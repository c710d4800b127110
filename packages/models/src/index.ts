/** Model identity, signatures over model files, and the statistics of comparing two models. Pure: the caller reads, writes and tells the time. */
export { type CommitmentFields, type CommitmentKey, sealCommitment } from './commitment/commitment.ts';
export {
  type AnswerPosition,
  type ChallengeRequest,
  type ChatEndpoint,
  challengeBody,
  type ModelAnswer,
  parseAnswer,
} from './comparison/answer.ts';
export { type Billing, type BillingVerdict, billingOf } from './comparison/billing.ts';
export { type ChallengePlace, challengeText } from './comparison/challenge.ts';
export { challengeRequest } from './comparison/challenge-request.ts';
export {
  COMPARISON_MODES,
  Comparison,
  type ComparisonPlan,
  type ComparisonState,
  type ComparisonVerdict,
  verdictOfScores,
} from './comparison/comparison.ts';
export {
  type DistanceRule,
  type KnownLogprobs,
  pairVariation,
  roundingOf,
  usablePositions,
  worstVariation,
} from './comparison/distance.ts';
export { COMPARISON_FORMAT, isComparisonRecord } from './comparison/format.ts';
export {
  type ComparisonFrame,
  type ComparisonPath,
  type ComparisonProgress,
  type ComparisonStep,
  comparisonFrame,
  comparisonPath,
  comparisonStep,
} from './comparison/path.ts';
export {
  assertQuiet,
  COMPARISON_TIERS,
  type ComparisonTier,
  LEAST_LISTED,
  type PlanDocument,
  type PlanParty,
  parsePlan,
  planDigest,
  testOfMode,
} from './comparison/plan.ts';
export {
  type ComparisonProofs,
  type ComparisonRecord,
  type RecordReceipts,
  recordDigest,
  type VerifiedComparison,
  verifyComparison,
} from './comparison/record.ts';
export {
  type ComparedQuery,
  type ComparisonOutcome,
  ComparisonRun,
  type ReferenceView,
  type RunState,
  type UndecidedReason,
} from './comparison/run.ts';
export {
  challengeSeed,
  type LogProbabilities,
  queryScore,
  resolutionOf,
  toleranceOf,
  totalVariation,
} from './comparison/score.ts';
export type { ComparedReceipt, PartyReceipts } from './comparison/signed-answers.ts';
export {
  type Share,
  type ToolCallFidelity,
  toolCallFidelity,
  toolCallRequest,
  toolUseOf,
} from './comparison/tool-calls.ts';
export {
  parseWatchedScores,
  type WatchedScore,
  type WatchedStratum,
  type WatchRule,
  type WatchStanding,
  watchedScores,
  watchStanding,
} from './comparison/watch.ts';
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
export { isTranscripts, TRANSCRIPTS_FORMAT } from './transcripts/format.ts';
export {
  type AuthenticReceipt,
  bindingDigest,
  type TranscriptSession,
  type TranscriptsSummary,
  verifyTranscripts,
} from './transcripts/transcripts.ts';
export { blockOf, decodeWeights, encodeWeights, isReadable, type ReadableType, type WritableType } from './weights/blocks.ts';
export { PERTURBATIONS, type Perturbation, type PerturbationName, perturbedGguf } from './weights/perturbed.ts';
export { normalNumbers, uniformNumbers } from './weights/random-numbers.ts';
