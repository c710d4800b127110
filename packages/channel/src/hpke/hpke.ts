/**
 * HPKE base mode (RFC 9180 §5.1.1) with HKDF-SHA256 and AES-256-GCM over the KEMs of `kem.ts`. Only what the channel needs: no
 * PSK and no authenticated mode; the sender stays anonymous and the recipient's key is attested.
 *
 * Checked against the test vectors of RFC 9180 §A and against @hpke/core in the tests.
 */

import { concatBytes } from '@assay/encoding/bytes';
import { AeadStream, KEY_LENGTH, NONCE_LENGTH } from './aead.ts';
import { type KdfSuite, kdfSuite } from './kdf.ts';
import type { Kem, KemKeyPair } from './kem.ts';

export const KDF_HKDF_SHA256 = 0x0001;
export const AEAD_AES_256_GCM = 0x0002;

/** An established context: a stream of sealed messages in one direction, and secrets exported for the other. */
export interface HpkeContext {
  readonly encapsulated: Uint8Array;
  readonly stream: AeadStream;
  /** `Context.Export` of RFC 9180 §5.3. */
  export(label: Uint8Array, length: number): Uint8Array;
}

const NOTHING = new Uint8Array(0);

/** What depends on the KEM and the info only; a service uses a handful of infos for as long as its keys live. */
interface ScheduleBase {
  readonly kdf: KdfSuite;
  readonly context: Uint8Array;
}

const MAX_BASES = 32;
const bases = new Map<string, ScheduleBase>();

function scheduleBase(kem: number, info: Uint8Array): ScheduleBase {
  const name = `${kem} ${String.fromCharCode(...info)}`;
  const known = bases.get(name);
  if (known !== undefined) return known;
  const ids = [kem, KDF_HKDF_SHA256, AEAD_AES_256_GCM].flatMap((id) => [id >> 8, id & 0xff]);
  const kdf = kdfSuite(Uint8Array.of(0x48, 0x50, 0x4b, 0x45, ...ids)); // "HPKE" ‖ ids
  const context = concatBytes(
    Uint8Array.of(0),
    kdf.extract(NOTHING, 'psk_id_hash', NOTHING),
    kdf.extract(NOTHING, 'info_hash', info),
  );
  if (bases.size >= MAX_BASES) bases.clear();
  bases.set(name, { kdf, context });
  return { kdf, context };
}

function schedule(kem: number, sharedSecret: Uint8Array, info: Uint8Array, encapsulated: Uint8Array): HpkeContext {
  const { kdf, context } = scheduleBase(kem, info);
  const secret = kdf.extract(sharedSecret, 'secret', NOTHING);
  const exporterSecret = kdf.expand(secret, 'exp', context, 32);
  return {
    encapsulated,
    stream: new AeadStream(
      kdf.expand(secret, 'key', context, KEY_LENGTH),
      kdf.expand(secret, 'base_nonce', context, NONCE_LENGTH),
    ),
    export: (label, length) => kdf.expand(exporterSecret, 'sec', label, length),
  };
}

/** `SetupBaseS`: a context that only the holder of `publicKey` can open. */
export async function setupSender(kem: Kem, publicKey: Uint8Array, info: Uint8Array): Promise<HpkeContext> {
  const { encapsulated, sharedSecret } = await kem.encapsulate(publicKey);
  return schedule(kem.id, sharedSecret, info, encapsulated);
}

/**
 * `SetupBaseR`: the context of the sender who made `encapsulated`.
 * @throws {ChannelError} `channel/decryption-failed` when the encapsulated key is unusable.
 */
export async function setupRecipient(keyPair: KemKeyPair, encapsulated: Uint8Array, info: Uint8Array): Promise<HpkeContext> {
  return schedule(keyPair.kem, await keyPair.decapsulate(encapsulated), info, encapsulated);
}
