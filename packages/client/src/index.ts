export { AIAttestationVerifier, type AIAttestationVerifierOptions } from './ai-attestation-verifier.ts';
export { createSealedFetch, type SealedFetchOptions } from './channel/sealed-fetch.ts';
export { CLIENT_ERROR_KINDS, ClientError, type ClientErrorCode, type ClientErrorKind } from './errors.ts';
export { judgeBundle } from './judgement/bundle.ts';
export { judge } from './judgement/judge.ts';
export { judgeReceipt, judgeReport, type OpenedReport, openReport } from './judgement/report.ts';
export type { JudgeRequest } from './judgement/request.ts';
export { judgeResultFile, RESULT_MAX_AGE_SECONDS, RESULT_TEE_TYPES } from './judgement/result-file.ts';
export type { SubjectType, Verdict } from './judgement/verdict.ts';
