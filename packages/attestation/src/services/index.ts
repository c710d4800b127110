export { type AnswerProof, encodeAnswerProof, isAnswerProof, parseAnswerProof, verifyAnswerProof } from './answer-proof.ts';
export type { AttestedService, JudgedEvidence } from './attested-service.ts';
export type { SealedAnswer } from './e2ee/opened-answer.ts';
export { FIELD_ENCRYPTION, type SealedChat, sealChat } from './e2ee/sealed-chat.ts';
export { attestEnclave, type EnclaveAttestation, enclaveNode } from './enclave.ts';
export {
  attestedGpus,
  attestProxy,
  chatIdOf,
  type ProvedAnswer,
  type ProxyAttestation,
  type ProxyExchange,
  proveAnswer,
  type SigningProxy,
  signingNodes,
} from './signing-proxy.ts';
