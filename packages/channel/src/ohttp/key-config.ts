/**
 * Key configurations (RFC 9458 §3): how a service tells which key, KEM and suites it speaks. In Assay the configuration is only a
 * carrier: the client takes the key from the *attested keyset* and refuses a configuration that names another.
 */

import { concatBytes } from '@assay/encoding/bytes';
import { ByteReader } from '@assay/encoding/reader';
import { ChannelError } from '../errors.ts';
import { AEAD_AES_256_GCM, KDF_HKDF_SHA256 } from '../hpke/hpke.ts';
import { type Kem, type KemId, kemById } from '../hpke/kem.ts';

export interface KeyConfig {
  /** One byte; tells replicas and rotated keys apart. */
  readonly keyId: number;
  readonly kem: KemId;
  readonly publicKey: Uint8Array;
}

/**
 * The KEM of a configuration whose key has its length.
 * @throws {ChannelError} `channel/key-invalid`.
 */
export function kemOf({ kem, publicKey }: KeyConfig): Kem {
  const known = kemById(kem);
  if (known?.publicKeyLength === publicKey.length) return known;
  const wanted = known === undefined ? 'a key for KEM 0x0020 or 0x647a' : `${known.publicKeyLength} bytes`;
  throw new ChannelError(
    'channel/key-invalid',
    `expected ${wanted}, got ${publicKey.length} bytes for KEM 0x${kem.toString(16).padStart(4, '0')}; pass the attested key as it is`,
  );
}

function u16(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value & 0xff);
}

/** One `application/ohttp-keys` entry without its length prefix. */
export function encodeKeyConfig({ keyId, kem, publicKey }: KeyConfig): Uint8Array {
  return concatBytes(Uint8Array.of(keyId), u16(kem), publicKey, u16(4), u16(KDF_HKDF_SHA256), u16(AEAD_AES_256_GCM));
}

/**
 * A whole `application/ohttp-keys` document: each entry behind its length of two bytes.
 * @example const document = encodeKeyConfigs([config])
 */
export function encodeKeyConfigs(configs: readonly KeyConfig[]): Uint8Array {
  return concatBytes(
    ...configs.flatMap((config) => {
      const entry = encodeKeyConfig(config);
      return [u16(entry.length), entry];
    }),
  );
}

/**
 * The entries of an `application/ohttp-keys` document that this library speaks, in their order; others are left out, as RFC 9458
 * §3.1 asks.
 * @throws {ChannelError} `channel/key-config-malformed`; `channel/suite-unsupported` when none is left.
 * @example const [config] = parseKeyConfigs(bytes);
 */
export function parseKeyConfigs(bytes: Uint8Array): readonly KeyConfig[] {
  const configs: KeyConfig[] = [];
  try {
    const reader = new ByteReader(bytes, 'key configurations');
    while (reader.remaining > 0) {
      const config = parseEntry(reader.bytes(reader.u16be()));
      if (config) configs.push(config);
    }
  } catch (cause) {
    throw new ChannelError('channel/key-config-malformed', 'expected RFC 9458 key configurations; fetch them again', { cause });
  }
  if (configs.length === 0) {
    throw new ChannelError(
      'channel/suite-unsupported',
      'expected X25519 or X-Wing with HKDF-SHA256 and AES-256-GCM, got none of them',
    );
  }
  return configs;
}

function parseEntry(bytes: Uint8Array): KeyConfig | null {
  const reader = new ByteReader(bytes, 'key configuration');
  const keyId = reader.u8();
  const kem = kemById(reader.u16be());
  if (!kem) return null;
  const publicKey = reader.bytes(kem.publicKeyLength).slice();
  const suites = new ByteReader(reader.bytes(reader.u16be()), 'cipher suites');
  reader.end();
  let spoken = false;
  while (suites.remaining > 0) {
    const kdf = suites.u16be();
    const aead = suites.u16be();
    spoken ||= kdf === KDF_HKDF_SHA256 && aead === AEAD_AES_256_GCM;
  }
  return spoken ? { keyId, kem: kem.id, publicKey } : null;
}
