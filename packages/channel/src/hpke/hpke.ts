/**
 * HPKE base mode (RFC 9180 §5.1.1) with HKDF-SHA256 and AES-256-GCM over the KEMs of `kem.ts`. Only what the channel needs: no
 * PSK and no authenticated mode; the sender stays anonymous and the recipient's key is attested.
 *
 * Checked against @hpke/core in the tests, and over both providers against the vectors of RFC 9180 §A and RFC 9458 §A.
 */

import { concatBytes } from '@assay/encoding/bytes';
import { PROVIDER } from '../provider/current.ts';
import type { Provider } from '../provider/provider.ts';
import { AeadStream, KEY_LENGTH, NONCE_LENGTH } from './aead.ts';
import { hkdfExpand, type KdfSuite, kdfSuite } from './kdf.ts';
import type { Kem, KemKeyPair } from './kem.ts';

export const KDF_HKDF_SHA256 = 0x0001;
export const AEAD_AES_256_GCM = 0x0002;

/** An established context: a stream of sealed messages in one direction, and secrets exported for the other. */
export interface HpkeContext {
  readonly encapsulated: Uint8Array;
  readonly stream: AeadStream;
  /** `Context.Export` of RFC 9180 §5.3, for at most 32 bytes. */
  export(label: Uint8Array, length: number): Uint8Array;
}

const NOTHING = new Uint8Array(0);

/** What depends on the KEM and the info only; a service uses a handful of infos for as long as its keys live. */
interface ScheduleBase {
  readonly kdf: KdfSuite;
  readonly secretInput: Uint8Array;
  readonly exporterBlock: Uint8Array;
  readonly keyBlock: Uint8Array;
  readonly nonceBlock: Uint8Array;
}

// By the array that holds the info: callers keep theirs for as long as they use it, and leave it unchanged.
const bases = new WeakMap<Uint8Array, Map<number, ScheduleBase>>();

function scheduleBase(kem: number, info: Uint8Array): ScheduleBase {
  const ofInfo = bases.get(info) ?? new Map<number, ScheduleBase>();
  const known = ofInfo.get(kem);
  if (known !== undefined) return known;
  const ids = [kem, KDF_HKDF_SHA256, AEAD_AES_256_GCM].flatMap((id) => [id >> 8, id & 0xff]);
  const kdf = kdfSuite(Uint8Array.of(0x48, 0x50, 0x4b, 0x45, ...ids)); // "HPKE" ‖ ids
  const context = concatBytes(
    Uint8Array.of(0),
    kdf.extract(NOTHING, 'psk_id_hash', NOTHING),
    kdf.extract(NOTHING, 'info_hash', info),
  );
  const base: ScheduleBase = {
    kdf,
    secretInput: kdf.input('secret', NOTHING),
    exporterBlock: kdf.block('exp', context, 32),
    keyBlock: kdf.block('key', context, KEY_LENGTH),
    nonceBlock: kdf.block('base_nonce', context, NONCE_LENGTH),
  };
  bases.set(info, ofInfo.set(kem, base));
  return base;
}

/** `KeySchedule` of RFC 9180 §5.1 in base mode. */
function schedule(
  kem: number,
  sharedSecret: Uint8Array,
  info: Uint8Array,
  encapsulated: Uint8Array,
  provider: Provider = PROVIDER,
): HpkeContext {
  const base = scheduleBase(kem, info);
  const secret = provider.hmac(provider.hmac(sharedSecret)(base.secretInput));
  const exporterSecret = hkdfExpand(secret, base.exporterBlock, 32);
  return {
    encapsulated,
    stream: new AeadStream(
      hkdfExpand(secret, base.keyBlock, KEY_LENGTH),
      hkdfExpand(secret, base.nonceBlock, NONCE_LENGTH),
      provider,
    ),
    export: (label, length) => hkdfExpand(provider.hmac(exporterSecret), base.kdf.block('sec', label, length), length),
  };
}

/** `SetupBaseS`: a context that only the holder of `publicKey` can open. */
export async function setupSender(
  kem: Kem,
  publicKey: Uint8Array,
  info: Uint8Array,
  provider: Provider = PROVIDER,
): Promise<HpkeContext> {
  const { encapsulated, sharedSecret } = await kem.encapsulate(publicKey);
  return schedule(kem.id, sharedSecret, info, encapsulated, provider);
}

/**
 * `SetupBaseR`: the context of the sender who made `encapsulated`.
 * @throws {ChannelError} `channel/decryption-failed` when the encapsulated key is unusable.
 */
export async function setupRecipient(
  keyPair: KemKeyPair,
  encapsulated: Uint8Array,
  info: Uint8Array,
  provider: Provider = PROVIDER,
): Promise<HpkeContext> {
  return schedule(keyPair.kem, await keyPair.decapsulate(encapsulated), info, encapsulated, provider);
}
