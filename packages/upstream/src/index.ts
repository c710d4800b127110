export { type AnswerProof, encodeAnswerProof, isAnswerProof, parseAnswerProof, verifyAnswerProof } from './answer-proof.ts';
export type { AttestedService, FreshEvidence } from './attested-service.ts';
export type { SealedAnswer } from './e2ee/opened-answer.ts';
export { FIELD_ENCRYPTION, type SealedChat, sealChat } from './e2ee/sealed-chat.ts';
export { type EnclaveAttestation, enclaveNode, verifyEnclave } from './enclave.ts';
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
} from './signing-proxy.ts';
