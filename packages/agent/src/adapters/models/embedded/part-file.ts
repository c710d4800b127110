/**
 * A file that is being fetched. It grows by what comes, never beyond the length that is expected, and becomes the real file only with
 * the digest that is expected. A part that was left behind is read again, so that its digest covers every byte.
 */

import { createHash, type Hash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open, rename, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ServerError } from '../../../errors.ts';
import { writeFault } from './disk-space.ts';

/** What the whole file must be. */
export interface ExpectedFile {
  readonly bytes: number;
  /** Lower-case hex. */
  readonly sha256: string;
}

const BLOCK = 1024 * 1024;

export class PartFile {
  readonly #path: string;
  readonly #part: string;
  readonly #expected: ExpectedFile;
  readonly #handle: FileHandle;
  #hash: Hash;
  #length: number;

  private constructor(path: string, expected: ExpectedFile, handle: FileHandle, hash: Hash, length: number) {
    this.#path = path;
    this.#part = partOf(path);
    this.#expected = expected;
    this.#handle = handle;
    this.#hash = hash;
    this.#length = length;
  }

  /** Opens the part of `path`, with what an earlier try left in it. */
  static async open(path: string, expected: ExpectedFile, signal: AbortSignal): Promise<PartFile> {
    const handle = await open(partOf(path), constants.O_RDWR | constants.O_CREAT, 0o600);
    try {
      const hash = createHash('sha256');
      const length = await hashInto(hash, handle, expected.bytes, signal);
      const part = new PartFile(path, expected, handle, hash, length);
      if (length > expected.bytes) await part.restart();
      return part;
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  get length(): number {
    return this.#length;
  }

  get isWhole(): boolean {
    return this.#length === this.#expected.bytes;
  }

  /** Forgets what is there. */
  async restart(): Promise<void> {
    await this.#handle.truncate(0);
    this.#hash = createHash('sha256');
    this.#length = 0;
  }

  /** @throws {ServerError} `model/wrong-digest` for more than is expected, `model/disk-full`. */
  async append(bytes: Uint8Array): Promise<void> {
    if (this.#length + bytes.length > this.#expected.bytes) {
      await this.restart();
      const message = `expected ${this.#expected.bytes} bytes, got more; take another source`;
      throw new ServerError('model/wrong-digest', message);
    }
    let written = 0;
    try {
      while (written < bytes.length) {
        const { bytesWritten } = await this.#handle.write(bytes, written, bytes.length - written, this.#length + written);
        written += bytesWritten;
      }
    } catch (cause) {
      throw writeFault(cause, dirname(this.#path));
    }
    this.#hash.update(bytes);
    this.#length += bytes.length;
  }

  /**
   * Puts the whole file in its place. A file with another digest is thrown away.
   * @throws {ServerError} `model/wrong-digest`.
   */
  async finish(): Promise<void> {
    const digest = this.#hash.copy().digest('hex');
    const { bytes, sha256 } = this.#expected;
    if (!this.isWhole || digest !== sha256) {
      const got = this.isWhole ? `SHA-256 ${digest}` : `${this.#length} bytes`;
      await this.restart();
      throw new ServerError(
        'model/wrong-digest',
        `expected ${bytes} bytes with SHA-256 ${sha256}, got ${got}; take another source`,
      );
    }
    await this.#handle.sync().catch((cause: unknown) => {
      throw writeFault(cause, dirname(this.#path));
    });
    await rename(this.#part, this.#path);
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}

/** Where the part of a file is. */
export function partOf(path: string): string {
  return `${path}.part`;
}

/** Removes what an earlier try left. */
export async function removePart(path: string): Promise<void> {
  await unlink(partOf(path)).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
}

/**
 * Hex SHA-256 of a file.
 * @throws the system's error when it cannot be read; the signal's reason.
 */
export async function fileDigest(path: string, signal: AbortSignal): Promise<string> {
  const handle = await open(path, 'r');
  try {
    const hash = createHash('sha256');
    await hashInto(hash, handle, Number.POSITIVE_INFINITY, signal);
    return hash.digest('hex');
  } finally {
    await handle.close();
  }
}

/** Reads `handle` from its start into `hash`; stops once more than `most` bytes are there. Gives the length that was read. */
async function hashInto(hash: Hash, handle: FileHandle, most: number, signal: AbortSignal): Promise<number> {
  const block = Buffer.alloc(BLOCK);
  let length = 0;
  while (length <= most) {
    signal.throwIfAborted();
    const { bytesRead } = await handle.read(block, 0, BLOCK, length);
    if (bytesRead === 0) break;
    hash.update(block.subarray(0, bytesRead));
    length += bytesRead;
  }
  return length;
}
