/** Encrypted channels keyed by an attested keyset: the bytes both ends agree on. */
export { readPieces, toReadableStream } from './byte-stream.ts';
export * from './ehbp/body.ts';
export { type AnswerShape, type OpenedAnswer, postSealed, type SealedBody } from './ehbp/sealed-bodies.ts';
export { CHANNEL_ERROR_KINDS, ChannelError, type ChannelErrorCode } from './errors.ts';
export { HeldEnd, isEndMark } from './held-end.ts';
export type { AeadStream } from './hpke/aead.ts';
export { type Kem, type KemId, type KemKeyPair, kemById, X_WING, X25519 } from './hpke/kem.ts';
export { openMessage, type SealedMessage, type SingleShot, sealMessage } from './hpke/single-shot.ts';
export { type KeysetEntry, ohttpEntry, ohttpKey, ohttpKeys, TALK_ALGORITHM, talkEntry } from './keyset-entry.ts';
export * from './local-request.ts';
export * from './ohttp/binary-http.ts';
export { encodeKeyConfigs, type KeyConfig, parseKeyConfigs } from './ohttp/key-config.ts';
export * from './ohttp/message.ts';
export { RESEND_HEADER, resendOf } from './resend.ts';
export type { PinTrust, TlsDialer } from './tls/tls-dialer.ts';
