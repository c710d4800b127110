/**
 * Hashes of the log's trees by the runtime's own SHA-256, written as text: a text crosses into the runtime and back without the arrays that
 * bytes need, which cost several times the hash. The receipt package has the same over bytes; tests hold both equal.
 */

import { hash } from 'node:crypto';

/** How a hash is written: as in paths of proofs, or as in batches of leaves. */
export type HashText = 'base64' | 'hex';

/** `0x01 || left || right`. Shared by all calls: it is filled and hashed without an `await` in between. */
const node = Buffer.alloc(65, 1);
/** `"assay-commitment/1\n" || salt || body`, and room for more. */
const COMMITMENT_PREFIX = Buffer.from('assay-commitment/1\n');
const SALT_BYTES = 32;
const BODY_AT = COMMITMENT_PREFIX.length + SALT_BYTES;
let opening: Buffer = openingOf(16 * 1024);

/** Inner node of a tree (RFC 6962 §2.1), read and written as `text`. */
export function nodeHash(left: string, right: string, text: HashText): string {
  node.write(left, 1, text);
  node.write(right, 33, text);
  return hash('sha256', node, text);
}

/** Hash of an entry of the log (RFC 6962 §2.1). */
export function entryHash(entry: string, text: HashText): string {
  return hash('sha256', `\0${entry}`, text);
}

/** `commitment` of a leaf (spec/log.md §3), hex. `salt` is 32 bytes. */
export function commitmentOf(salt: Uint8Array, body: string): string {
  const most = BODY_AT + body.length * 3;
  if (most > opening.length) opening = openingOf(most * 2);
  opening.set(salt, COMMITMENT_PREFIX.length);
  const length = BODY_AT + opening.write(body, BODY_AT);
  return hash('sha256', opening.subarray(0, length), 'hex');
}

function openingOf(length: number): Buffer {
  const buffer = Buffer.alloc(length);
  buffer.set(COMMITMENT_PREFIX);
  return buffer;
}
