export type { AttestedService, FreshEvidence } from './attested-service.ts';
export { type EnclaveAttestation, enclaveNode, verifyEnclave } from './enclave/attestation.ts';
export { UPSTREAM_ERROR_KINDS, UpstreamError, type UpstreamErrorCode } from './errors.ts';
export {
  type AnswerProof,
  encodeAnswerProof,
  isAnswerProof,
  parseAnswerProof,
  verifyAnswerProof,
} from './signing-proxy/answer-proof.ts';
export {
  attestedGpus,
  chatIdOf,
  type ProvedAnswer,
  type ProxyAttestation,
  type ProxyExchange,
  proveAnswer,
  type SigningProxy,
  signingNodes,
  verifyProxy,
} from './signing-proxy/attestation.ts';
export type { SealedAnswer } from './signing-proxy/e2ee/opened-answer.ts';
export { FIELD_ENCRYPTION, type SealedChat, sealChat } from './signing-proxy/e2ee/sealed-chat.ts';
