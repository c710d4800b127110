/** SHA-256 of programs and runtimes, some of them 100 MB: read through one buffer, since what a stream allocates stays until it is collected. */

import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';

const PIECE_BYTES = 256 * 1024;

/**
 * Lower-case hex SHA-256 of a file, in 256 KiB of memory.
 * @throws the file system's error when it cannot be read.
 * @example await fileDigest(process.execPath)
 */
export async function fileDigest(path: string): Promise<string> {
  const hash = createHash('sha256');
  const piece = new Uint8Array(PIECE_BYTES);
  const file = await open(path);
  try {
    for (;;) {
      const { bytesRead } = await file.read(piece, 0, PIECE_BYTES);
      if (bytesRead === 0) return hash.digest('hex');
      hash.update(piece.subarray(0, bytesRead));
    }
  } finally {
    await file.close();
  }
}
