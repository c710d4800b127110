/**
 * Messages that checkpoint signatures cover: the note text itself (type 0x01, C2SP signed-note), `cosignature/v1` (0x04) and
 * `subtree/v1` (0x06, C2SP tlog-cosignature). ML-DSA-44 is FIPS 204 with an empty context, verified by @noble/post-quantum.
 */

import { concatBytes, utf8 } from '@assay/encoding/bytes';
import { loadedPart } from '@assay/encoding/loaded-part';
import { verifyEd25519 } from './ed25519.ts';
import { ReceiptError } from './errors.ts';
import { ED25519_COSIGNATURE, ED25519_NOTE, type VerifierKey } from './note.ts';

/** What a checkpoint says; `text` is its note text. */
export interface CheckpointBody {
  readonly origin: string;
  readonly size: number;
  /** 32 bytes. */
  readonly root: Uint8Array;
  readonly text: string;
}

/**
 * The message of an Ed25519 cosignature. `time` in epoch seconds.
 * @example await verifyEd25519(publicKey, ed25519CosignatureMessage(parseCheckpoint(note), time), signature)
 */
export function ed25519CosignatureMessage(body: CheckpointBody, time: number): Uint8Array {
  return utf8(`cosignature/v1\ntime ${time}\n${body.text}`);
}

/**
 * The message of an ML-DSA-44 cosignature by `cosigner` over the whole tree. `time` in epoch seconds.
 * @throws {ReceiptError} `checkpoint/malformed`.
 * @example const message = mlDsaCosignatureMessage(parseCheckpoint(note), 'witness.example', time)
 */
export function mlDsaCosignatureMessage(body: CheckpointBody, cosigner: string, time: number): Uint8Array {
  const name = utf8(cosigner);
  const origin = utf8(body.origin);
  if (name.length > 255 || origin.length > 255)
    throw new ReceiptError('checkpoint/malformed', 'expected cosigner name and origin of at most 255 bytes');
  return concatBytes(
    utf8('subtree/v1\n\0'),
    Uint8Array.of(name.length),
    name,
    uint64(time),
    Uint8Array.of(origin.length),
    origin,
    uint64(0),
    uint64(body.size),
    body.root,
  );
}

/**
 * A cosignature as it stands in a note: the time, 8 bytes big endian, then the signature.
 * @example timestamped(1_790_000_000, signature).length // 8 more than the signature
 */
export function timestamped(time: number, signature: Uint8Array): Uint8Array {
  return concatBytes(uint64(time), signature);
}

/** Whether `signature`, as in the note, is by `key` over the checkpoint. */
export async function verifyCheckpointSignature(
  key: VerifierKey,
  body: CheckpointBody,
  signature: Uint8Array,
): Promise<boolean> {
  if (key.type === ED25519_NOTE) return verifyEd25519(key.publicKey, utf8(body.text), signature);
  const time = signatureTime(signature);
  if (time === null) return false;
  const rest = signature.slice(8);
  if (key.type === ED25519_COSIGNATURE) return verifyEd25519(key.publicKey, ed25519CosignatureMessage(body, time), rest);
  // Loaded when it is needed: bundlers keep it apart from what every page loads.
  const { ml_dsa44 } = await loadedPart('ML-DSA signatures', () => import('@noble/post-quantum/ml-dsa.js'));
  if (rest.length !== ml_dsa44.lengths.signature) return false;
  return ml_dsa44.verify(rest, mlDsaCosignatureMessage(body, key.name, time), key.publicKey);
}

/** Epoch seconds of a cosignature as it stands in a note; `null` when it cannot be one. */
export function signatureTime(signature: Uint8Array): number | null {
  if (signature.length < 9) return null;
  const time = new DataView(signature.buffer, signature.byteOffset, 8).getBigUint64(0);
  return time <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(time) : null;
}

function uint64(value: number): Uint8Array {
  const out = new Uint8Array(8);
  new DataView(out.buffer).setBigUint64(0, BigInt(value));
  return out;
}
