/**
 * Checkpoints (C2SP tlog-checkpoint v1.0.0): origin, size and root of a log, signed. Extension lines are refused, as spec/log.md
 * §4 has none.
 */

import { decodeBase64, encodeBase64 } from '@assay/encoding/base64';
import { encodeHex } from '@assay/encoding/hex';
import { type CheckpointBody, signatureTime, verifyCheckpointSignature } from './cosignature.ts';
import { ReceiptError } from './errors.ts';
import { ED25519_NOTE, type NoteSignature, parseNote, type VerifierKey } from './note.ts';

export interface Checkpoint extends CheckpointBody {
  readonly signatures: readonly NoteSignature[];
}

/** One signature that verified. */
export interface VerifiedSignature {
  readonly key: VerifierKey;
  /** Epoch seconds, signed; `null` for plain note signatures. */
  readonly time: number | null;
}

/**
 * The note text of a tree head.
 * @example checkpointText('log.assay/1f', 8, root)
 */
export function checkpointText(origin: string, size: number, root: Uint8Array): string {
  return `${origin}\n${size}\n${encodeBase64(root)}\n`;
}

/**
 * Reads a checkpoint; nothing is verified.
 * @throws {ReceiptError} `note/malformed`, `checkpoint/malformed`.
 * @example parseCheckpoint(note).size
 */
export function parseCheckpoint(note: string): Checkpoint {
  const { text, signatures } = parseNote(note);
  const malformed = (why: string, cause?: unknown) =>
    new ReceiptError('checkpoint/malformed', `checkpoint refused: ${why}`, { cause });
  const [origin = '', size = '', root = '', ...rest] = text.split('\n');
  if (origin === '' || rest.length !== 1 || rest[0] !== '') throw malformed('expected three lines: origin, size, root');
  if (!/^(0|[1-9][0-9]{0,15})$/.test(size) || !Number.isSafeInteger(Number(size)))
    throw malformed('expected a size in decimal');
  let hash: Uint8Array;
  try {
    hash = decodeBase64(root);
  } catch (cause) {
    throw malformed('expected a root in standard base64', cause);
  }
  if (hash.length !== 32) throw malformed('expected a root of 32 bytes');
  return { origin, size: Number(size), root: hash, text, signatures };
}

/**
 * Verifies every signature that one of `keys` made, and returns them in the order of the lines. Signatures of other keys are
 * ignored, as the note specification demands; callers that allow none compare the counts.
 * @throws {ReceiptError} `note/signature-invalid` when a known key's does not verify or stands there twice, `note/unsigned` when
 * no known key signed.
 * @example await verifyCheckpoint(parseCheckpoint(note), vkeys.map(parseVerifierKey))
 */
export async function verifyCheckpoint(
  checkpoint: Checkpoint,
  keys: readonly VerifierKey[],
): Promise<readonly VerifiedSignature[]> {
  const known = checkpoint.signatures.flatMap((signature) => {
    const id = encodeHex(signature.keyId);
    const key = keys.find((candidate) => candidate.name === signature.name && encodeHex(candidate.keyId) === id);
    return key === undefined ? [] : [{ key, signature: signature.signature }];
  });
  if (known.length === 0)
    throw new ReceiptError('note/unsigned', 'expected a signature by a known key, got none; check the verifier keys');
  if (new Set(known.map(({ key }) => key)).size !== known.length)
    throw new ReceiptError('note/signature-invalid', 'expected one signature of each key, got two');
  const valid = await Promise.all(known.map(({ key, signature }) => verifyCheckpointSignature(key, checkpoint, signature)));
  return known.map(({ key, signature }, i) => {
    if (valid[i] !== true)
      throw new ReceiptError(
        'note/signature-invalid',
        `the checkpoint's signature by ${key.name} (type ${key.type}) does not verify`,
      );
    return { key, time: key.type === ED25519_NOTE ? null : signatureTime(signature) };
  });
}
