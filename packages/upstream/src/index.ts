/** Sessions with attested services: open, verify, pin or seal, forward, prove, expire. */
export type { AttestedService, FreshEvidence } from './attested-service.ts';
export type { Channel, ChannelDemand } from './channel.ts';
export { UPSTREAM_ERROR_KINDS, UpstreamError, type UpstreamErrorCode } from './errors.ts';
export { firstModel, listModels } from './model-list.ts';
export { SERVICE_KINDS, serviceAt, serviceKind } from './services.ts';
export type {
  AnswerEvidence,
  AttestedSession,
  ClearExchange,
  Opening,
  SealedAnswer,
  ServiceKind,
  SessionAnswer,
  SessionRequest,
  SignedAnswer,
} from './session.ts';
export { AttestedSessions } from './sessions.ts';
export {
  type AnswerProof,
  encodeAnswerProof,
  isAnswerProof,
  parseAnswerProof,
  verifyAnswerProof,
} from './signing-proxy/answer-proof.ts';
export { FIELD_ENCRYPTION } from './signing-proxy/e2ee/sealed-chat.ts';
export { attestedGpus } from './signing-proxy/report.ts';
