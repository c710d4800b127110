/** One message to one key (RFC 9180 §6.1, base mode): for values that are sent once and answered by nothing. */

import { type HpkeContext, setupRecipient, setupSender } from './hpke.ts';
import type { Kem, KemKeyPair } from './kem.ts';

/** A sealed message. */
export interface SealedMessage {
  readonly encapsulated: Uint8Array;
  /** With its tag of 16 bytes. */
  readonly ciphertext: Uint8Array;
}

/** What both ends agree on. */
export interface SingleShot {
  /** Separates uses of one key; keep the same array for as long as it is used. */
  readonly info: Uint8Array;
  readonly additionalData: Uint8Array;
}

/**
 * Seals a message that only the holder of `publicKey` can open.
 * @throws {ChannelError} `channel/decryption-failed` for a key that cannot be sealed to.
 * @example await sealMessage(X25519, publicKey, { info, additionalData }, utf8('a secret'))
 */
export async function sealMessage(
  kem: Kem,
  publicKey: Uint8Array,
  { info, additionalData }: SingleShot,
  plaintext: Uint8Array,
): Promise<SealedMessage> {
  const context: HpkeContext = await setupSender(kem, publicKey, info);
  return { encapsulated: context.encapsulated, ciphertext: await context.stream.seal(plaintext, additionalData) };
}

/**
 * Opens a message.
 * @throws {ChannelError} `channel/decryption-failed` when it was sealed to another key, for another use, or changed.
 * @example await openMessage(keyPair, { info, additionalData }, sealed)
 */
export async function openMessage(
  keyPair: KemKeyPair,
  { info, additionalData }: SingleShot,
  { encapsulated, ciphertext }: SealedMessage,
): Promise<Uint8Array> {
  const context = await setupRecipient(keyPair, encapsulated, info);
  return context.stream.open(ciphertext, additionalData);
}
