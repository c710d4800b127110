export type {
  ComparisonFrame,
  ComparisonOutcome,
  ComparisonPath,
  ComparisonProgress,
  ComparisonStep,
} from '@assay/models';
export {
  type ApiSecurityConfig,
  AttestationPolicy,
  BindingPolicy,
  createTestConfig,
  parseSecurityConfig,
  SecurityThresholds,
} from '@assay/models';
export type { ChannelDemand } from '@assay/upstream';
export { AIAttestationVerifier, type AIAttestationVerifierOptions } from './ai-attestation-verifier.ts';
export { type AttestedKey, createSealedFetch, type KeyRenewal, type SealedFetchOptions } from './channel/sealed-fetch.ts';
export { type AttestedAgent, type VerifyAgentOptions, verifyAgent } from './connection/attestation.ts';
export {
  type Agent,
  type ChatAnswer,
  type ChatOptions,
  type ChatTurn,
  type ConnectOptions,
  connect,
  type Proof,
} from './connection/connect.ts';
export {
  type AuditOptions,
  auditIn,
  type BuildOptions,
  buildIn,
  type ContractAudit,
  type ContractBuild,
  type ContractSources,
} from './connection/contract-work.ts';
export type { TaskArchive, TaskAttempt, TaskPage, TaskQuery, TaskSummary } from './connection/task-archive.ts';
export type { FailedRun, RecordedDemo, RunResult, SucceededRun } from './connection/task-result.ts';
export type { ProposedCode, ReviewCode, ReviewDecision } from './connection/task-review.ts';
export type { AttachOptions, RunOptions, TaskRequest, TaskRun } from './connection/task-run.ts';
export type { TaskStatus, TaskStep } from './connection/task-step.ts';
export { CLIENT_ERROR_KINDS, ClientError, type ClientErrorCode } from './errors.ts';
export { openUpstream, UPSTREAM_KINDS } from './proxy/open-upstream.ts';
export type { ForwardedAnswer, ProofFile, UpstreamOptions, VerifiedUpstream } from './proxy/upstream.ts';
export { createVerifyingProxy, type ProxyEvent, type VerifyingProxyOptions } from './proxy/verifying-proxy.ts';
export {
  type ApiTranscript,
  type AttestationProvider,
  type AttestationProviderConfig,
  type BoundTranscript,
  createAttestationProvider,
  SecureAPIBinder,
} from './security/attestation-provider.ts';
export {
  type AttestationOutcome,
  AttestationVerifier,
  type AttestationVerifierOptions,
  type FailureReason,
  type ModelIdentityClaim,
  type SessionAttestation,
} from './security/attestation-verifier.ts';
export { attestInOrder, type OrderedAttestation, type ProviderOrderOptions } from './security/provider-order.ts';
export type { AttestedTalkKey, TalkAttestationOptions } from './talk/talk-attestation.ts';
export { type TalkAnswer, TalkClient, type TalkOptions } from './talk/talk-client.ts';
export { verifyProof } from './verification/answer-proof.ts';
export { verifyBundle } from './verification/bundle.ts';
export { type ClaimsDocument, claimsDocument, type VerdictDocument, verdictDocument } from './verification/document.ts';
export { type FilesVerdict, type FileVerdict, type NamedFile, verifyFiles } from './verification/files.ts';
export type { VerifyOptions } from './verification/options.ts';
export { verifyReceipt } from './verification/receipt.ts';
export { verifyReport } from './verification/report.ts';
export { RESULT_MAX_AGE_SECONDS, RESULT_TEE_TYPES, verifyResultFile } from './verification/result-file.ts';
export {
  type AcceptedSubject,
  type BundleVerdict,
  type EvidenceVerdict,
  type FailedSubject,
  type Findings,
  type ProofVerdict,
  type ReceiptVerdict,
  type RefusedSubject,
  type ReportVerdict,
  type ResultVerdict,
  type SubjectType,
  type SubjectVerdict,
  type Verdict,
  type VerdictError,
  verdictOf,
} from './verification/verdict.ts';
export { verify } from './verification/verify.ts';
