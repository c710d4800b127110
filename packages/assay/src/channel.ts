/** Encryption to an attested key: a `fetch` that seals requests, and the message layer below it. */

export {
  CHANNEL_ERROR_KINDS,
  ChannelError,
  type ChannelErrorCode,
  ohttpKeys,
  openMessage,
  parseKeyConfigs,
  sealMessage,
} from '@assay/channel';
export { type AttestedKey, createSealedFetch, type KeyRenewal, type SealedFetchOptions } from './channel/sealed-fetch.ts';
