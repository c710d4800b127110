/** What model files are read through: random access by the caller, who owns files, buffers and the hash function. */

import { encodeHex } from '@assay/encoding/hex';
import { sha256Hex } from '@assay/encoding/sha256';
import { sha256 } from '@noble/hashes/sha2.js';
import { ModelError } from '../errors.ts';

export interface ByteSource {
  /** File name without folder, for errors and for names in lists. */
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** Exactly `length` bytes from `offset` on, within {@link size}. The array belongs to the caller until the next but one read. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

/** A running SHA-256. */
export interface Hasher {
  update(bytes: Uint8Array): unknown;
  digest(): Uint8Array;
}

export interface HashOptions {
  /** Makes a SHA-256; the platform's native one is some five times faster than the default. */
  readonly newHasher?: (() => Hasher) | undefined;
}

/** Bytes of one read of tensor data. */
const CHUNK = 4 * 1024 * 1024;

/** Lower-case hex of the SHA-256 of a range. The next chunk is read while this one is hashed. */
export async function rangeDigest(
  source: ByteSource,
  range: { readonly offset: number; readonly length: number },
  { newHasher = () => sha256.create() }: HashOptions,
): Promise<string> {
  const { offset, length } = range;
  const hasher = newHasher();
  const chunkAt = (at: number): Promise<Uint8Array> => exactly(source, offset + at, Math.min(CHUNK, length - at));
  let next = length > 0 ? chunkAt(0) : null;
  for (let at = CHUNK; next !== null; at += CHUNK) {
    const chunk: Uint8Array = await next;
    next = at < length ? chunkAt(at) : null;
    hasher.update(chunk);
  }
  return encodeHex(new Uint8Array(hasher.digest()));
}

/** @throws {ModelError} `model-file/malformed` when the source has fewer bytes than it says. */
export async function exactly(source: ByteSource, offset: number, length: number): Promise<Uint8Array> {
  const bytes = await source.read(offset, length);
  if (bytes.length === length) return bytes;
  throw new ModelError(
    'model-file/malformed',
    `${source.name}: expected ${length} bytes at ${offset}, got ${bytes.length}; the file changed while it was read`,
  );
}

/** A source over bytes in memory. @example bytesSource('model.gguf', bytes) */
export function bytesSource(name: string, bytes: Uint8Array): ByteSource {
  return { name, size: bytes.length, read: async (offset, length) => bytes.subarray(offset, offset + length) };
}

/** Lower-case hex SHA-256 of bytes at hand. */
export function hexDigest(bytes: Uint8Array): string {
  return sha256Hex(bytes);
}
