/**
 * How channel keys stand in the attested keyset (`e2ee_public_keys`, spec/channel.md §2). The entry's `algo` names KEM, KDF and AEAD
 * and the OHTTP key id, so that a client needs no other document to encrypt, and no other document can change what it uses.
 */

import { decodeHex, encodeHex } from '@assay/encoding/hex';
import { sha256Hex } from '@assay/encoding/sha256';
import { ChannelError } from './errors.ts';
import { type KemId, kemById } from './hpke/kem.ts';
import type { KeyConfig } from './ohttp/key-config.ts';

/** An entry of `e2ee_public_keys` as `aci/1` writes it. */
export interface KeysetEntry {
  readonly key_id: string;
  readonly algo: string;
  /** Lower-case hex. */
  readonly public_key: string;
}

const ALGORITHMS: Readonly<Record<KemId, string>> = {
  32: 'ohttp-x25519-hkdf-sha256-aes-256-gcm',
  25722: 'ohttp-x-wing-hkdf-sha256-aes-256-gcm',
};

/** Algorithm of the tutorial's P-384 key (seed 004); the public key is DER SubjectPublicKeyInfo. */
export const TALK_ALGORITHM = 'talk-p-384';

function entryId(publicKey: Uint8Array): string {
  return `e2ee-${sha256Hex(publicKey).slice(0, 16)}`;
}

/**
 * The keyset entry of an OHTTP key.
 * @example const entry = ohttpEntry(config)
 */
export function ohttpEntry({ keyId, kem, publicKey }: KeyConfig): KeysetEntry {
  return { key_id: entryId(publicKey), algo: `${ALGORITHMS[kem]};key-id=${keyId}`, public_key: encodeHex(publicKey) };
}

/**
 * The keyset entry of the tutorial's key.
 * @example const entry = talkEntry(spki)
 */
export function talkEntry(spki: Uint8Array): KeysetEntry {
  return { key_id: entryId(spki), algo: TALK_ALGORITHM, public_key: encodeHex(spki) };
}

/**
 * The strongest OHTTP key of an attested keyset: X-Wing when `prefer` asks for it, X25519 otherwise.
 * @throws {ChannelError} `channel/suite-unsupported` when the keyset lists none; `channel/key-config-malformed`.
 * @example ohttpKey(keyset.e2ee_public_keys)
 */
export function ohttpKey(entries: readonly KeysetEntry[], prefer: KemId = 0x0020): KeyConfig {
  const keys = ohttpKeys(entries);
  const found = keys.find(({ kem }) => kem === prefer) ?? keys[0];
  if (found === undefined)
    throw new ChannelError('channel/suite-unsupported', 'the attested keyset lists no channel key this client speaks');
  return found;
}

/**
 * Every OHTTP key that a keyset lists; entries of other algorithms are passed over.
 * @throws {ChannelError} `channel/key-config-malformed`.
 * @example ohttpKeys(keyset.e2ee_public_keys).map(({ keyId }) => keyId)
 */
export function ohttpKeys(entries: readonly KeysetEntry[]): readonly KeyConfig[] {
  return entries.flatMap((entry) => parseOhttpEntry(entry) ?? []);
}

function parseOhttpEntry(entry: KeysetEntry): KeyConfig | null {
  const match = /^([a-z0-9-]+);key-id=(\d{1,3})$/.exec(entry.algo);
  const kem = Object.entries(ALGORITHMS).find(([, algo]) => algo === match?.[1])?.[0];
  if (kem === undefined) return null;
  const known = kemById(Number(kem));
  const publicKey = decodeHex(entry.public_key);
  const keyId = Number(match?.[2]);
  if (known === undefined || publicKey.length !== known.publicKeyLength || keyId > 255) {
    throw new ChannelError(
      'channel/key-config-malformed',
      `expected ${known?.publicKeyLength} bytes in the key of ${entry.key_id}`,
    );
  }
  return { keyId, kem: known.id, publicKey };
}
